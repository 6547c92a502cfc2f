"""Fragments written and read back, and what others' fragments may look like."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.cmaf.boxes import box, full_box
from transcoder.cmaf.fragment import (
    FRAGMENT_BYTES,
    NON_SYNC_FLAGS,
    RUN_BYTES,
    SAMPLE_BYTES,
    SYNC_FLAGS,
    TrackRun,
    fragment,
)
from transcoder.cmaf.runs import MAX_SAMPLES, Sample, read_fragments
from transcoder.errors import MediaError


def run(
    samples: list[bytes], *, track: int = 1, decode_time: int = 0, duration: int = 3000
) -> TrackRun:
    return TrackRun(
        track=track,
        decode_time=decode_time,
        sample_duration=duration,
        default_flags=NON_SYNC_FLAGS,
        first_flags=SYNC_FLAGS,
        samples=samples,
    )


def moof(*traf: bytes) -> bytes:
    return box(b"moof", full_box(b"mfhd", 0, 0, struct.pack(">I", 1)), box(b"traf", *traf))


def tfhd(flags: int, *fields: int, track: int = 1) -> bytes:
    return full_box(b"tfhd", 0, flags, struct.pack(f">{1 + len(fields)}I", track, *fields))


TFDT = full_box(b"tfdt", 1, 0, struct.pack(">Q", 500))


def test_the_samples_lie_where_the_boxes_say() -> None:
    data = fragment(9, [run([b"one", b"", b"three"], decode_time=2**40), run([b"four"], track=2)])
    (read,) = read_fragments(data)
    video, audio = read.runs
    assert read.sequence == 9
    assert video.base_is_moof
    assert (video.track, video.decode_time, video.duration) == (1, 2**40, 9000)
    assert (audio.track, audio.decode_time) == (2, 0)
    found = [data[s.offset : s.offset + s.size] for s in (*video.samples, *audio.samples)]
    assert found == [b"one", b"", b"three", b"four"]
    assert [s.sync for s in video.samples] == [True, False, False]
    assert [s.time - 2**40 for s in video.samples] == [0, 3000, 6000]


def test_the_overhead_is_what_the_bandwidth_reckons_with() -> None:
    data = fragment(1, [run([b"1234"] * 10), run([b"12"] * 15, track=2)])
    assert len(data) == FRAGMENT_BYTES + 2 * RUN_BYTES + 25 * SAMPLE_BYTES + 40 + 30


@given(
    runs=st.lists(st.lists(st.binary(max_size=20), min_size=1, max_size=5), min_size=1, max_size=3),
    copies=st.integers(1, 3),
)
def test_fragments_read_back_wherever_they_lie(runs: list[list[bytes]], copies: int) -> None:
    one = fragment(1, [run(samples, track=index + 1) for index, samples in enumerate(runs)])
    data = one * copies
    read = read_fragments(data)
    assert len(read) == copies
    for found in read:
        contents = [[data[s.offset : s.offset + s.size] for s in r.samples] for r in found.runs]
        assert contents == runs


def test_runs_of_others_every_field_in_place() -> None:
    """A base offset, a description, defaults, and a `trun` with every field of each sample."""
    each = struct.pack(">3Ii", 100, 3, 0x1_0000, -40) + struct.pack(">3Ii", 90, 2, 0, 50)
    trun = full_box(b"trun", 1, 0xF00, struct.pack(">I", 2), each)
    head = moof(tfhd(0x3B, 0, 0, 1, 7, 8, 9), TFDT, trun)
    data = head + box(b"mdat", b"abcde")
    fixed = moof(tfhd(0x3B, 0, len(head) + 8, 1, 7, 8, 9), TFDT, trun) + box(b"mdat", b"abcde")
    (read,) = read_fragments(fixed)
    first = Sample(
        time=500, duration=100, composition_offset=-40, sync=False, offset=len(head) + 8, size=3
    )
    second = Sample(
        time=600, duration=90, composition_offset=50, sync=True, offset=len(head) + 11, size=2
    )
    assert read.runs[0].samples == (first, second)
    assert not read.runs[0].base_is_moof
    with pytest.raises(MediaError, match="is in no 'mdat'"):
        read_fragments(data)


def test_a_second_trun_goes_on_where_the_first_ended() -> None:
    truns = [
        full_box(b"trun", 0, 1, struct.pack(">Ii", 2, 0)),
        full_box(b"trun", 0, 0, struct.pack(">I", 1)),
    ]
    length = len(moof(tfhd(0x18, 10, 2), TFDT, *truns))
    truns[0] = full_box(b"trun", 0, 1, struct.pack(">Ii", 2, length + 8))
    (read,) = read_fragments(moof(tfhd(0x18, 10, 2), TFDT, *truns) + box(b"mdat", b"aabbcc"))
    assert [(s.time, s.offset - length - 8) for s in read.runs[0].samples] == [
        (500, 0),
        (510, 2),
        (520, 4),
    ]


def test_more_samples_than_any_fragment_has_are_refused() -> None:
    trun = full_box(b"trun", 0, 0, struct.pack(">I", MAX_SAMPLES // 2))
    one = moof(tfhd(0, track=1), TFDT, trun)
    assert len(read_fragments(box(b"mdat") + one)[0].runs[0].samples) == MAX_SAMPLES // 2
    with pytest.raises(MediaError, match=f"more than {MAX_SAMPLES} samples"):
        read_fragments(one * 3)


@pytest.mark.parametrize(
    ("traf", "words"),
    [
        ([tfhd(0)], "no 'tfdt'"),
        ([TFDT], "no 'tfhd'"),
        ([tfhd(0x38), TFDT], "ends within its fields"),
        ([tfhd(0), TFDT, full_box(b"trun", 0, 0x200, struct.pack(">I", 2))], "ends within"),
        ([tfhd(0), full_box(b"tfdt", 1, 0, bytes(4))], "ends within its fields"),
    ],
)
def test_broken_fragments_are_refused(traf: list[bytes], words: str) -> None:
    with pytest.raises(MediaError, match=words):
        read_fragments(moof(*traf) + box(b"mdat", b"abc"))
