"""Rungs of any encoder, and what a player makes of their samples."""

from collections.abc import Callable, Sequence
from typing import Any

import av
import pytest
from av.video.frame import VideoFrame

from transcoder.encode import RungEncoder
from transcoder.grid import Grid
from transcoder.profiles import Profile, RungPlan, plan_rungs
from transcoder.samples import EncodedPicture

GRID = Grid(frames_per_second=30, part_slots=10, idr_slots=30, segment_slots=60)
_DECODERS = {"h264": "h264", "hevc": "hevc", "av1": "libdav1d"}


@pytest.fixture
def grid() -> Grid:
    return GRID


@pytest.fixture
def planned() -> Callable[..., RungPlan]:
    """`planned("libx265", 320, 180, bitrate_bps=…)`: one rung's plan for a source of that size."""

    def plan(encoder: str, width: int, height: int, **overrides: Any) -> RungPlan:
        keys = {"bitrate_bps": 700_000, "max_bitrate_bps": 800_000, **overrides}
        rung = {"name": "a", "height": min(width, height), "encoder": encoder, **keys}
        return plan_rungs(Profile.from_plain({"rungs": [rung]}), width, height)[0]

    return plan


@pytest.fixture
def decoded() -> Callable[[RungEncoder, Sequence[EncodedPicture]], list[VideoFrame]]:
    """What a player shows of an encoder's samples, from the first keyframe on."""

    def decode(encoder: RungEncoder, pictures: Sequence[EncodedPicture]) -> list[VideoFrame]:
        decoder: Any = av.CodecContext.create(_DECODERS[encoder.plan.codec], "r")
        decoder.thread_count = 1
        frames = []
        for picture in pictures:
            data = picture.data
            if encoder.plan.codec != "av1":
                data = _annexb(data)
                data = encoder.headers + data if picture.keyframe else data
            frames += decoder.decode(av.Packet(data))
        return frames + list(decoder.decode(None))

    return decode


def _annexb(sample: bytes) -> bytes:
    stream, at = b"", 0
    while at < len(sample):
        end = at + 4 + int.from_bytes(sample[at : at + 4], "big")
        stream += b"\x00\x00\x00\x01" + sample[at + 4 : end]
        at = end
    return stream
