"""Parts and init sections of real encoders, judged by our own reader and by FFmpeg."""

import io
import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import mutagen.id3
import numpy as np
import pytest
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from transcoder.cmaf.avc import annexb_to_avcc, nal_types, parameter_sets
from transcoder.cmaf.reader import read_boxes
from transcoder.cmaf.runs import Fragment, read_fragments, read_init
from transcoder.cmaf.video_config import avc_config
from transcoder.cutter import Cutter, PartPlan
from transcoder.errors import MediaError
from transcoder.grid import Grid, make_grid
from transcoder.packager import AudioConfig, AudioFrame, RenditionPackager, init_section
from transcoder.samples import EncodedPicture, SlotSamples
from transcoder.values import Anchor, InitSection, Part, TimedMetadata

WIDTH, HEIGHT = 176, 98  # not a multiple of 16: the SPS crops
FIRST_SLOT = 60
SECONDS = 5
GRID = make_grid(frames_per_second=30, latency="low")


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """One rendition of a synthetic show."""

    init: InitSection
    parts: list[Part]
    video: list[SlotSamples]
    audio: list[AudioFrame]

    @property
    def file(self) -> bytes:
        return self.init.data + b"".join(part.data for part in self.parts)


def x264() -> VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base = Fraction(1, 30)
    encoder.thread_count = 1
    encoder.flags |= Flags.global_header
    encoder.options = {
        "preset": "superfast",
        "profile": "high",
        "level": "1.1",
        "tune": "zerolatency",
        "forced-idr": "1",
        "x264-params": "scenecut=0:keyint=infinite",
    }
    encoder.open()
    return encoder


def encoded_video() -> tuple[bytes, list[SlotSamples]]:
    encoder = x264()
    samples = []
    for slot in range(FIRST_SLOT, FIRST_SLOT + 30 * SECONDS + 4):
        picture = np.full((HEIGHT * 3 // 2, WIDTH), slot % 200 + 20, np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = slot
        frame.pict_type = PictureType.NONE if (slot - FIRST_SLOT) % 30 else PictureType.I
        for packet in encoder.encode(frame):
            data = annexb_to_avcc(bytes(packet))
            encoded = EncodedPicture(keyframe=packet.is_keyframe, data=data)
            samples += [SlotSamples(slot=slot, pictures=(encoded,))]
    return encoder.extradata or b"", samples


def encoded_audio(start: int) -> tuple[bytes, list[AudioFrame]]:
    encoder = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", "fltp"
    encoder.open()
    frames = []
    for index in range(47 * SECONDS + 10):
        frame = av.AudioFrame.from_ndarray(
            np.zeros((2, 1024), np.float32), format="fltp", layout="stereo"
        )
        frame.sample_rate, frame.pts = 48_000, start + 1024 * index
        frames += [
            AudioFrame(start=packet.pts, data=bytes(packet))
            for packet in encoder.encode(frame)
            if packet.pts is not None and packet.pts >= start
        ]
    return encoder.extradata or b"", frames


@pytest.fixture(scope="module")
def show() -> Show:
    cuts = Cutter(grid=GRID, first_slot=FIRST_SLOT, next_number=11, next_msn=4)
    extradata, video = encoded_video()
    asc, audio = encoded_audio(FIRST_SLOT * 1600)
    parts = list(packaged(GRID, cuts, video, audio))
    sps, pps = parameter_sets(extradata)
    init = init_section(
        show="demo",
        epoch="e1",
        rendition="98p",
        generation=2,
        ladder=("98p",),
        anchor=Anchor(utc_us=1, monotonic_ns=2),
        grid=GRID,
        video=avc_config([sps], [pps]),
        audio=AudioConfig(asc=asc),
        bandwidth_bps=500_000,
        average_bandwidth_bps=400_000,
    )
    return Show(init=init, parts=parts, video=video, audio=audio)


def packager(grid: Grid = GRID) -> RenditionPackager:
    return RenditionPackager(show="demo", epoch="e1", rendition="98p", generation=2, grid=grid)


def packaged(
    grid: Grid, cuts: Cutter, video: list[SlotSamples], audio: list[AudioFrame]
) -> Iterator[Part]:
    """All of `video` as parts, the last one cut short; each with the audio that ends in it."""
    packs = packager(grid)
    pending = list(audio)
    for _ in video:
        cuts.place()
    cuts.end(video[-1].slot + 1)
    while cuts.peek() is not None:
        plan = cuts.take()
        first = plan.first_slot - FIRST_SLOT
        end_sample = plan.end_slot * grid.slot_ticks * 8 // 15
        mine = [frame for frame in pending if frame.start + 1024 <= end_sample]
        del pending[: len(mine)]
        yield packs.part(plan, video[first : first + plan.slots], mine, cues_in(plan))


def cues_in(plan: PartPlan) -> tuple[TimedMetadata, ...]:
    """On every third part: one late, one on its first frame, one within."""
    start = plan.first_slot * 3000
    if plan.number % 3:
        return ()
    return tuple(
        TimedMetadata(
            id=f"c{plan.number}-{index}",
            revision=index,
            pts=pts,
            duration=2_700_000,
            payload=f'{{"id":"c{plan.number}-{index}"}}'.encode(),
        )
        for index, pts in enumerate((start - 4567, start, start + 2 * 3000 + 1))
    )


def read_one(part: Part) -> Fragment:
    (fragment,) = read_fragments(part.data)
    return fragment


def test_the_init_section_says_what_the_encoders_say(show: Show) -> None:
    init = show.init
    assert init.codecs == "avc1.64000B,mp4a.40.2"
    assert (init.width, init.height, init.frames_per_second) == (WIDTH, HEIGHT, 30)
    assert (init.part_ticks, init.segment_ticks) == (30_000, 180_000)
    video, audio = read_init(init.data)
    assert (video.track, video.handler, video.timescale, video.edits) == (1, "vide", 90_000, False)
    assert (audio.track, audio.handler, audio.timescale, audio.edits) == (2, "soun", 48_000, False)


def test_ffmpeg_decodes_every_frame_at_its_exact_time(show: Show) -> None:
    with av.open(io.BytesIO(show.file), "r") as container:
        (stream,) = container.streams.video
        stream.thread_count = 1
        assert stream.time_base == Fraction(1, 90_000)
        assert (stream.width, stream.height) == (WIDTH, HEIGHT)
        frames = list(container.decode(video=0))
    assert [frame.pts for frame in frames] == [sample.slot * 3000 for sample in show.video]
    for frame, sample in zip(frames, show.video, strict=True):
        shade = float(frame.to_ndarray()[:HEIGHT].mean())
        assert abs(shade - (sample.slot % 200 + 20)) < 6


def test_ffmpeg_finds_every_audio_frame_at_its_exact_time(show: Show) -> None:
    with av.open(io.BytesIO(show.file), "r") as container:
        packets = [p for p in container.demux(audio=0) if p.size]
        assert container.streams.audio[0].time_base == Fraction(1, 48_000)
    with av.open(io.BytesIO(show.file), "r") as container:
        decoded = [(frame.pts, frame.samples) for frame in container.decode(audio=0)]
    sent = show.audio[: len(packets)]
    assert [(p.pts, bytes(p)) for p in packets] == [(f.start, f.data) for f in sent]
    assert decoded == [(frame.start, 1024) for frame in sent]
    assert len(sent) >= 46 * SECONDS


def test_time_goes_on_from_part_to_part_without_a_gap(show: Show) -> None:
    runs = [read_one(part).runs for part in show.parts]
    for track, index in ((1, 0), (2, 1)):
        assert all(run[index].track == track and run[index].base_is_moof for run in runs)
        ends = [run[index].decode_time + run[index].duration for run in runs]
        assert ends[:-1] == [run[index].decode_time for run in runs[1:]]


def test_a_part_says_of_itself_what_its_boxes_say(show: Show) -> None:
    for part in show.parts:
        fragment = read_one(part)
        video, audio = fragment.runs
        assert fragment.sequence == part.number + 1
        assert (video.decode_time, video.duration) == (part.decode_time, part.duration)
        assert part.independent == video.samples[0].sync
        audio_end = (audio.decode_time + audio.duration) * 15
        part_end = (part.decode_time + part.duration) * 8
        assert 0 <= part_end - audio_end < 1024 * 15


def test_sync_flags_agree_with_the_nal_units(show: Show) -> None:
    for part in show.parts:
        for sample in read_one(part).runs[0].samples:
            data = part.data[sample.offset : sample.offset + sample.size]
            assert sample.sync == (5 in nal_types(data))


def test_the_parts_of_a_segment_are_the_segment(show: Show) -> None:
    for _, group in itertools.groupby(show.parts, key=lambda part: part.msn):
        parts = list(group)
        segment = read_fragments(b"".join(part.data for part in parts))
        assert [f.sequence for f in segment] == [part.number + 1 for part in parts]
        assert segment[0].runs[0].samples[0].sync
        assert sum(f.runs[0].duration for f in segment) == sum(part.duration for part in parts)


def as_hls_js_reads(data: bytes) -> Iterator[tuple[str, int, int, int, int, str, bytes]]:
    """The top boxes named `emsg` field by field, and the owner and data of the PRIV frame."""
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"emsg":
            assert data[at + 8 : at + 12] == b"\x01\0\0\0"
            numbers = struct.unpack_from(">IQII", data, at + 12)
            scheme, value, tag = data[at + 32 : at + size].split(b"\0", 2)
            assert value == b""
            id3: Any = mutagen.id3
            read = id3.ID3(io.BytesIO(tag), translate=False)
            assert (read.version, read.size) == ((2, 4, 0), len(tag))
            (frame,) = read.getall("PRIV")
            assert len(read) == 1
            assert frame.owner == "comptoir.cue"
            yield scheme.decode(), *numbers, frame.owner, frame.data
        at += size


def test_cues_stand_before_their_moof_in_parts_and_segments(show: Show) -> None:
    """CU-01 to CU-06, CU-08, CU-14: read without our reader, the tag by mutagen."""
    for part in show.parts:
        kinds = [box.kind for box in read_boxes(part.data)]
        assert kinds == ["emsg"] * len(part.cues) + ["moof", "mdat"]
        events = list(as_hls_js_reads(part.data))
        assert [(e[0], e[1], e[3]) for e in events] == [
            ("https://aomedia.org/emsg/ID3", 90_000, cue.duration) for cue in part.cues
        ]
        assert [e[2] for e in events] == [max(cue.pts, part.decode_time) for cue in part.cues]
        assert [e[6] for e in events] == [cue.payload for cue in part.cues]
    cued = [part for part in show.parts if part.cues]
    assert len(cued) == 5
    for _, group in itertools.groupby(show.parts, key=lambda part: part.msn):
        parts = list(group)
        whole = list(as_hls_js_reads(b"".join(part.data for part in parts)))
        assert whole == [event for part in parts for event in as_hls_js_reads(part.data)]
    numbers = [event[4] for part in show.parts for event in as_hls_js_reads(part.data)]
    assert len(set(numbers)) == len(numbers) == 15
    assert b"aid3" in read_boxes(show.init.data)[0].payload


def test_the_run_ends_with_a_short_part(show: Show) -> None:
    *whole, short = show.parts
    assert {part.duration for part in whole} == {30_000}
    assert (short.duration, short.last) == (4 * 3000, True)
    assert {(p.show, p.epoch, p.rendition, p.generation) for p in show.parts} == {
        ("demo", "e1", "98p", 2)
    }


def plan_of(first_slot: int, slots: int, *, index: int = 0) -> PartPlan:
    return PartPlan(number=0, msn=0, index=index, first_slot=first_slot, slots=slots, last=False)


def test_a_part_too_short_for_an_audio_frame_has_a_video_run_alone(show: Show) -> None:
    part = packager().part(plan_of(FIRST_SLOT, 1), show.video[:1], [], ())
    assert [run.track for run in read_one(part).runs] == [1]


def test_slots_that_are_not_the_plans_are_refused(show: Show) -> None:
    video = show.video[:10]
    for wrong in (video[:9], show.video[:11], video[:4] + video[5:], video[::-1], []):
        with pytest.raises(MediaError, match="what is shown in each slot from 60 to 69"):
            packager().part(plan_of(FIRST_SLOT, 10), wrong, [], ())


def test_a_segment_that_begins_without_a_keyframe_is_refused(show: Show) -> None:
    with pytest.raises(MediaError, match="slot 70 of 98p must be a keyframe"):
        packager().part(plan_of(FIRST_SLOT + 10, 10), show.video[10:20], [], ())
    part = packager().part(plan_of(FIRST_SLOT + 10, 10, index=1), show.video[10:20], [], ())
    assert (part.independent, part.opens) == (False, False)


def test_a_part_that_begins_without_a_picture_is_refused(show: Show) -> None:
    empty = SlotSamples(slot=FIRST_SLOT, pictures=())
    with pytest.raises(MediaError, match="begins without a picture"):
        packager().part(plan_of(FIRST_SLOT, 10), [empty, *show.video[1:10]], [], ())


def test_a_slot_with_more_pictures_than_ticks_is_refused(show: Show) -> None:
    many = SlotSamples(slot=FIRST_SLOT, pictures=show.video[0].pictures * 3001)
    with pytest.raises(MediaError, match="slot 60 of 98p has 3001 pictures"):
        packager().part(plan_of(FIRST_SLOT, 1), [many], [], ())


def test_audio_with_a_gap_is_refused(show: Show) -> None:
    packs = packager()
    packs.part(plan_of(60, 10), show.video[:10], show.audio[:15], ())
    with pytest.raises(MediaError, match="audio goes on at sample"):
        packs.part(plan_of(70, 10, index=1), show.video[10:20], show.audio[16:30], ())
    gap = [show.audio[0], show.audio[2]]
    with pytest.raises(MediaError, match="audio goes on at sample"):
        packager().part(plan_of(80, 10, index=2), show.video[20:30], gap, ())
