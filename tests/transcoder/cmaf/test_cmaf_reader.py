"""The box reader, fed by strangers."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.cmaf.boxes import box, full_box
from transcoder.cmaf.fragment import NON_SYNC_FLAGS, SYNC_FLAGS, TrackRun, fragment
from transcoder.cmaf.movie import AudioTrack, init_bytes
from transcoder.cmaf.reader import MAX_BOXES, MAX_DEPTH, read_boxes
from transcoder.cmaf.runs import read_fragments, read_init
from transcoder.cmaf.video_config import VideoConfig
from transcoder.errors import MediaError


def good_init() -> bytes:
    video = VideoConfig(
        codec_string="avc1.42000A",
        width=64,
        height=64,
        shown_width=64,
        sample_entry=box(b"avc1", bytes(78)),
    )
    return init_bytes(video, AudioTrack(asc=b"\x11\x90", rate_hz=48_000))


def good_part() -> bytes:
    runs = [
        TrackRun(
            track=track,
            decode_time=7,
            sample_duration=100,
            default_flags=NON_SYNC_FLAGS,
            first_flags=SYNC_FLAGS,
            samples=[b"abc", b"defg"],
        )
        for track in (1, 2)
    ]
    return fragment(3, runs)


def test_a_tree_with_every_place() -> None:
    data = box(b"free", b"xy") + box(b"moof", box(b"traf", box(b"tfdt", b"12")), box(b"junk"))
    free, moof = read_boxes(data)
    assert (free.kind, free.start, free.size, free.payload) == ("free", 0, 10, b"xy")
    assert [(b.kind, b.start) for b in moof.children] == [("traf", 18), ("junk", 36)]
    assert moof.need("traf", "tfdt").payload == b"12"
    assert moof.find("traf", "none") is None
    with pytest.raises(MediaError, match="box 'moof' has no 'traf/none'"):
        moof.need("traf", "none")


def test_long_sizes_and_sizes_to_the_end() -> None:
    long = struct.pack(">I4sQ", 1, b"mdat", 19) + b"abc"
    rest = struct.pack(">I4s", 0, b"free") + b"tail"
    first, last = read_boxes(long + rest)
    assert (first.size, first.payload) == (19, b"abc")
    assert (last.size, last.payload) == (12, b"tail")


def test_children_behind_fields_are_found() -> None:
    stsd = full_box(b"stsd", 0, 0, struct.pack(">I", 1), box(b"mp4a", bytes(28), box(b"esds")))
    (read,) = read_boxes(stsd)
    assert read.need("mp4a", "esds").payload == b""


@pytest.mark.parametrize(
    "data",
    [
        b"abc",
        struct.pack(">I4s", 7, b"free"),
        struct.pack(">I4s", 9, b"free"),
        struct.pack(">I4s", 1, b"free"),
        struct.pack(">I4sQ", 1, b"free", 15),
        struct.pack(">I4sQ", 1, b"free", 2**63),
        box(b"moof", b"abc"),
        box(b"moof", struct.pack(">I4s", 20, b"traf")),
        box(b"stsd", bytes(7)),
        box(b"stsd", bytes(8), box(b"avc1", bytes(77))),
    ],
)
def test_a_box_that_does_not_fit_is_refused(data: bytes) -> None:
    with pytest.raises(MediaError):
        read_boxes(data)


def test_depth_and_number_are_bounded() -> None:
    deep = b""
    for _ in range(MAX_DEPTH + 2):
        deep = box(b"traf", deep)
    with pytest.raises(MediaError, match="nested"):
        read_boxes(deep)
    assert len(read_boxes(box(b"free") * MAX_BOXES)) == MAX_BOXES
    with pytest.raises(MediaError, match="more than"):
        read_boxes(box(b"free") * (MAX_BOXES + 1))


@given(data=st.binary(max_size=300))
def test_any_bytes_give_boxes_or_a_media_error(data: bytes) -> None:
    for reader in (read_boxes, read_init, read_fragments):
        try:
            reader(data)
        except MediaError:
            continue


@given(
    which=st.sampled_from([good_init(), good_part()]),
    flips=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.integers(0, 40),
)
def test_damaged_media_gives_values_or_a_media_error(
    which: bytes, flips: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(which)
    for at, value in flips:
        data[at % len(data)] = value
    damaged = bytes(data[: len(data) - cut])
    for reader in (read_init, read_fragments):
        try:
            reader(damaged)
        except MediaError:
            continue
