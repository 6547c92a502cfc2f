import itertools
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from transcoder.control import KeyframeRequest, SourceEnd, SourceStart
from transcoder.intake import MAX_BYTES, MAX_MUTE, MAX_UNITS, Intake, UnitQueue
from transcoder.sockets import Peer, dial, listen
from transcoder.values import AccessUnit, Anchor
from transcoder.wire import frame

ANCHOR = Anchor(utc_us=0, monotonic_ns=0)


def start(source: int = 1, epoch: str = "e") -> SourceStart:
    return SourceStart(epoch=epoch, source=source, anchor=ANCHOR)


def unit(pts: int, *, kind: str = "video", data: bytes = b"x", damaged: bool = False) -> AccessUnit:
    return AccessUnit(
        kind="video" if kind == "video" else "audio",
        codec="h264" if kind == "video" else "opus",
        source=1,
        pts=pts,
        keyframe=False,
        damaged=damaged,
        data=data,
    )


def test_a_full_queue_drops_units_and_marks_the_next_picture() -> None:
    units = UnitQueue()
    for pts in range(MAX_UNITS + 3):
        units.put(unit(pts))
    units.put(SourceEnd(source=1))
    assert units.dropped == 3
    assert [getattr(one, "pts", -1) for one in units.drain()] == [*range(MAX_UNITS), -1]
    for after in (unit(1, kind="audio"), unit(2), unit(3)):
        units.put(after)
    assert units.drain() == [unit(1, kind="audio"), unit(2, damaged=True), unit(3)]


def test_the_queue_is_bounded_in_bytes_too() -> None:
    units = UnitQueue()
    for pts in range(3):
        units.put(unit(pts, data=bytes(MAX_BYTES // 2)))
    assert (len(units), units.dropped) == (2, 1)


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Intake]:
    opened = Intake(tmp_path / "au.sock", epoch="e", wake=lambda: None)
    yield opened
    opened.close()
    assert not (tmp_path / "au.sock").exists()


@pytest.fixture
def connect(tmp_path: Path, intake: Intake) -> Iterator[Callable[[], Peer]]:
    peers: list[Peer] = []

    def connect() -> Peer:
        peer = dial(tmp_path / "au.sock")
        assert peer is not None
        peers.append(peer)
        return peer

    yield connect
    for peer in peers:
        peer.close()


def arrivals(
    intake: Intake, count: int, eventually: Callable[..., None]
) -> list[AccessUnit | SourceStart | SourceEnd]:
    eventually(lambda: intake.depth >= count)
    return intake.drain()


def test_the_socket_is_for_our_own_user(intake: Intake, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "au.sock").stat().st_mode) == 0o600


def test_units_arrive_in_order_and_a_lost_connection_ends_the_source(
    intake: Intake, connect: Callable[[], Peer], eventually: Callable[..., None]
) -> None:
    peer = connect()
    for value in (start(), unit(0), unit(1)):
        assert peer.send(frame(value))
    peer.close()
    assert arrivals(intake, 4, eventually) == [start(), unit(0), unit(1), SourceEnd(source=1)]


def test_a_new_connection_replaces_the_old(
    intake: Intake, connect: Callable[[], Peer], eventually: Callable[..., None]
) -> None:
    old = connect()
    old.send(frame(start(1)))
    assert arrivals(intake, 1, eventually) == [start(1)]
    connect().send(frame(start(2)))
    assert arrivals(intake, 2, eventually) == [SourceEnd(source=1), start(2)]
    assert list(old.receive()) == []


def test_a_source_that_was_taken_over_is_fenced_off(
    intake: Intake, connect: Callable[[], Peer], eventually: Callable[..., None]
) -> None:
    """It dials again and again until it is told to end; the newer one never notices."""
    newer = connect()
    newer.send(frame(start(2)))
    assert arrivals(intake, 1, eventually) == [start(2)]
    for _ in range(3):
        late = connect()
        late.send(frame(start(1)) + frame(unit(7)) + frame(SourceEnd(source=1)))
        assert list(late.receive()) == []
    newer.send(frame(unit(8)))
    assert arrivals(intake, 1, eventually) == [unit(8)]
    intake.request_keyframe(2)
    assert next(newer.receive()) == KeyframeRequest(source=2)


def test_the_same_source_on_a_new_connection_ends_and_begins_in_order(
    intake: Intake, connect: Callable[[], Peer], eventually: Callable[..., None]
) -> None:
    for _ in range(20):
        connect().send(frame(start(4)))
    found = arrivals(intake, 39, eventually)
    for before, after in itertools.pairwise(found):
        assert type(before) is not type(after), "each end is followed by its next beginning"
    assert found[-1] == start(4)


def test_a_mute_connection_cuts_nobody_off(
    intake: Intake, connect: Callable[[], Peer], eventually: Callable[..., None]
) -> None:
    """A publish that takes over dials as it is accepted, seconds before its first frame."""
    speaking = connect()
    speaking.send(frame(start(1)))
    mute = [connect() for _ in range(MAX_MUTE)]
    speaking.send(frame(unit(0)))
    assert arrivals(intake, 2, eventually) == [start(1), unit(0)]
    connect()
    assert list(mute[0].receive()) == [], "the eldest makes room"
    mute[-1].send(frame(start(2)))
    assert arrivals(intake, 2, eventually) == [SourceEnd(source=1), start(2)]


@pytest.mark.parametrize(
    "data",
    [
        frame(unit(0)),
        frame(start(epoch="another")),
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x01\xc1",
    ],
)
def test_who_does_not_begin_properly_is_cut_off(
    intake: Intake, connect: Callable[[], Peer], data: bytes
) -> None:
    peer = connect()
    peer.send(data)
    assert list(peer.receive()) == []
    assert intake.drain() == []


def test_a_second_start_cuts_the_connection(
    intake: Intake, connect: Callable[[], Peer], eventually: Callable[..., None]
) -> None:
    peer = connect()
    peer.send(frame(start()) + frame(start()))
    assert list(peer.receive()) == []
    assert arrivals(intake, 2, eventually) == [start(), SourceEnd(source=1)]


def test_keyframe_requests_reach_the_ingest(
    intake: Intake, connect: Callable[[], Peer], eventually: Callable[..., None]
) -> None:
    intake.request_keyframe(1)
    peer = connect()
    peer.send(frame(start()))
    arrivals(intake, 1, eventually)
    intake.request_keyframe(7)
    assert next(peer.receive()) == KeyframeRequest(source=7)


def test_a_peer_that_reads_nothing_never_blocks_a_keyframe_request(tmp_path: Path) -> None:
    listener = listen(tmp_path / "s.sock")
    deaf = dial(tmp_path / "s.sock")
    connected, _ = listener.accept()
    peer = Peer(connected)
    assert deaf is not None
    while peer.send_now(KeyframeRequest(source=1)):
        pass
    for end in (peer, deaf):
        end.close()
    listener.close()


def test_closing_ends_a_receiver(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    peer, other = Peer(ours), Peer(theirs)
    received: list[object] = []
    thread = threading.Thread(target=lambda: received.extend(peer.receive()))
    thread.start()
    peer.close()
    thread.join()
    other.close()
    assert received == []
    assert not other.send(b"x")
