"""What a gateway can tell again, and what not."""

from hypothesis import given
from hypothesis import strategies as st

from mediaserver.gateway.event_frames import Frames
from mediaserver.gateway.history import MAX_AGE_S, History

SECOND_NS = 1_000_000_000


def line(offset: int) -> Frames:
    return Frames(json=b"%d" % offset, msgpack=b"")


def offsets(told: list[Frames] | None) -> list[int] | None:
    return None if told is None else [int(frames.json) for frames in told]


@given(begin=st.integers(0, 50), count=st.integers(0, 30), asked=st.integers(-5, 100))
def test_all_after_an_offset_or_nothing(begin: int, count: int, asked: int) -> None:
    history = History(epoch="a", offset=begin, max_events=10)
    for offset in range(begin + 1, begin + count + 1):
        history.append(line(offset), 0)
    newest = begin + count
    told = offsets(history.since("a", asked))
    if newest - min(count, 10) <= asked <= newest:
        assert told == list(range(asked + 1, newest + 1))
    else:
        assert told is None
    assert history.since("b", asked) is None
    assert len(history) == min(count, 10)


@given(sizes=st.lists(st.integers(1, 60), max_size=40))
def test_the_bytes_are_bounded(sizes: list[int]) -> None:
    history = History(epoch="a", offset=0, max_bytes=100)
    for size in sizes:
        history.append(Frames(json=b"x" * size, msgpack=b"y"), 0)
        told = history.since("a", history.offset - len(history)) or []
        assert history.held_bytes == sum(frames.size for frames in told) <= 100
        assert history.since("a", history.offset - len(history) - 1) is None
    kept = list(reversed(sizes))[: len(history)]
    assert len(history) == len(sizes) or sum(kept) + len(kept) + sizes[-len(history) - 1] + 1 > 100


def test_old_events_leave() -> None:
    history = History(epoch="a", offset=0)
    for offset in range(1, 11):
        history.append(line(offset), offset * SECOND_NS)
    history.prune((MAX_AGE_S + 5) * SECOND_NS)
    assert history.since("a", 3) is None
    assert offsets(history.since("a", 4)) == [5, 6, 7, 8, 9, 10]
    history.prune((MAX_AGE_S + 100) * SECOND_NS)
    assert len(history) == 0
    assert history.since("a", 10) == []
    assert history.since("a", 9) is None
