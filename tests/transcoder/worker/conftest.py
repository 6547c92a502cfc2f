"""The worker whole, in a thread: a main and an ingest of the test's own, and a clock it turns.

The profile holds slots for a second, so that pictures sent before the clock turns are on time
however slowly the worker reads them: `World.play` sends a second of pictures, waits until the
parts of that second are there, and only then turns the clock. It sheds nothing and leaves nothing
out: a clock that jumps makes everything look late.
"""

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from transcoder.control import (
    CueUnsent,
    EndEpoch,
    Hello,
    Listening,
    SourceStart,
    StartEpoch,
    WorkerIdle,
)
from transcoder.profiles import OverloadProfile, Profile, Rung, SlateProfile
from transcoder.sockets import Peer, dial, listen
from transcoder.values import AccessUnit, Anchor, InitSection, Part, TimedMetadata
from transcoder.wire import frame
from transcoder.worker import serve

PROFILE = Profile(
    hold_ms=1000,
    slate=SlateProfile(text=""),
    overload=OverloadProfile(shed=()),
    rungs=(
        Rung(name="96p", height=96, bitrate_bps=300_000, max_bitrate_bps=400_000),
        Rung(name="48p", height=48, bitrate_bps=100_000, max_bitrate_bps=150_000),
    ),
)
NAMES = ("96p", "48p")
SECOND_NS = 1_000_000_000
ANCHOR = Anchor(utc_us=1_700_000_000_000_000, monotonic_ns=5 * SECOND_NS)
HELLO = Hello(role="worker", id="w1", pid=4711)
CUE = TimedMetadata(id="pin", revision=0, pts=0, duration=2_700_000, payload=b'{"id":"pin"}')


class Main:
    """The test's main: takes connections one after another and keeps what they say."""

    def __init__(self, path: Path) -> None:
        self._listener = listen(path)
        self.peer: Peer | None = None
        self.heard: list[list[Any]] = []
        self._thread = threading.Thread(target=self._run, name="test-main")
        self._thread.start()

    def said(self, kind: type) -> list[Any]:
        return [value for values in self.heard for value in values if isinstance(value, kind)]

    def parts(self, rendition: str) -> list[Part]:
        return [part for part in self.said(Part) if part.rendition == rendition]

    def tell(self, order: object) -> None:
        assert self.peer is not None
        assert self.peer.send(frame(order))

    def hang_up(self) -> None:
        assert self.peer is not None
        self.peer.close()

    def close(self) -> None:
        self._listener.shutdown(2)
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                connected, _ = self._listener.accept()
            except OSError:
                return
            values: list[Any] = []
            peer = Peer(connected)
            self.heard.append(values)
            self.peer = peer
            for value in peer.receive():
                values.append(value)  # noqa: PERF402 - the tests look while it grows
            peer.close()


class World:
    """A worker at work in a thread, its main, its ingest and its clock."""

    def __init__(
        self, folder: Path, eventually: Callable[..., None], luma_at: Callable[..., int]
    ) -> None:
        self.folder = folder
        self.anchor, self.hello = ANCHOR, HELLO
        self._luma_at = luma_at
        self._eventually = eventually
        self.main = Main(folder / "main.sock")
        self.now_ns = ANCHOR.monotonic_ns
        self.stop = threading.Event()
        self.failure: BaseException | None = None
        self.ingest: Peer | None = None
        self._thread = threading.Thread(target=self._serve, name="test-worker")
        self._thread.start()

    def _serve(self) -> None:
        try:
            serve(
                main_socket=self.folder / "main.sock",
                hello=HELLO,
                window_s=60,
                stop=self.stop,
                clock=lambda: self.now_ns,
            )
        except BaseException as exc:
            self.failure = exc

    def begin(self, **changes: Any) -> None:
        start = StartEpoch(
            show="demo",
            epoch="e1",
            au_socket=str(self.folder / "au.sock"),
            profile=PROFILE.to_plain(),
            latency="low",
            generation=0,
            next_number=0,
            next_msn=0,
            next_tick=0,
            cues=(),
            previous=(),
        )
        self.until(lambda: bool(self.main.said(WorkerIdle)))
        self.main.tell(replace(start, **changes))
        self.until(lambda: bool(self.main.said(Listening)))

    def publish(self, source: int = 1) -> None:
        if self.ingest is not None:
            self.ingest.close()
        self.ingest = dial(self.folder / "au.sock")
        self.send(SourceStart(epoch="e1", source=source, anchor=ANCHOR))

    def send(self, value: object) -> None:
        assert self.ingest is not None
        assert self.ingest.send(frame(value))

    def until(self, holds: Callable[[], bool]) -> None:
        self._eventually(lambda: self.failure is not None or holds())
        if self.failure is not None:
            raise self.failure

    def play(self, units: list[AccessUnit], *, number: int) -> None:
        """Send a second of pictures, wait for the part of this number, turn the clock on."""
        for unit in units:
            self.send(unit)
        self.wait_for_part(number)
        self.now_ns += SECOND_NS

    def turn(self, seconds: int, *, number: int) -> None:
        """Turn the clock on, and wait for the part of this number."""
        self.now_ns += seconds * SECOND_NS
        self.wait_for_part(number)

    def tell_cues(self, *cues: TimedMetadata) -> None:
        """Returns when the worker has them all: it refuses the last, which cannot be carried."""
        mark = replace(CUE, id=f"bad {len(self.main.said(CueUnsent))}")
        for cue in (*cues, mark):
            self.main.tell(cue)
        self.until(lambda: any(unsent.id == mark.id for unsent in self.main.said(CueUnsent)))

    def wait_for_part(self, number: int) -> None:
        self.until(lambda: sum(p.number == number for p in self.main.said(Part)) == len(NAMES))

    def end(self) -> None:
        self.main.tell(EndEpoch(epoch="e1"))
        self.join()

    def join(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()

    def close(self) -> None:
        self.stop.set()
        self.join()
        if self.ingest is not None:
            self.ingest.close()
        self.main.close()

    @staticmethod
    def luma_of(slot: int) -> int:
        """How grey the picture of a slot is."""
        return 40 + slot * 7 % 160

    def second(self, source: Any, index: int) -> list[AccessUnit]:
        """The access units of one second, each picture as grey as its slot says."""
        slots = range(30 * index, 30 * index + 30)
        lumas = [self.luma_of(slot) for slot in slots]
        units: list[AccessUnit] = source.units(lumas, 30 * index * 3000)
        return units

    def media(self, rendition: str) -> bytes:
        """What a player gets: the one init section and every part."""
        section: bytes
        (section,) = {s.data for s in self.main.said(InitSection) if s.rendition == rendition}
        parts = {part.number: part for part in self.main.parts(rendition)}
        return section + b"".join(parts[number].data for number in sorted(parts))

    def pictures(self, rendition: str) -> list[av.VideoFrame]:
        """What a player shows."""
        with av.open(io.BytesIO(self.media(rendition)), "r", format="mp4") as container:
            return list(container.decode(video=0))

    def decoded(self, rendition: str) -> dict[int, int]:
        """The grey of each slot as a player sees it."""
        with av.open(io.BytesIO(self.media(rendition)), "r", format="mp4") as container:
            return {
                frame.pts // 3000: self._luma_at(frame)
                for frame in container.decode(video=0)
                if frame.pts is not None
            }

    def heard(self, rendition: str) -> list[av.AudioFrame]:
        """The sound as a player decodes it."""
        with av.open(io.BytesIO(self.media(rendition)), "r", format="mp4") as container:
            return list(container.decode(audio=0))


@pytest.fixture
def world(
    tmp_path: Path,
    eventually: Callable[..., None],
    luma_at: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    monkeypatch.setattr("transcoder.shedding.SKIP_ABOVE_S", 60.0)
    made = World(tmp_path, eventually, luma_at)
    yield made
    made.close()
