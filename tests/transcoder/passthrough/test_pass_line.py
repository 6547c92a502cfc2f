"""The queue of passed pictures: nothing lost, nothing overtaken, keyframes begin slots."""

from hypothesis import given
from hypothesis import strategies as st

from transcoder.passthrough.line import MAX_WAITING, MAX_WAITING_BYTES, PassedLine, Waiting
from transcoder.samples import EncodedPicture


def waiting(slot: int, name: int = 0, *, keyframe: bool = False, size: int = 4) -> Waiting:
    picture = EncodedPicture(keyframe=keyframe, data=name.to_bytes(4, "big").ljust(size, b"."))
    return Waiting(slot=slot, picture=picture, sets=None)


def filled(line: PassedLine, slot: int, *, early: bool = False) -> list[int]:
    taken = line.take(len(line.ahead(slot, early=early)))
    return [int.from_bytes(picture.data[:4], "big") for picture in taken]


def line_of(*slots: int, keyframes: frozenset[int] = frozenset()) -> PassedLine:
    line = PassedLine()
    for name, slot in enumerate(slots):
        assert line.push(waiting(slot, name, keyframe=name in keyframes))
    return line


def test_one_picture_a_slot() -> None:
    line = line_of(0, 1, 2)
    assert [filled(line, slot) for slot in range(4)] == [[0], [1], [2], []]


def test_a_faster_source_has_several_in_a_slot() -> None:
    line = line_of(0, 0, 1, 1)
    assert [filled(line, slot) for slot in range(2)] == [[0, 1], [2, 3]]


def test_a_late_picture_goes_into_the_next_slot() -> None:
    line = line_of(0, 2)
    assert [filled(line, slot) for slot in range(2)] == [[0], []]
    assert line.push(waiting(2, 2))
    assert filled(line, 2) == [1, 2]


def test_the_first_slot_of_a_part_takes_a_picture_early() -> None:
    line = line_of(3, 4)
    assert filled(line, 0) == []
    assert filled(line, 1, early=True) == [0]
    assert [filled(line, slot, early=slot == 4) for slot in (2, 3, 4)] == [[], [], [1]]


def test_a_keyframe_begins_a_slot() -> None:
    line = line_of(0, 0, 0, 1, keyframes=frozenset({2}))
    assert [filled(line, slot) for slot in range(3)] == [[0, 1], [2, 3], []]


def test_a_full_line_takes_no_more() -> None:
    line = PassedLine()
    assert all(line.push(waiting(0)) for _ in range(MAX_WAITING))
    assert not line.push(waiting(0))
    line.clear()
    assert line.push(waiting(0, size=MAX_WAITING_BYTES))
    assert not line.push(waiting(0))
    assert len(line) == 1


def test_the_newest_keyframe_of_a_slot_is_found() -> None:
    line = line_of(0, 1, 1, 2, keyframes=frozenset({0, 1, 3}))
    first = line.keyframe(1)
    assert first is not None
    assert line.keyframe(2, early=True) is line.keyframe(2) is not first
    line.begin_with(first)
    assert filled(line, 1) == [1, 2]
    assert line.keyframe(1) is None


@given(
    jitter=st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=60),
    arrivals=st.lists(st.integers(0, 4), max_size=60),
    part_slots=st.integers(1, 10),
)
def test_whatever_comes_leaves_once_and_in_order(
    jitter: list[tuple[int, bool]], arrivals: list[int], part_slots: int
) -> None:
    """Pictures come some slots apart and some slots late; slots are filled all the while."""
    line, slot, at = PassedLine(), 0, 0
    pushed: list[int] = []
    out: list[int] = []
    due: dict[int, int] = {}
    steps = zip(jitter, arrivals + [0] * len(jitter), strict=False)
    for name, ((gap, keyframe), held) in enumerate(steps):
        at += gap
        while slot < at - 2 + held:
            early = slot % part_slots == 0
            took = filled(line, slot, early=early)
            assert all(due[one] <= slot for one in took[1:])
            assert early or all(due[one] <= slot for one in took)
            out += took
            slot += 1
        assert line.push(waiting(at, name, keyframe=keyframe))
        due[name] = at
        pushed.append(name)
    while len(line):
        out += filled(line, slot)
        slot += 1
    assert out == pushed
