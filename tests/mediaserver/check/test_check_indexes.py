"""What the index said of an init section, and when that is known for certain."""

import math

import pytest

from mediaserver.check.fetch import Reply
from mediaserver.check.indexes import promises
from mediaserver.check.read_media import read_media
from mediaserver.check.read_multivariant import read_multivariant
from mediaserver.check.seen import Index, Observation, Reload, Rendition

INDEX, MEDIA = "http://origin/index.m3u8", "http://origin/a/media.m3u8"


def reply(url: str, body: str, sent_s: float, done_s: float) -> Reply:
    return Reply(
        method="GET", url=url, status=200, headers={}, body=body.encode(), encoded=False,
        sent_s=sent_s, first_s=done_s, done_s=done_s, redirects=0, error=None,
    )  # fmt: skip


def index(bandwidth: int, sent_s: float, done_s: float) -> Index:
    body = f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH={bandwidth}\na/media.m3u8\n"
    answer = reply(INDEX, body, sent_s, done_s)
    return Index(reply=answer, multivariant=read_multivariant(answer.body, INDEX))


def reload(inits: str, sent_s: float, done_s: float, *, end: str = "") -> Reload:
    body = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n" + "".join(
        f'#EXT-X-MAP:URI="{name}"\n#EXTINF:1,\n{number}.m4s\n' for number, name in enumerate(inits)
    )
    answer = reply(MEDIA, body + end, sent_s, done_s)
    return Reload(reply=answer, playlist=read_media(answer.body, MEDIA), target=None)


def said(indexes: list[Index], reloads: list[Reload]) -> set[tuple[str, int | None]]:
    [variant] = indexes[0].multivariant.variants
    rendition = Rendition(name="a", url=MEDIA, variant=variant, reloads=reloads)
    seen = Observation(url=INDEX, indexes=indexes, renditions=[rendition])
    return {
        (each.ref.url[-1] if each.ref else "", each.variant.attributes.integer("BANDWIDTH"))
        for each in promises(seen)
    }


CHANGE = [reload("ab", 1, 2), reload("ab", 2, 3), reload("abc", 3, 4), reload("abc", 4, 5)]
"""`b` is the newest from 2 to 2 for certain, `c` from 4 to 4: reloads wait for what is new."""


@pytest.mark.parametrize(
    ("sent_s", "done_s", "known"),
    [
        (2.0, 2.0, {("b", 7)}),
        (1.9, 2.0, set()),  # asked for before `b` was seen
        (2.0, 2.5, set()),  # `c` may have come meanwhile
        (4.0, 4.0, {("c", 7)}),
        (4.1, 4.2, set()),  # nobody asked afterwards whether `c` still was the newest
    ],
)
def test_an_index_counts_for_what_was_the_newest_all_the_while(
    sent_s: float, done_s: float, known: set[tuple[str, int]]
) -> None:
    assert said([index(1, 0, 1), index(7, sent_s, done_s)], CHANGE) == known


def test_where_nothing_changes_the_first_index_counts_too() -> None:
    still = [reload("b", 1, 2), reload("bb", 3, 4)]
    assert said([index(1, 0, 1)], still) == {("b", 1)}
    assert said([index(1, 0, 1), index(7, 2, 3)], still) == {("b", 1), ("b", 7)}
    assert said([index(1, 0, 1)], []) == {("", 1)}


def test_what_has_ended_changes_no_more() -> None:
    over = [reload("ab", 1, 2, end="#EXT-X-ENDLIST\n")]
    assert said([index(1, 0, 1), index(7, 2, 1e9)], over) == {("b", 7)}
    assert said([index(1, 0, 1), index(7, 2, math.nextafter(2, 3))], over[:1]) == {("b", 7)}
