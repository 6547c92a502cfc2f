"""The worker whole, in a thread: a main and an ingest of the test's own, and a clock it turns.

The profile holds slots for a second, so that pictures sent before the clock turns are on time
however slowly the worker reads them: `World.play` sends a second of pictures, waits until the
parts of that second are there, and only then turns the clock.
"""

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from transcoder.cmaf.emsg import read_events
from transcoder.cmaf.id3 import read_private
from transcoder.control import (
    CueUnsent,
    EndEpoch,
    Hello,
    KeyframeRequest,
    Listening,
    Metrics,
    SourceEnd,
    SourceStart,
    StartEpoch,
    WorkerBusy,
    WorkerIdle,
)
from transcoder.encode import RungEncoder
from transcoder.errors import MediaError, TranscoderError
from transcoder.profiles import Profile, Rung
from transcoder.sockets import Peer, dial, listen
from transcoder.values import AccessUnit, Anchor, EpochEnd, InitSection, Part, TimedMetadata
from transcoder.wire import frame
from transcoder.worker import serve

PROFILE = Profile(
    hold_ms=1000,
    rungs=(
        Rung(name="96p", height=96, bitrate_bps=300_000, max_bitrate_bps=400_000),
        Rung(name="48p", height=48, bitrate_bps=100_000, max_bitrate_bps=150_000),
    ),
)
NAMES = ("96p", "48p")
SECOND_TICKS = 90_000
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

    def __init__(self, folder: Path, eventually: Callable[..., None]) -> None:
        self._folder = folder
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
                main_socket=self._folder / "main.sock",
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
            au_socket=str(self._folder / "au.sock"),
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
        self.ingest = dial(self._folder / "au.sock")
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

    def tell_cues(self, *cues: TimedMetadata) -> None:
        """Returns when the worker has them all: it refuses the last, which cannot be carried."""
        mark = replace(CUE, id=f"bad {len(self.main.said(CueUnsent))}")
        for cue in (*cues, mark):
            self.main.tell(cue)
        self.until(lambda: any(unsent.id == mark.id for unsent in self.main.said(CueUnsent)))

    def wait_for_part(self, number: int) -> None:
        self.until(lambda: any(p.number == number for p in self.main.parts(NAMES[-1])))

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


@pytest.fixture
def world(tmp_path: Path, eventually: Callable[..., None]) -> Iterator[World]:
    made = World(tmp_path, eventually)
    yield made
    made.close()


def luma_of(slot: int) -> int:
    return 40 + slot * 7 % 160


def second(source: Any, index: int) -> list[AccessUnit]:
    """The access units of one second, each picture as grey as its slot says."""
    slots = range(30 * index, 30 * index + 30)
    units: list[AccessUnit] = source.units([luma_of(slot) for slot in slots], 30 * index * 3000)
    return units


def decoded(world: World, rendition: str, luma_at: Callable[..., int]) -> dict[int, int]:
    """The grey of each slot as a player sees it."""
    (section,) = {s.data for s in world.main.said(InitSection) if s.rendition == rendition}
    parts = {part.number: part for part in world.main.parts(rendition)}
    media = section + b"".join(parts[number].data for number in sorted(parts))
    with av.open(io.BytesIO(media), "r", format="mp4") as container:
        return {
            frame.pts // 3000: luma_at(frame)
            for frame in container.decode(video=0)
            if frame.pts is not None
        }


def test_parts_are_exact_and_aligned_and_show_the_right_pictures(
    world: World, make_source: Callable[..., Any], luma_at: Callable[..., int]
) -> None:
    world.begin()
    world.publish()
    source = make_source()
    for index in range(3):
        world.play(second(source, index), number=3 * index + 1)
    world.end()

    inits = world.main.said(InitSection)
    assert [(s.rendition, s.width, s.height) for s in inits] == [("96p", 128, 96), ("48p", 64, 48)]
    assert {(s.ladder, s.anchor, s.part_ticks) for s in inits} == {(NAMES, ANCHOR, 30_000)}
    parts = world.main.said(Part)
    assert [(p.number, p.rendition) for p in parts] == [(n, r) for n in range(9) for r in NAMES]
    for part in parts:
        assert (part.msn, part.index) == divmod(part.number, 6)
        assert (part.decode_time, part.duration) == (part.number * 30_000, 30_000)
        assert part.independent == (part.number % 3 == 0)
        assert part.last == (part.index == 5)
    for name in NAMES:
        greys = decoded(world, name, luma_at)
        assert list(greys) == list(range(90))
        assert max(abs(grey - luma_of(slot)) for slot, grey in greys.items()) <= 4
    assert world.main.said(EpochEnd) == [EpochEnd(show="demo", epoch="e1")]


def test_audio_goes_on_beside_the_pictures_and_is_silent_when_missing(
    world: World, make_source: Callable[..., Any], opus_tone: Callable[..., list[AccessUnit]]
) -> None:
    world.begin()
    world.publish()
    source = make_source()
    for unit in opus_tone(60):
        world.send(unit)
    for index in range(3):
        world.play(second(source, index), number=3 * index + 1)
    world.end()
    (section,) = {s.data for s in world.main.said(InitSection) if s.rendition == "48p"}
    media = section + b"".join(part.data for part in world.main.parts("48p"))
    with av.open(io.BytesIO(media), "r", format="mp4") as container:
        frames = list(container.decode(audio=0))
    assert [frame.pts for frame in frames] == [1024 * index for index in range(len(frames))]
    assert len(frames) == 3 * 48_000 // 1024
    loudness = [float(np.abs(frame.to_ndarray()).max()) for frame in frames]
    assert min(loudness[3:50]) > 0.1
    assert max(loudness[65:]) < 0.01


def test_the_epochs_end_flushes_a_shorter_last_part(
    world: World, make_source: Callable[..., Any], luma_at: Callable[..., int]
) -> None:
    world.begin()
    world.publish()
    for unit in second(make_source(), 0)[:25]:
        world.send(unit)
    world.wait_for_part(1)
    world.send(SourceEnd(source=1))
    world.end()
    last = world.main.parts("96p")[-1]
    assert (last.number, last.last) == (2, True)
    assert last.decode_time + last.duration == 25 * 3000
    assert list(decoded(world, "48p", luma_at)) == list(range(25))
    assert isinstance(world.main.heard[-1][-1], EpochEnd)


def test_when_main_comes_back_it_is_sent_the_window(
    world: World, make_source: Callable[..., Any]
) -> None:
    world.begin()
    world.publish()
    source = make_source()
    world.play(second(source, 0), number=1)
    world.main.hang_up()
    world.until(lambda: len(world.main.heard) == 2)
    world.play(second(source, 1), number=4)
    world.end()
    again = [value for value in world.main.heard[1] if not isinstance(value, Metrics)]
    busy = WorkerBusy(show="demo", epoch="e1", au_socket=str(world._folder / "au.sock"))
    assert again[:2] == [HELLO, busy]
    assert [type(value) for value in again[2:4]] == [InitSection] * 2
    assert [(p.number, p.rendition) for p in again[4:-1]] == [
        (number, name) for number in range(6) for name in NAMES
    ]
    assert again[-1] == EpochEnd(show="demo", epoch="e1")


def test_another_source_goes_on_where_the_last_one_stopped(
    world: World, make_source: Callable[..., Any], luma_at: Callable[..., int]
) -> None:
    world.begin()
    world.publish(1)
    world.play(second(make_source(), 0), number=1)
    world.publish(2)
    wide = make_source(codec="vp8", width=192, height=96, source=2)
    stale = make_source(source=1).unit(250, 30 * 3000)
    world.play([stale, *second(wide, 1)], number=4)
    world.play(second(wide, 2), number=7)
    world.end()
    assert len(world.main.said(InitSection)) == 2
    assert [part.number for part in world.main.parts("48p")] == list(range(9))
    greys = decoded(world, "96p", luma_at)
    assert max(abs(grey - luma_of(slot)) for slot, grey in greys.items()) <= 4


def test_without_input_the_output_goes_on_to_the_slate(
    world: World, make_source: Callable[..., Any], luma_at: Callable[..., int]
) -> None:
    world.begin()
    world.publish()
    world.play(second(make_source(), 0), number=1)
    world.send(SourceEnd(source=1))
    for index in range(1, 6):
        world.now_ns += SECOND_NS
        world.wait_for_part(3 * index - 1)
    world.end()
    greys = decoded(world, "48p", luma_at)
    assert list(greys) == list(range(len(greys)))
    held, slate = luma_of(29), 16 + (luma_of(29) - 16) * 2 // 5
    assert all(abs(greys[slot] - held) <= 4 for slot in range(29, 29 + 75))
    assert all(abs(greys[slot] - slate) <= 4 for slot in range(29 + 80, len(greys)))


def test_a_worker_that_takes_over_makes_the_same_renditions_without_input(
    world: World, make_source: Callable[..., Any], tmp_path: Path
) -> None:
    previous = tuple(
        InitSection(
            show="demo",
            epoch="e1",
            rendition=name,
            generation=3,
            ladder=NAMES,
            anchor=ANCHOR,
            codecs="",
            width=width,
            height=height,
            frames_per_second=30,
            bandwidth_bps=1,
            average_bandwidth_bps=1,
            part_ticks=30_000,
            segment_ticks=180_000,
            data=b"",
        )
        for name, width, height in (("48p", 72, 48), ("96p", 144, 96))
    )
    world.begin(generation=4, next_number=41, next_msn=9, next_tick=100_001, previous=previous)
    world.now_ns += SECOND_NS // 2
    world.until(lambda: len(world.main.said(InitSection)) == 2)
    for _ in range(3):
        world.now_ns += SECOND_NS
    world.wait_for_part(42)
    world.end()
    inits = [(s.rendition, s.width, s.height, s.generation) for s in world.main.said(InitSection)]
    assert inits == [("96p", 144, 96, 4), ("48p", 72, 48, 4)]
    first = world.main.parts("96p")[0]
    assert (first.number, first.msn, first.index, first.decode_time) == (41, 9, 0, 34 * 3000)


def test_a_keyframe_is_asked_for_until_it_comes(
    world: World, make_source: Callable[..., Any]
) -> None:
    world.begin()
    world.publish(5)
    assert world.ingest is not None
    requests = world.ingest.receive()
    source = make_source(source=5)
    source.unit(50, 0)
    world.send(source.unit(60, 3000))
    assert next(requests) == KeyframeRequest(source=5)
    world.now_ns += SECOND_NS // 2
    assert next(requests) == KeyframeRequest(source=5)
    world.send(source.unit(70, 48_000, keyframe=True))
    world.until(lambda: bool(world.main.said(InitSection)))


def test_metrics_reach_main(world: World, make_source: Callable[..., Any]) -> None:
    world.begin()
    world.publish()
    world.play(second(make_source(), 0), number=1)
    world.now_ns += 2 * SECOND_NS
    taken = b'comptoir_transcoder_pictures_total{fate="taken",show="demo"} 30.0'
    world.until(lambda: any(taken in metrics.text for metrics in world.main.said(Metrics)))


def cued(world: World) -> dict[str, int]:
    """The number of the part of each cue; the same in the values, the boxes and all renditions."""
    found: dict[str, int] = {}
    for part, other in zip(*map(world.main.parts, NAMES), strict=True):
        assert (part.number, part.cues) == (other.number, other.cues)
        events = read_events(part.data)
        assert events == read_events(other.data)
        assert [read_private(event.message)[0].data for event in events] == [
            cue.payload for cue in part.cues
        ]
        assert [event.presentation_time for event in events] == [
            max(cue.pts, part.decode_time) for cue in part.cues
        ]
        for cue in part.cues:
            assert cue.id not in found
            found[cue.id] = part.number
    return found


def test_a_cue_is_on_its_frame_in_every_rendition_or_late_in_the_next_part(
    world: World, make_source: Callable[..., Any], luma_at: Callable[..., int]
) -> None:
    waiting = replace(CUE, id="waiting", pts=75 * 3000 + 1)
    world.begin(cues=(waiting, replace(CUE, id="before", pts=0)))
    world.publish()
    source = make_source()
    world.tell_cues(replace(CUE, id="ahead", pts=29 * 3000), replace(CUE, id="far", pts=10**9))
    world.play(second(source, 0), number=1)
    late, repeated = replace(CUE, id="late", pts=4000), replace(waiting, pts=0)
    world.tell_cues(late, repeated, late)
    world.play(second(source, 1), number=4)
    world.play(second(source, 2), number=7)
    world.end()
    found = cued(world)
    assert found.pop("late") in (2, 3)  # its frame lies in part 0; the worker reads meanwhile
    assert found == {"before": 0, "ahead": 2, "waiting": 7}
    (part,) = (p for p in world.main.parts("96p") if waiting in p.cues)
    assert part.decode_time <= waiting.pts < part.decode_time + part.duration
    unsent = {cue.id: cue.reason for cue in world.main.said(CueUnsent)}
    assert unsent.pop("far") == "the epoch ended before its frame"
    assert set(unsent) == {"bad 0", "bad 1"}
    assert list(decoded(world, "96p", luma_at)) == list(range(90))


def test_a_worker_that_takes_over_carries_what_the_lost_one_had_not(
    world: World, make_source: Callable[..., Any]
) -> None:
    lost = tuple(replace(CUE, id=f"lost{n}", pts=pts) for n, pts in enumerate((7, 100_000, 10**6)))
    world.begin(generation=1, next_number=41, next_msn=9, next_tick=90_000, cues=lost)
    world.now_ns += SECOND_NS
    world.publish()
    world.play(second(make_source(), 1), number=42)
    world.main.tell(  # as main does when it comes back and is not sure
        StartEpoch(
            show="demo",
            epoch="e1",
            au_socket="",
            profile={},
            latency="low",
            generation=1,
            next_number=41,
            next_msn=9,
            next_tick=90_000,
            cues=(*lost, replace(CUE, id="new", pts=8)),
            previous=(),
        )
    )
    world.tell_cues()
    world.end()
    found = cued(world)
    assert (found["lost0"], found["lost1"]) == (41, 41)
    assert set(found) == {"lost0", "lost1", "new"}
    assert "lost2" in {cue.id for cue in world.main.said(CueUnsent)}


def test_more_cues_than_may_wait_are_refused_one_by_one(world: World) -> None:
    world.begin(cues=tuple(replace(CUE, revision=number) for number in range(258)))
    world.until(lambda: len(world.main.said(CueUnsent)) == 2)
    assert [cue.revision for cue in world.main.said(CueUnsent)] == [256, 257]
    world.tell_cues()
    world.end()


def test_a_failing_encoder_ends_the_worker_with_a_sentence(
    world: World, make_source: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = RungEncoder.encode

    def fail(self: RungEncoder, *args: Any, slot: int, idr: bool) -> Any:
        if slot == 12:
            raise MediaError("out of order")
        return encode(self, *args, slot=slot, idr=idr)

    monkeypatch.setattr(RungEncoder, "encode", fail)
    world.begin()
    world.publish()
    for unit in second(make_source(), 0):
        world.send(unit)
    world.join()
    assert isinstance(world.failure, MediaError)
    assert "out of order" in str(world.failure)
    assert world.main.said(EpochEnd) == []


def test_a_profile_that_cannot_be_used_ends_the_worker(world: World) -> None:
    with pytest.raises(TranscoderError):
        world.begin(profile={"nonsense": 1})


def test_a_worker_without_an_epoch_stops_when_told(world: World) -> None:
    world.until(lambda: bool(world.main.said(WorkerIdle)))
    world.stop.set()
    world.join()
    assert world.failure is None
    assert world.main.heard[0] == [HELLO, WorkerIdle()]


def test_a_stopped_process_leaves_its_epoch_to_the_next(
    world: World, make_source: Callable[..., Any]
) -> None:
    world.begin()
    world.publish()
    world.play(second(make_source(), 0), number=1)
    world.stop.set()
    world.join()
    assert world.main.said(EpochEnd) == []


def test_a_source_that_is_ahead_of_now_is_shown_from_the_first_slot_on(
    world: World, make_source: Callable[..., Any], luma_at: Callable[..., int]
) -> None:
    world.begin()
    world.publish()
    source = make_source()
    ahead = 20
    for unit in source.units([200] * 30, ahead * 3000):
        world.send(unit)
    world.wait_for_part(1)
    world.end()
    greys = decoded(world, NAMES[0], luma_at)
    assert all(abs(greys[slot] - 200) <= 4 for slot in range(ahead))
