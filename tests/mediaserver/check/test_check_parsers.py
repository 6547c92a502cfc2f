"""What the check reads may come from anywhere: whatever it is, nothing is raised."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mutagen.id3 import ID3

from mediaserver.check import id3
from mediaserver.check.attributes import decimal, integer, read_attributes
from mediaserver.check.boxes import inspect_init, inspect_media
from mediaserver.check.fetch import decoded
from mediaserver.check.playlist import Ref
from mediaserver.check.read_media import read_media, utc_of
from mediaserver.check.read_multivariant import read_multivariant
from transcoder.cmaf.id3 import Private, private_tag

URL = "http://origin.example/live/a/media.m3u8"
TAGS = [
    "EXTM3U",
    "EXT-X-VERSION",
    "EXT-X-TARGETDURATION",
    "EXT-X-MEDIA-SEQUENCE",
    "EXT-X-DISCONTINUITY-SEQUENCE",
    "EXT-X-SERVER-CONTROL",
    "EXT-X-PART-INF",
    "EXT-X-SKIP",
    "EXT-X-MAP",
    "EXT-X-BYTERANGE",
    "EXT-X-PROGRAM-DATE-TIME",
    "EXT-X-PART",
    "EXTINF",
    "EXT-X-DISCONTINUITY",
    "EXT-X-DATERANGE",
    "EXT-X-PRELOAD-HINT",
    "EXT-X-RENDITION-REPORT",
    "EXT-X-STREAM-INF",
    "EXT-X-MEDIA",
    "EXT-X-ENDLIST",
]
VALUES = st.one_of(
    st.text(max_size=30),
    st.integers(-1, 10**25).map(str),
    st.sampled_from(
        [
            'URI="a.m4s",DURATION=0.5',
            "SKIPPED-SEGMENTS=99999999999999999999",
            'ID="a",START-DATE="2026-01-01T00:00:00Z",DURATION=1,END-DATE="0001-01-01T00:00:00Z"',
            "0001-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59.999999-23:59",
            'URI="http://[",BYTERANGE="1@x"',
            'TYPE=PART,URI="http://[::1"',
            "5@99999999999999999999999",
        ]
    ),
)
LINES = st.one_of(
    st.builds(lambda tag, value: f"#{tag}:{value}", st.sampled_from(TAGS), VALUES),
    st.text(max_size=20),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(LINES, max_size=15).map(lambda lines: "\n".join(["#EXTM3U", *lines]).encode()))
@example(b"\xff\xfe")
@example(b"")
def test_any_text_is_some_playlist(body: bytes) -> None:
    playlist = read_media(body, URL)
    assert playlist.edge >= (0, 0)
    assert len(playlist.whole) <= len(playlist.segments)
    playlist.lists(0, 0)
    multivariant = read_multivariant(body, URL)
    assert all(variant.url for variant in multivariant.variants)


@given(st.binary(max_size=400))
def test_any_bytes_are_some_playlist(body: bytes) -> None:
    assert read_media(body, URL).problems or body.startswith(b"#EXTM3U")
    read_multivariant(body, URL)


@given(st.text(max_size=60))
def test_any_text_is_some_attributes(text: str) -> None:
    found = read_attributes(text)
    for name in found.values:
        found.text(name)
        found.number(name)
        found.integer(name)
    integer(text)
    decimal(text)
    utc_of(text)


@pytest.mark.parametrize("text", ["A=1,A=2", 'A="', "A=1,", "a=1", "A", "=1", 'A="x"y', ",A=1"])
def test_a_bad_attribute_list_is_said_to_be_bad(text: str) -> None:
    assert read_attributes(text).problem


def test_attributes_as_they_are_written() -> None:
    found = read_attributes('URI="a,b",N=1.50,X=YES,S=64x48')
    assert found.problem is None
    assert (found.quoted("URI"), found.number("N"), found.text("X")) == ("a,b", 1.5, "YES")
    assert found.quoted("X") is None
    assert found.integer("N") is None


def test_byte_ranges_go_on_where_the_last_one_ended() -> None:
    body = b"""#EXTM3U
#EXT-X-TARGETDURATION:1
#EXT-X-PART-INF:PART-TARGET=0.5
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-PART:DURATION=0.5,URI="a.mp4",BYTERANGE="10@5"
#EXT-X-PART:DURATION=0.5,URI="a.mp4",BYTERANGE="20"
#EXTINF:1,
#EXT-X-BYTERANGE:30@5
a.mp4
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="a.mp4",BYTERANGE-START=35
"""
    playlist = read_media(body, URL)
    base = "http://origin.example/live/a/a.mp4"
    (segment,) = playlist.segments
    assert [part.ref for part in segment.parts] == [Ref(base, 5, 10), Ref(base, 15, 20)]
    assert segment.ref == Ref(base, 5, 30)
    assert segment.ref.range == "bytes=5-34"
    assert playlist.hints == (("PART", Ref(base, 35)),)
    assert playlist.problems == ()
    assert playlist.edge == (8, 0)


def mutated(data: bytes, changes: list[tuple[int, int]], cut: int) -> bytes:
    made = bytearray(data)
    for at, value in changes:
        made[at % len(made)] = value
    return bytes(made[: len(made) - cut % len(made)] if cut % 3 == 0 else made)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 3000),
    number=st.integers(0, 20),
)
def test_any_broken_media_is_faulty_and_no_more(
    clips: dict[str, Any], changes: list[tuple[int, int]], cut: int, number: int
) -> None:
    clip = clips["small"]
    init = inspect_init(mutated(clip.init, changes, cut))
    inspect_media(clip.parts[number], init)
    good = inspect_init(clip.init)
    assert good.faults == ()
    media = inspect_media(mutated(clip.parts[number], changes, cut), good)
    for event in media.events:
        id3.wrong_with(event.message)
        assert event.time_s >= 0 or event.time < 0


@given(st.binary(max_size=300))
def test_any_bytes_are_some_media(data: bytes) -> None:
    inspect_media(data, inspect_init(data))
    id3.wrong_with(data)
    id3.wrong_with(b"ID3\x04\0" + data)


@given(st.binary(min_size=1, max_size=300), st.data())
def test_what_is_no_tag_is_told_apart(payload: bytes, data: st.DataObject) -> None:
    tag = private_tag(Private(owner="a", data=payload))
    assert id3.wrong_with(tag) is None
    assert ID3(io.BytesIO(tag)).getall("PRIV")[0].data == payload  # type: ignore[no-untyped-call]
    cut = data.draw(st.integers(0, len(tag) - 1))
    assert id3.wrong_with(tag[:cut]) is not None
    assert id3.wrong_with(tag + b"x") is not None
    assert id3.wrong_with(tag[:3] + b"\x03" + tag[4:]) is not None


def test_what_unpacks_to_too_much_is_refused() -> None:
    import gzip

    body = gzip.compress(bytes(1000))
    assert decoded(body, "gzip", 1000) == (bytes(1000), None)
    assert "more than 999" in (decoded(body, "gzip", 999)[1] or "")
    assert "is not" in (decoded(b"x", "gzip", 999)[1] or "")
    assert "not asked for" in (decoded(b"x", "br", 999)[1] or "")


def test_an_init_section_says_what_is_in_it(clips: dict[str, Any]) -> None:
    init = inspect_init(clips["large"].init)
    video, audio = init.of("vide"), init.of("soun")
    assert video is not None
    assert audio is not None
    assert (video.width, video.height) == (128, 96)
    assert video.codec.startswith("avc1.")
    assert audio.codec == "mp4a.40.2"
    assert init.lead is video
    assert init.brands == ("iso6", "iso6", "mp41", "aid3")


def test_a_box_that_is_missing_is_a_fault(
    clips: dict[str, Any], cut_box: Callable[[bytes, bytes], bytes]
) -> None:
    init = inspect_init(clips["small"].init)
    part = clips["small"].parts[0]
    assert inspect_media(part, init).faults == ()
    for kind in (b"moof", b"mdat"):
        assert "MP-03" in {fault.rule for fault in inspect_media(cut_box(part, kind), init).faults}
