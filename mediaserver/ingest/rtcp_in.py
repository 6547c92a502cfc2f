"""What a publisher's RTCP says: sender reports (RFC 3550 §6.4.1) and answers to our reference times
(RFC 3611 §4.5). Pure; everything else is skipped, and what is malformed ends the reading.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mediaserver.ingest.rtcp import SenderReport

_SR, _XR = 200, 207
_DLRR = 5
_SENDER_INFO = struct.Struct("!LQL")
_ECHO = struct.Struct("!LLL")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeEcho:
    """A sub-block of a DLRR block: the publisher has heard a reference time."""

    ssrc: int
    """Whose reference time it was."""
    reference: int
    """The middle 32 bits of its NTP timestamp."""
    delay: int
    """How long the publisher held it, in 1/65536 s."""


def read_rtcp(data: bytes) -> Iterator[SenderReport | TimeEcho]:
    """The reports in a compound packet, as they come. Never raises."""
    place = 0
    while place + 4 <= len(data):
        first, kind, words = struct.unpack_from("!BBH", data, place)
        end = place + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            return
        if kind == _SR and end - place >= 28:
            ssrc, ntp, rtp = _SENDER_INFO.unpack_from(data, place + 4)
            yield SenderReport(ntp=ntp, rtp=rtp, ssrc=ssrc)
        elif kind == _XR:
            yield from _echoes(data[place + 8 : end])
        place = end


def _echoes(blocks: bytes) -> Iterator[TimeEcho]:
    place = 0
    while place + 4 <= len(blocks):
        kind, words = blocks[place], int.from_bytes(blocks[place + 2 : place + 4], "big")
        end = place + 4 + 4 * words
        if end > len(blocks):
            return
        if kind == _DLRR:
            for at in range(place + 4, end - 11, 12):
                ssrc, reference, delay = _ECHO.unpack_from(blocks, at)
                yield TimeEcho(ssrc=ssrc, reference=reference, delay=delay)
        place = end
