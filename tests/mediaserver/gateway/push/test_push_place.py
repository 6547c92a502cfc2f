"""Where a subscription begins, and what a viewer is sent next."""

from collections.abc import Callable
from typing import Any

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediaserver.gateway.epoch import MediaEpoch
from mediaserver.gateway.push import place
from mediaserver.gateway.push.media import EpochMedia, PushPart
from mediaserver.gateway.push.messages import Subscribe
from mediaserver.gateway.push.place import Due, Place

Begin = Callable[..., Any]


def read(framed: bytes) -> dict[str, Any]:
    """The message of one frame."""
    at = {126: 4, 127: 10}.get(framed[1], 2)
    return dict(msgpack.unpackb(framed[at:]))


def begun(media: EpochMedia, rendition: str = "720p", **ask: Any) -> Place:
    return place.begin(Subscribe(**ask), rendition, media)[0]


def told(where: Place, media: EpochMedia) -> list[dict[str, Any]]:
    """Everything that is due just now, as messages."""
    messages = []
    while (due := place.pull(where, media)) is not None:
        before = due.before if isinstance(due, Due) else ()
        part = due if isinstance(due, PushPart) else due.part
        messages += [read(frame) for frame in (*before, part.framed)]
    return messages


def kinds(messages: list[dict[str, Any]]) -> list[str]:
    """Types, with the number of parts: for reading at a glance."""
    return [f"{m['type']}{m['number']}" if m["type"] == "part" else m["type"] for m in messages]


@pytest.mark.parametrize(
    ("buffer_ms", "number"),
    # 20 parts of a third of a second; 0, 3, 6 … are independent
    [(0, 18), (500, 18), (667, 15), (1000, 15), (2000, 12), (5000, 3), (10_000, 0), (99_999, 0)],
)
def test_it_begins_at_an_independent_part_with_the_buffer_behind_it(
    aired_media: Begin, buffer_ms: int, number: int
) -> None:
    aired = aired_media().many(20)
    where = begun(aired.media, buffer_ms=buffer_ms)
    messages = told(where, aired.media)
    assert kinds(messages) == ["init", *(f"part{n}" for n in range(number, 20))]
    assert messages[1]["independent"] is True


@pytest.mark.parametrize(
    ("at", "number"),
    [(19, 19), (17, 17), (20, 20), (21, 18), (10, 10), (9, 18), (0, 18), (2**53, 18)],
)
def test_it_goes_on_with_the_part_that_is_asked_for_if_it_is_not_late(
    aired_media: Begin, at: int, number: int
) -> None:
    """3 s and 500 ms before the edge is part 10."""
    aired = aired_media().many(20)
    assert begun(aired.media, at=at).next == number


def test_a_part_has_the_window_s_bytes_and_is_framed_once(aired_media: Begin) -> None:
    aired = aired_media().many(3)
    first, other = begun(aired.media), begun(aired.media)
    one, same = place.pull(first, aired.media), place.pull(other, aired.media)
    assert isinstance(one, Due)
    assert isinstance(same, Due)
    assert one.part.framed is same.part.framed
    assert read(one.part.framed) == {
        "type": "part",
        "epoch": "e1",
        "rendition": "720p",
        "generation": 0,
        "number": 0,
        "msn": 0,
        "index": 0,
        "decode_time": 0,
        "duration": 30_000,
        "independent": True,
        "discontinuity": False,
        "data": aired.epoch.windows["720p"].part_data(0),
    }


def test_another_rendition_comes_where_a_segment_begins(aired_media: Begin) -> None:
    aired = aired_media().many(8)
    where = begun(aired.media)
    told(where, aired.media)
    assert place.ask_again(where, Subscribe(), "360p", aired.media) == []
    messages = told(where, aired.many(7).media)
    assert kinds(messages) == [
        *(f"part{n}" for n in range(8, 12)),
        "subscribed",
        "init",
        *(f"part{n}" for n in range(12, 15)),
    ]
    assert [m["rendition"] for m in messages] == ["720p"] * 4 + ["360p"] * 5
    assert (messages[4]["number"], messages[6]["index"]) == (12, 0)


def test_a_switch_is_taken_back(aired_media: Begin) -> None:
    aired = aired_media().many(8)
    where = begun(aired.media)
    told(where, aired.media)
    place.ask_again(where, Subscribe(), "360p", aired.media)
    (said,) = place.ask_again(where, Subscribe(buffer_ms=700), "720p", aired.media)
    assert read(said) == {
        "type": "subscribed",
        "epoch": "e1",
        "rendition": "720p",
        "number": 8,
        "buffer_ms": 700,
        "part_ms": 333,
    }
    assert kinds(told(where, aired.many(6).media)) == [f"part{n}" for n in range(8, 14)]


def test_who_is_a_little_late_is_caught_up(aired_media: Begin) -> None:
    aired = aired_media().many(6)
    where = begun(aired.media, buffer_ms=0)
    told(where, aired.media)
    messages = told(where, aired.many(9).media)  # 3 s
    assert kinds(messages) == [f"part{n}" for n in range(6, 15)]


def test_who_is_late_goes_on_at_the_newest_independent_part(aired_media: Begin) -> None:
    aired = aired_media().many(6)
    where = begun(aired.media, buffer_ms=0)
    told(where, aired.media)
    messages = told(where, aired.many(10).media)
    assert kinds(messages) == ["skipped", "part15"]
    assert messages[0] == {"type": "skipped", "from": 6, "to": 14, "reason": "slow"}


def test_who_is_late_and_wants_another_rendition_gets_it_there(aired_media: Begin) -> None:
    aired = aired_media().many(6)
    where = begun(aired.media, buffer_ms=0)
    told(where, aired.media)
    place.ask_again(where, Subscribe(buffer_ms=0), "360p", aired.media)
    messages = told(where, aired.many(11).media)
    assert kinds(messages) == ["skipped", "subscribed", "init", "part15", "part16"]
    assert messages[-1]["rendition"] == "360p"


def test_a_new_encoder_is_a_new_init(aired_media: Begin) -> None:
    aired = aired_media().many(8)
    where = begun(aired.media)
    told(where, aired.media)
    aired.air(*aired.made.new_generation(), *aired.made.many(2))
    messages = told(where, aired.media)
    assert kinds(messages) == ["renditions", "init", "part8", "part9"]
    assert [m.get("generation") for m in messages] == [None, 1, 1, 1]
    assert [m["discontinuity"] for m in messages[2:]] == [True, False]


def test_what_the_server_never_had_is_said(aired_media: Begin) -> None:
    aired = aired_media().many(8)
    where = begun(aired.media)
    told(where, aired.media)
    aired.made.many(4)
    messages = told(where, aired.many(2).media)
    assert kinds(messages) == ["skipped", "part12", "part13"]
    assert messages[0] == {"type": "skipped", "from": 8, "to": 11, "reason": "lost"}


def test_nothing_is_sent_that_is_not_published(aired_media: Begin) -> None:
    aired = aired_media().many(3)
    where = begun(aired.media)
    told(where, aired.media)
    aired.air(*aired.made.parts(), publish=False)
    assert told(where, aired.media) == []
    aired.media.publish(aired.epoch)
    assert kinds(told(where, aired.media)) == ["part3"]


def test_it_begins_with_what_is_published(aired_media: Begin) -> None:
    aired = aired_media().many(3)
    aired.air(*aired.made.parts(), publish=False)
    assert aired.media.lines["720p"].get(3) is not None
    assert begun(aired.media, buffer_ms=0).next == 0


def test_what_is_kept_is_bounded(aired_media: Begin) -> None:
    aired = aired_media().many(400)
    for line in aired.media.lines.values():
        assert 16 * 3 <= len(line) <= 19 * 3
    tiny = aired_media(part_ticks=1).many(6000)
    assert {len(line) for line in tiny.media.lines.values()} == {1024}


@pytest.mark.parametrize(
    ("max_bps", "rendition"), [(3_000_000, "720p"), (2_800_000, "720p"), (1, "360p")]
)
def test_the_server_chooses_by_bandwidth(aired_media: Begin, max_bps: int, rendition: str) -> None:
    aired = aired_media()
    small = aired.made.init("360p")
    object.__setattr__(small, "bandwidth_bps", 700_000)
    media = EpochMedia(small)
    epoch = MediaEpoch(small, window_s=12)
    epoch.add_init(small)
    epoch.add_init(aired.made.init("720p"))
    media.publish(epoch)
    assert media.choose(max_bps) == rendition


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("air"), st.integers(1, 14)),
        st.tuples(st.just("lose"), st.integers(1, 3)),
        st.tuples(st.just("renew"), st.just(0)),
        st.tuples(st.just("switch"), st.integers(0, 2)),
        st.tuples(st.just("pull"), st.integers(1, 12)),
    ),
    max_size=30,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=STEPS, buffer_ms=st.integers(0, 4000))
def test_whatever_happens_a_viewer_can_decode_and_knows_of_every_part(
    aired_media: Begin, steps: list[tuple[str, int]], buffer_ms: int
) -> None:
    """Numbers are told without a gap, each as a part or as skipped; a part's init is the one that
    came last, and what follows a switch, a skip or an init can be decoded from there."""
    ladder = ("a", "b", "c")
    aired = aired_media(ladder=ladder).many(7)
    where = begun(aired.media, "a", buffer_ms=buffer_ms)
    messages: list[dict[str, Any]] = []
    for what, count in steps:
        if what == "air":
            aired.many(count)
        elif what == "lose":
            aired.made.many(count)
            while aired.made.index:
                aired.made.parts()
        elif what == "renew":
            aired.air(*aired.made.new_generation(), *aired.made.many(1))
        elif what == "switch":
            ask = Subscribe(buffer_ms=buffer_ms)
            messages += map(read, place.ask_again(where, ask, ladder[count], aired.media))
        for _ in range(count if what == "pull" else 0):
            due = place.pull(where, aired.media)
            if due is not None:
                before = due.before if isinstance(due, Due) else ()
                part = due if isinstance(due, PushPart) else due.part
                messages += [read(frame) for frame in (*before, part.framed)]
    messages += told(where, aired.media)
    expected, init, fresh = None, None, True
    for message in messages:
        if message["type"] == "init":
            init, fresh = (message["rendition"], message["generation"]), True
        elif message["type"] == "skipped":
            assert expected in (None, message["from"])
            expected, fresh = message["to"] + 1, True
        elif message["type"] == "part":
            assert expected in (None, message["number"])
            expected = message["number"] + 1
            assert (message["rendition"], message["generation"]) == init
            assert message["independent"] or not fresh
            assert message["data"] == aired.made.data(init[0], message["number"])
            fresh = False
    assert expected in (None, aired.media.lines["a"].head + 1)
