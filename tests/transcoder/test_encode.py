from collections.abc import Callable
from typing import Any

import av
import pytest

from transcoder.cmaf.avc import nal_types
from transcoder.encode import RungEncoder
from transcoder.errors import MediaError
from transcoder.grid import Grid
from transcoder.profiles import Profile, RungPlan, plan_rungs
from transcoder.scale import solid

GRID = Grid(frames_per_second=30, part_slots=10, idr_slots=30, segment_slots=60)
FIRST = 1_000_003


@pytest.fixture
def plan() -> RungPlan:
    return plan_rungs(Profile(), 128, 96)[0]


def test_one_sample_for_each_slot_with_idrs_exactly_where_asked(plan: RungPlan) -> None:
    encoder = RungEncoder(plan, GRID)
    wanted = {FIRST, FIRST + 30, FIRST + 47}
    for slot in range(FIRST, FIRST + 65):
        flicker = 40 if slot % 2 else 200
        picture = solid(128, 96, (flicker, 128, 128))
        sample = encoder.encode(picture, slot=slot, idr=slot in wanted)
        assert sample.keyframe == (slot in wanted)
        assert set(nal_types(sample.data)) == ({5} if slot in wanted else {1})


def test_a_decoded_picture_brings_no_frame_type_along(plan: RungPlan) -> None:
    encoder = RungEncoder(plan, GRID)
    encoder.encode(solid(128, 96, (50, 128, 128)), slot=0, idr=True)
    intra = solid(128, 96, (60, 128, 128))
    intra.pict_type = 1
    assert not encoder.encode(intra, slot=1, idr=False).keyframe


def test_the_samples_decode_to_the_pictures(plan: RungPlan, luma_at: Callable[..., int]) -> None:
    encoder = RungEncoder(plan, GRID)
    decoder: Any = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    start = b"\x00\x00\x00\x01"
    decoder.extradata = encoder.headers
    for slot, luma in enumerate([30, 30, 200, 90]):
        sample = encoder.encode(solid(128, 96, (luma, 128, 128)), slot=slot, idr=slot == 0)
        (frame,) = decoder.decode(av.Packet(start + sample.data[4:]))
        assert abs(luma_at(frame) - luma) <= 4
        assert (frame.colorspace, frame.color_range) == (1, 1)


def test_the_headers_say_the_size_and_keep_saying_it(plan: RungPlan) -> None:
    one, other = RungEncoder(plan, GRID), RungEncoder(plan, GRID)
    assert (one.headers, one.config) == (other.headers, other.config)
    assert (one.config.width, one.config.height) == (128, 96)


@pytest.mark.parametrize(("width", "height"), [(64, 96), (128, 98)])
def test_a_picture_of_another_size_is_refused(plan: RungPlan, width: int, height: int) -> None:
    with pytest.raises(MediaError, match="128x96"):
        RungEncoder(plan, GRID).encode(solid(width, height, (50, 128, 128)), slot=0, idr=True)
