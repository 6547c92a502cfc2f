"""Paths, ranges and encodings: strangers write them, so each is fuzzed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.gateway.encodings import accepts_gzip
from mediaserver.gateway.paths import LivePath, parse_live_path
from mediaserver.gateway.ranges import ByteRange, Unsatisfiable, parse_range


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/live/demo/index.m3u8", LivePath(kind="index", show="demo")),
        ("/live/demo/state", LivePath(kind="state", show="demo")),
        ("/live/demo/events", LivePath(kind="events", show="demo")),
        ("/live/shows.json", LivePath(kind="shows", show="")),
        ("/live/demo/poster.jpg", LivePath(kind="poster", show="demo")),
        ("/live/demo/poster.webp", LivePath(kind="poster", show="demo", form="webp")),
        ("/live/demo/thumbnails.vtt", LivePath(kind="thumbnails", show="demo")),
        ("/live/d/e/thumb-90.jpg", LivePath(kind="thumbnail", show="d", epoch="e", number=90)),
        ("/live/d/e/720p/media.m3u8", ("playlist", 0)),
        ("/live/d/e/720p/part-0.m4s", ("part", 0)),
        ("/live/d/e/720p/part-1234.m4s", ("part", 1234)),
        ("/live/d/e/720p/seg-7.m4s", ("segment", 7)),
        ("/live/d/e/720p/init-2.mp4", ("init", 2)),
    ],
)
def test_addresses_of_media(path: str, meant: LivePath | tuple[str, int]) -> None:
    found = parse_live_path(path)
    assert found is not None
    if isinstance(meant, LivePath):
        assert found == meant
    else:
        assert (found.kind, found.number) == meant
        assert (found.show, found.epoch, found.rendition) == ("d", "e", "720p")


@pytest.mark.parametrize(
    "path",
    [
        "/live/d/e/720p/part-01.m4s",
        "/live/d/e/720p/part--1.m4s",
        "/live/d/e/720p/part-1.mp4",
        "/live/d/e/720p/part-1234567890123456.m4s",
        "/live/d/e/720p/other.m3u8",
        "/live/d/nosuch.m3u8",
        "/live/a/b/c/d/e.m4s",
    ],
)
def test_media_that_can_not_be_is_the_gateways_to_refuse(path: str) -> None:
    found = parse_live_path(path)
    assert found is not None
    assert found.kind == "unknown"


@pytest.mark.parametrize(
    "path",
    [
        "/live/d/e/thumb-01.jpg",
        "/live/d/poster.png",
        "/live/d/whip",
        "/live/d/whip/s1",
        "/live/d/events/x",
        "/live",
        "/",
        "/api/v1/x.m3u8",
    ],
)
def test_the_rest_is_mains(path: str) -> None:
    assert parse_live_path(path) is None


@given(st.text())
def test_any_path_is_taken(path: str) -> None:
    parse_live_path(path)
    parse_live_path("/live/" + path)


BODY = bytes(range(256)) * 4


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        ("bytes=0-0", (0, 0)),
        ("bytes=0-", (0, 1023)),
        ("bytes=1023-", (1023, 1023)),
        ("bytes=10-99999", (10, 1023)),
        ("bytes=10-" + "9" * 5000, (10, 1023)),
        ("bytes=000010-0000000000000000000011", (10, 11)),
        ("BYTES= 5-6 ", (5, 6)),
        ("bytes=-1", (1023, 1023)),
        ("bytes=-9999", (0, 1023)),
        (None, None),
        ("", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=6-5", None),
        ("bytes=0-1,3-4", None),
        ("bytes=a-b", None),
        ("bytes=٣-", None),
        ("lines=0-1", None),
    ],
)
def test_ranges(header: str | None, meant: tuple[int, int] | None) -> None:
    found = parse_range(header, len(BODY))
    assert found == (None if meant is None else ByteRange(*meant, len(BODY)))


@pytest.mark.parametrize("header", ["bytes=1024-", "bytes=-0", "bytes=" + "9" * 5000 + "-"])
def test_a_range_past_the_end_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        parse_range(header, len(BODY))


@given(
    st.one_of(
        st.text(max_size=40),
        st.from_regex(r"bytes=[0-9]{0,25}-[0-9]{0,25}", fullmatch=True),
    ),
    st.integers(0, len(BODY)),
)
def test_any_range_is_within_the_body(header: str, size: int) -> None:
    try:
        found = parse_range(header, size)
    except Unsatisfiable:
        return
    if found is not None:
        assert 0 <= found.first <= found.last < size
        assert len(found.cut(BODY[:size])) == found.last - found.first + 1
        assert re.fullmatch(r"bytes \d+-\d+/\d+", found.content_range)


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("gzip ; q=0.001", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0, gzip", True),
        ("identity", False),
        ("deflate", False),
        ("notgzip", False),
        ("gzip;q=2", False),
        ("gzip;level=9", False),
    ],
)
def test_whether_gzip_is_accepted(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


@given(st.text(alphabet="gzip*;q=01., \tx", max_size=60))
def test_any_accept_encoding_is_taken(header: str) -> None:
    assert accepts_gzip(header) in (True, False)
