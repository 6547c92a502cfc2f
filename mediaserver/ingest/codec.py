"""What every depacketiser of video takes and gives: the seam between RTP and the codecs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedFrame:
    """One frame put together from its RTP payloads, in the byte form `AccessUnit.data` has."""

    data: bytes
    keyframe: bool
    size: tuple[int, int] | None = None
    """Width and height of the picture, where a keyframe says it."""


class Depacketiser(Protocol):
    """One codec's RTP payload format. Pure: it may remember parameter sets, nothing else."""

    def starts_frame(self, payload: bytes) -> bool:
        """True where a frame may begin with this payload. Never raises."""

    def begins_keyframe(self, payload: bytes) -> bool:
        """True where the frame that begins so looks like a keyframe. Never raises."""

    def frame(self, payloads: Sequence[bytes]) -> CodedFrame | None:
        """The frame in all payloads of one RTP timestamp, in order.

        None where they hold no picture (parameter sets on their own). Raises `ValueError` for what
        is no legal payload.
        """
