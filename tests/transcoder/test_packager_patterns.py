"""Parts of slots with one picture, none, or several: whatever a rung makes of the grid."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import pytest
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from hypothesis import given, settings
from hypothesis import strategies as st

from transcoder.cmaf.avc import annexb_to_avcc, parameter_sets
from transcoder.cmaf.fragment import MOST_SAMPLE_BYTES, SAMPLE_BYTES
from transcoder.cmaf.runs import Run, read_fragments
from transcoder.cmaf.video_config import VideoConfig, avc_config
from transcoder.cutter import Cutter
from transcoder.grid import Grid, make_grid
from transcoder.packager import AudioConfig, RenditionPackager, init_section
from transcoder.samples import EncodedPicture, SlotSamples
from transcoder.scale import solid
from transcoder.values import Anchor, Part

GRID = make_grid(frames_per_second=30, latency="low")
FIRST_SLOT = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A keyframe, and pictures that each refer to the one before, all of the same grey."""

    config: VideoConfig
    keyframe: bytes
    others: Sequence[bytes]


def encoder() -> VideoCodecContext:
    context = av.CodecContext.create("libx264", "w")
    context.width = context.height = 32
    context.pix_fmt, context.time_base = "yuv420p", Fraction(1, 30)
    context.thread_count = 1
    context.flags |= Flags.global_header
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "forced-idr": "1"}
    context.open()
    return context


@pytest.fixture(scope="module")
def encoded() -> Encoded:
    context = encoder()
    samples = []
    for index in range(2):
        frame = solid(32, 32, (90, 128, 128))
        frame.pts, frame.time_base = index, Fraction(1, 30)
        frame.pict_type = PictureType.NONE if index else PictureType.I
        samples += [annexb_to_avcc(bytes(packet)) for packet in context.encode(frame)]
    sps, pps = parameter_sets(context.extradata or b"")
    return Encoded(config=avc_config([sps], [pps]), keyframe=samples[0], others=samples[1:])


def pictures(encoded: Encoded, keys: Sequence[bool]) -> tuple[EncodedPicture, ...]:
    return tuple(
        EncodedPicture(keyframe=key, data=encoded.keyframe if key else encoded.others[0])
        for key in keys
    )


def packaged(grid: Grid, slots: Sequence[SlotSamples]) -> list[Part]:
    """All of `slots` as parts, cut at keyframes like those of a source."""
    cuts = Cutter(grid=grid, first_slot=FIRST_SLOT, next_number=0, next_msn=0, follows_source=True)
    for samples in slots:
        shown = samples.pictures
        cuts.place(keyframe=bool(shown) and shown[0].keyframe)
    cuts.end(FIRST_SLOT + len(slots))
    packs = RenditionPackager(show="s", epoch="e", rendition="a", generation=0, grid=grid)
    parts = []
    while cuts.peek() is not None:
        plan = cuts.take()
        first = plan.first_slot - FIRST_SLOT
        parts.append(packs.part(plan, slots[first : first + plan.slots], [], ()))
    return parts


def runs(parts: Sequence[Part]) -> list[Run]:
    return [fragment.runs[0] for part in parts for fragment in read_fragments(part.data)]


def init(encoded: Encoded) -> bytes:
    return init_section(
        show="s",
        epoch="e",
        rendition="a",
        generation=0,
        ladder=("a",),
        anchor=Anchor(utc_us=0, monotonic_ns=0),
        grid=GRID,
        video=encoded.config,
        audio=AudioConfig(asc=bytes.fromhex("1190")),
        bandwidth_bps=1,
        average_bandwidth_bps=1,
    ).data


slot_patterns = st.lists(st.lists(st.booleans(), max_size=4), min_size=1, max_size=75)


@settings(deadline=None, max_examples=60)
@given(pattern=slot_patterns)
def test_any_pattern_of_slots_keeps_its_time_and_decodes(
    encoded: Encoded, pattern: list[list[bool]]
) -> None:
    """MP-05 to MP-08, MP-10 to MP-12, MP-15; times by our reader and by FFmpeg."""
    slots = [
        SlotSamples(slot=FIRST_SLOT + index, pictures=pictures(encoded, with_first(index, keys)))
        for index, keys in enumerate(pattern)
    ]
    parts = packaged(GRID, slots)
    tick = FIRST_SLOT * 3000
    for part, run in zip(parts, runs(parts), strict=True):
        assert (part.decode_time, run.decode_time) == (tick, tick)
        assert run.duration == part.duration
        assert min(sample.duration for sample in run.samples) > 0
        tick += part.duration
        syncs = [sample.sync for sample in run.samples]
        datas = [part.data[s.offset : s.offset + s.size] for s in run.samples]
        assert syncs == [data == encoded.keyframe for data in datas]
        assert (part.independent, part.opens) == (any(syncs), syncs[0])
    assert tick == (FIRST_SLOT + len(slots)) * 3000
    sent = [picture.data for samples in slots for picture in samples.pictures]
    times = [sample.time for run in runs(parts) for sample in run.samples]
    media = init(encoded) + b"".join(part.data for part in parts)
    with av.open(io.BytesIO(media), "r", format="mp4") as container:
        frames = list(container.decode(video=0))
    assert [frame.pts for frame in frames] == times
    assert len(sent) == len(times)


def with_first(index: int, keys: list[bool]) -> list[bool]:
    """What no rung leaves out: a picture where a part may begin, at first a keyframe."""
    if index == 0:
        return [True, *keys[1:]]
    return keys or ([False] if may_begin_part(index) else [])


def may_begin_part(index: int) -> bool:
    """Parts of ten slots from a segment's beginning, which a keyframe may have moved."""
    return index % 10 == 0 or index >= 45


def test_regular_parts_have_the_bytes_that_they_always_had(encoded: Encoded) -> None:
    keys = pictures(encoded, [True] + [False] * 9)
    slots = [SlotSamples(slot=60 + n, pictures=(keys[n],)) for n in range(10)]
    (part,) = packaged(GRID, slots)
    payload = sum(len(picture.data) for picture in keys)
    assert len(part.data) == 32 + 76 + SAMPLE_BYTES * 10 + payload


def test_half_the_pictures_are_as_regular(encoded: Encoded) -> None:
    keys = pictures(encoded, [True] + [False] * 9)
    slots = [SlotSamples(slot=60 + n, pictures=() if n % 2 else (keys[n],)) for n in range(10)]
    (part,) = packaged(GRID, slots)
    assert [sample.duration for sample in runs([part])[0].samples] == [6000] * 5
    payload = sum(len(picture.data) for picture in keys[::2])
    assert len(part.data) == 32 + 76 + SAMPLE_BYTES * 5 + payload


def test_no_sample_takes_more_than_is_reckoned_with(encoded: Encoded) -> None:
    keys = pictures(encoded, [True, False, True])
    slots = [
        SlotSamples(slot=60, pictures=keys[:1]),
        SlotSamples(slot=61, pictures=keys[1:]),
        SlotSamples(slot=62, pictures=()),
    ]
    (part,) = packaged(GRID, slots)
    assert [sample.duration for sample in runs([part])[0].samples] == [3000, 1500, 4500]
    payload = sum(len(picture.data) for picture in keys)
    assert len(part.data) <= 32 + 76 + MOST_SAMPLE_BYTES * 3 + payload
