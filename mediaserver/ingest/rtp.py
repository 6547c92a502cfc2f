"""RTP packets (RFC 3550 §5.1) and header extensions (RFC 8285), as far as a publish reads them.

Pure. A stranger may write anything into a packet: what is no RTP is a `ValueError`, and a malformed
extension costs the extension, not the packet.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MID_URI = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID_URI = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID_URI = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
TRANSPORT_CC_URI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

_HEADER = struct.Struct("!BBHLL")
_EXTENSION = struct.Struct("!HH")
_ONE_BYTE, _TWO_BYTES = 0xBEDE, 0x100
_STOP = 15
"""RFC 8285 §4.2: with this id in the one-byte form, the rest is not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionIds:
    """The ids of the header extensions that are read; None where one was not negotiated."""

    transport_cc: int | None = None
    rid: int | None = None
    repaired_rid: int | None = None


@dataclass(slots=True)
class RtpPacket:
    """One packet, decrypted and without padding. Not frozen: one is made of every datagram."""

    payload_type: int
    marker: int
    sequence_number: int
    timestamp: int
    ssrc: int
    payload: bytes
    transport_sequence: int | None = None
    """Transport-wide sequence number, 16 bits (draft-holmer-rmcat-transport-wide-cc-extensions)."""
    rid: str | None = None
    """The simulcast layer (RFC 8852 §3.1)."""
    repaired_rid: str | None = None
    """The layer that a retransmission belongs to (RFC 8852 §3.2)."""
    arrival_ns: int = 0
    """Monotonic clock, set by the receiver."""


class RtpReader:
    """Reads the packets of one transport, whose m-lines share extension ids (RFC 8843 §10)."""

    def __init__(self, ids: ExtensionIds) -> None:
        self._ids = ids
        self._any = any((ids.transport_cc, ids.rid, ids.repaired_rid))

    def read(self, data: bytes) -> RtpPacket:
        """The packet in `data`. Raises `ValueError`."""
        size = len(data)
        if size < 12:
            raise ValueError("an RTP packet is shorter than its header")
        first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
        if first & 0xC0 != 0x80:
            raise ValueError("an RTP packet is not of version 2")
        start = 12 + 4 * (first & 0x0F)
        extension = start
        profile = 0
        if first & 0x10:
            if size < start + 4:
                raise ValueError("an RTP packet ends within its header extension")
            profile, words = _EXTENSION.unpack_from(data, start)
            extension = start + 4
            start = extension + 4 * words
        end = size
        if first & 0x20:
            end -= data[-1]
            if end == size:
                raise ValueError("an RTP packet has padding of no length")
        if end < start:
            raise ValueError("an RTP packet is shorter than its header says")
        packet = RtpPacket(second & 0x7F, second >> 7, sequence, timestamp, ssrc, data[start:end])
        if profile and self._any:
            self._read_extensions(packet, profile, data[extension:start])
        return packet

    def _read_extensions(self, packet: RtpPacket, profile: int, data: bytes) -> None:
        ids = self._ids
        if len(data) == 4 and profile == _ONE_BYTE and data[0] == (ids.transport_cc or 0) << 4 | 1:
            packet.transport_sequence = data[1] << 8 | data[2]  # the usual case, in short
            return
        for number, value in extension_elements(profile, data):
            if number == ids.transport_cc:
                if len(value) == 2:
                    packet.transport_sequence = int.from_bytes(value, "big")
            elif number == ids.rid:
                packet.rid = value.decode("ascii", "replace")
            elif number == ids.repaired_rid:
                packet.repaired_rid = value.decode("ascii", "replace")


def extension_elements(profile: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    """The (id, value) of a header extension in either form; ends where it is cut short."""
    one_byte = profile == _ONE_BYTE
    if not one_byte and profile >> 4 != _TWO_BYTES:
        return
    place = 0
    while place < len(data):
        head = data[place]
        if head == 0:  # padding
            place += 1
            continue
        if one_byte:
            number, length, place = head >> 4, (head & 0x0F) + 1, place + 1
            if number in (0, _STOP):  # 0 with a length ends the reading, too (RFC 8285 §4.2)
                return
        else:
            if place + 1 >= len(data):
                return
            number, length, place = head, data[place + 1], place + 2
        if place + length > len(data):
            return
        yield number, data[place : place + length]
        place += length
