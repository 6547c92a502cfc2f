"""A glance at a datagram, before anything is parsed or allocated for it.

Pure. Strangers send to the port as fast as they like, so the question "whose is this?" must cost
next to nothing: the first byte says the protocol (RFC 7983), and the user name of a connectivity
check names the session (RFC 8445 §7.2.2).
"""

import struct
from typing import Literal

Protocol = Literal["stun", "dtls", "rtp"]

MAX_DATAGRAM_BYTES = 1500
"""What libsrtp's buffer holds; no packet of a publisher is longer, since it fits an Ethernet
frame."""

_RTP_HEADER_BYTES = 12
_HEADER = struct.Struct("!HHI12s")
_COOKIE = 0x2112A442
_USERNAME = 0x0006


def protocol_of(datagram: bytes) -> Protocol | None:
    """What a datagram is by its first byte (RFC 7983 §7); None for what is nobody's."""
    if not 0 < len(datagram) <= MAX_DATAGRAM_BYTES:
        return None
    first = datagram[0]
    if first < 4:
        return "stun"
    if 20 <= first < 64:
        return "dtls"
    if 128 <= first < 192:
        return "rtp"
    return None


def is_request(datagram: bytes) -> bool:
    """True for a STUN Binding request with a sound header (RFC 8489 §5)."""
    return _kind(datagram) == 0x0001


def response_transaction(datagram: bytes) -> bytes | None:
    """The transaction id of a STUN Binding success or error response, else None."""
    return datagram[8:20] if _kind(datagram) in (0x0101, 0x0111) else None


def rtp_ssrc(datagram: bytes) -> int | None:
    """The stream id of an RTP packet (RFC 3550 §5.1); None for RTCP (RFC 5761 §4) and stumps."""
    if len(datagram) < _RTP_HEADER_BYTES or 192 <= datagram[1] <= 223:
        return None
    return int.from_bytes(datagram[8:12], "big")


def local_ufrag(request: bytes) -> str | None:
    """The receiver's user name fragment: what precedes the colon in USERNAME, or None."""
    position = _HEADER.size
    while position + 4 <= len(request):
        kind, size = struct.unpack_from("!HH", request, position)
        position += 4
        if kind == _USERNAME:
            name, colon, _rest = request[position : position + size].partition(b":")
            return name.decode("ascii", "replace") if colon else None
        position += size + -size % 4
    return None


def _kind(datagram: bytes) -> int | None:
    if len(datagram) < _HEADER.size:
        return None
    kind, length, cookie, _transaction = _HEADER.unpack_from(datagram)
    if cookie != _COOKIE or length != len(datagram) - _HEADER.size:
        return None
    return int(kind)
