"""Viewers are added up over gateways, told seldom, and forgotten with their gateway."""

from mediaserver.broadcast.audience import (
    FORGET_AFTER_S,
    MAX_VIEWERS,
    TELL_EVERY_S,
    Audiences,
)
from mediaserver.bus.messages import ShowAudience, ViewerCount, ViewerCounts
from transcoder.wire import frame


def _said(gateway: str, **shows: int) -> ViewerCounts:
    counts = tuple(ViewerCount(show=show, viewers=viewers) for show, viewers in shows.items())
    return ViewerCounts(gateway=gateway, counts=counts)


def test_gateways_of_all_nodes_add_up_and_only_the_last_word_counts() -> None:
    audiences = Audiences(["a", "b"])
    audiences.heard(_said("n1/g0", a=3, unknown=9), 0)
    audiences.heard(_said("n1/g1", a=4, b=1), 0)
    audiences.heard(_said("n2/g0", a=-5), 0)
    audiences.heard(_said("n1/g0", a=2), 1)
    assert (audiences.total("a", 1), audiences.total("b", 1)) == (6, 1)


def test_a_gateway_that_is_silent_has_nobody() -> None:
    audiences = Audiences(["a"])
    audiences.heard(_said("g", a=3), 0)
    assert audiences.total("a", FORGET_AFTER_S) == 3
    assert audiences.total("a", FORGET_AFTER_S + 0.1) == 0


def test_what_has_changed_is_told_once_and_not_too_often() -> None:
    audiences = Audiences(["a"])
    assert audiences.due(["a"], 0) == []
    audiences.heard(_said("g", a=3), 0)
    assert audiences.due(["a"], 0) == [ShowAudience(show="a", viewers=3)]
    audiences.heard(_said("g", a=4), 1)
    assert audiences.due(["a"], 1) == []
    assert audiences.due(["a"], TELL_EVERY_S) == [ShowAudience(show="a", viewers=4)]
    assert audiences.due(["a"], 2 * TELL_EVERY_S) == []
    assert audiences.last("a").viewers == 4


def test_no_count_is_too_large_to_be_told() -> None:
    audiences = Audiences(["a"])
    for number in range(3):
        audiences.heard(_said(f"g{number}", a=2**64 - 1), 0)
    audiences.heard(_said("g" * 10_000, a=1), 0)
    (news,) = audiences.due(["a"], 0)
    assert frame(news)
    assert news.viewers == 3 * MAX_VIEWERS
