"""The guard of clients' frames: however the bytes are cut, the same is let through and refused."""

import itertools
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from mediaserver.gateway.event_guard import FrameGuard

ALLOWED = 5


@dataclass
class Reader:
    """What stands behind the guard."""

    data: bytes = b""
    ended: bool = False

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        self.ended = True


@dataclass
class Guarded:
    """A guard, and what came of it."""

    reader: Reader = field(default_factory=Reader)
    asked: int = 0
    failed: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.guard = FrameGuard(self.reader, heard=self._heard, fail=self._fail)

    def _heard(self) -> bool:
        self.asked += 1
        return self.asked <= ALLOWED

    def _fail(self, code: int, why: str) -> None:
        assert why
        self.failed.append(code)

    def feed(self, data: bytes, cuts: list[int]) -> None:
        edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
        for begin, end in itertools.pairwise(edges):
            ended, left = self.guard.feed_data(data[begin:end])
            assert (ended, left) == (bool(self.failed), b"")


def masked(first: int, payload: bytes) -> bytes:
    size = len(payload)
    coded = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes([first]) + coded + bytes(4) + payload


def message(pieces: list[bytes], pings: bool) -> bytes:
    ping = masked(0x89, b"p") if pings else b""
    last = len(pieces) - 1
    return ping.join(
        masked((0x80 if n == last else 0) | (0 if n else 2), piece)
        for n, piece in enumerate(pieces)
    )


CUTS = st.lists(st.integers(0, 2**16), max_size=20)
PIECES = st.lists(st.binary(max_size=200), min_size=1, max_size=4)


@given(st.binary(max_size=400), CUTS)
def test_any_bytes_come_to_the_same_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    whole, cut = Guarded(), Guarded()
    whole.feed(data, [])
    cut.feed(data, cuts)
    assert (whole.failed, whole.asked) == (cut.failed, cut.asked)
    assert data.startswith(whole.reader.data)
    if not whole.failed:
        assert whole.reader.data == cut.reader.data == data
    assert cut.reader.data.startswith(whole.reader.data)


@given(st.lists(st.tuples(PIECES, st.booleans()), max_size=6), CUTS)
def test_messages_pass_until_there_are_too_many_fragments(
    messages: list[tuple[list[bytes], bool]], cuts: list[int]
) -> None:
    data = b"".join(message(pieces, pings) for pieces, pings in messages)
    guarded = Guarded()
    guarded.feed(data, cuts)
    unfinished = sum(len(pieces) - 1 for pieces, _ in messages)
    assert guarded.failed == ([1008] if unfinished > ALLOWED else [])
    assert guarded.asked == min(unfinished, ALLOWED + 1)
    if not guarded.failed:
        assert guarded.reader.data == data


def test_the_end_is_handed_on() -> None:
    guarded = Guarded()
    guarded.guard.feed_eof()
    assert guarded.reader.ended
