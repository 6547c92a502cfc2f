"""Video packets in order to frames: closed on the marker bit, so never one frame late. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mediaserver.ingest.codec import Depacketiser

_MAX_FRAME_BYTES = 4 * 1024 * 1024
"""No frame of a publish comes near this; past it the frame is dropped as lost."""


class VideoPacket(Protocol):
    """What is read of an RTP packet."""

    timestamp: int
    marker: int
    payload: bytes
    arrival_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedFrame:
    """One access unit on its RTP clock, as it leaves the packets of its track."""

    timestamp: int
    """RTP timestamp, 32 bits."""
    arrival_ns: int
    """Monotonic clock at its first packet."""
    data: bytes
    keyframe: bool
    damaged: bool
    size: tuple[int, int] | None = None
    """Width and height of the picture, where a keyframe says it."""


class FrameAssembler:
    """Collects the packets of one frame at a time; at most `_MAX_FRAME_BYTES` of them."""

    def __init__(self, depacketiser: Depacketiser) -> None:
        self._depacketiser = depacketiser
        self._payloads: list[bytes] = []
        self._bytes = 0
        self._timestamp = 0
        self._arrival_ns = 0
        self._in_step = False
        """False from a loss to the next packet that begins a frame."""
        self._damaged = False
        self.malformed = 0
        """Frames whose payloads were no legal payloads of the codec."""

    @property
    def keyframe_begun(self) -> bool:
        """Whether the packets collected so far look like those of a keyframe."""
        return bool(self._payloads) and self._depacketiser.begins_keyframe(self._payloads[0])

    def lose(self) -> None:
        """Packets are missing here: what was collected is dropped, the next frame is marked."""
        self._payloads.clear()
        self._bytes = 0
        self._in_step = False
        self._damaged = True

    def take(self, packet: VideoPacket) -> Sequence[EncodedFrame]:
        """The next packet in order; returns the frames that it completes (none, one or two)."""
        payload = packet.payload
        if not payload:
            return ()  # padding, which some senders use to probe the line
        if self._payloads and not packet.marker and packet.timestamp == self._timestamp:
            self._payloads.append(payload)
            self._bytes += len(payload)
            if self._bytes > _MAX_FRAME_BYTES:
                self.malformed += 1
                self.lose()
            return ()
        frames: list[EncodedFrame] = []
        if self._payloads and packet.timestamp != self._timestamp:
            frames += self._closed()  # a sender without marker bits
        if not self._in_step:
            if not self._depacketiser.starts_frame(payload):
                self._damaged = True
                return frames
            self._in_step = True
        if not self._payloads:
            self._timestamp, self._arrival_ns = packet.timestamp, packet.arrival_ns
        self._payloads.append(payload)
        self._bytes += len(payload)
        if self._bytes > _MAX_FRAME_BYTES:
            self.malformed += 1
            self.lose()
        elif packet.marker:
            frames += self._closed()
        return frames

    def _closed(self) -> list[EncodedFrame]:
        try:
            coded = self._depacketiser.frame(self._payloads)
        except ValueError:
            self.malformed += 1
            self.lose()
            return []
        self._payloads.clear()
        self._bytes = 0
        if coded is None:
            return []
        frame = EncodedFrame(
            timestamp=self._timestamp,
            arrival_ns=self._arrival_ns,
            data=coded.data,
            keyframe=coded.keyframe,
            # Nothing that a keyframe refers to can have been lost.
            damaged=self._damaged and not coded.keyframe,
            size=coded.size,
        )
        self._damaged = False
        return [frame]
