"""Trouble on the line between a publisher and the ingest port, the same every time.

`link` is the pure core: a datagram and the time in, when it is to be delivered out (or never).
`profiles` names the kinds of trouble. `relay` carries datagrams through two links, `front` puts it
in a publisher's way by rewriting the candidates of the WHIP answer, and
``python -m bench.faults --profile NAME …`` is both as a process of their own.
"""
