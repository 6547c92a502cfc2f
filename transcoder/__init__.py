"""Pure media: no network, no asyncio, no shop.

Encoded frames (`values.AccessUnit`) come in, parts of CMAF (`values.Part`) go out. Everything but
`worker` is functions and small classes over values; `worker` is the process around them.
"""
