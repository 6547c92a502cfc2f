"""What a head asks for: whether it is the hot layer's to answer, and in which form. Pure."""

from dataclasses import replace

from mediaserver.gateway.encodings import accepts_gzip
from mediaserver.gateway.hot.head import Head
from mediaserver.gateway.hot.targets import HotTarget
from mediaserver.gateway.hot.wire import Ask

_ASKS = tuple(
    Ask(head=bool(n & 1), gzip=bool(n & 2), close=bool(n & 4), old=bool(n & 8)) for n in range(16)
)

PLAIN, PACKED, LAST = _ASKS[0], _ASKS[2], _ASKS[4]
"""For a response that nothing was asked for; for the same gzipped; for one that the connection ends
with."""


def ask_of(head: Head) -> Ask:
    """What a head says of the answer's form."""
    ask = _ASKS[
        (head.method == b"HEAD")
        | (head.encodings is not None and _takes_gzip(head.encodings)) << 1
        | (not head.keep_alive) << 2
        | head.old << 3
    ]
    wanted = head.range
    return ask if wanted is None else replace(ask, range=wanted)


def is_hot(head: Head, target: HotTarget) -> bool:
    return (
        head.method in (b"GET", b"HEAD", b"OPTIONS")
        and target.path.kind not in ("events", "poster")  # a poster has a validator to look at
        and not (head.body_bytes or head.chunked or head.upgrade or head.expects)
    )


MAX_ENCODINGS = 256
MAX_KNOWN_ENCODINGS_BYTES = 128
"""Longer ones are looked at anew each time."""

_GZIP: dict[bytes, bool] = {}
"""By the value of Accept-Encoding. When it is full of strangers' inventions, all are forgotten."""


def _takes_gzip(encodings: bytes) -> bool:
    found = _GZIP.get(encodings)
    if found is None:
        found = accepts_gzip(encodings.decode("latin-1"))
        if len(encodings) <= MAX_KNOWN_ENCODINGS_BYTES:
            if len(_GZIP) >= MAX_ENCODINGS:
                _GZIP.clear()
            _GZIP[encodings] = found
    return found
