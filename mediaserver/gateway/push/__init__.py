"""Media push: the parts of one rendition over the event socket, without a request per part.

`messages` the wire; `media` what is kept of an epoch for this; `place` the decisions, pure;
`room` the shell that writes.
"""
