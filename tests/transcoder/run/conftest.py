"""An `EpochRun` under a clock that the test turns, a host that answers keyframe requests, and a
judge of all that came out.

The encoders are real, and are waited for: unless a test slows them down they keep up, however fast
the clock is turned.
"""

import contextlib
import io
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import av
import numpy as np
import pytest

from transcoder.cmaf.runs import Run, read_fragments
from transcoder.control import CueUnsent, SourceEnd, SourceStart, StartEpoch
from transcoder.encode import RungEncoder
from transcoder.epoch import EpochRun
from transcoder.ladder_state import LadderState
from transcoder.profiles import Profile, Rung, SlateProfile
from transcoder.telemetry import Telemetry
from transcoder.values import STRETCH_TICKS, AccessUnit, Anchor, InitSection, Part

ANCHOR = Anchor(utc_us=0, monotonic_ns=0)
SECOND_NS = 1_000_000_000
RUNGS = (
    Rung(name="96p", height=96, bitrate_bps=300_000, max_bitrate_bps=2_000_000),
    Rung(name="48p", height=48, bitrate_bps=100_000, max_bitrate_bps=150_000),
    Rung(name="32p", height=32, bitrate_bps=50_000, max_bitrate_bps=80_000),
)
NAMES = ("96p", "48p", "32p")


@dataclass
class Kept:
    """What came out of a run."""

    inits: list[InitSection] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    states: list[LadderState] = field(default_factory=list)
    requests: int = 0

    def init(self, section: InitSection) -> None:
        self.inits.append(section)

    def part(self, part: Part) -> None:
        known = [s for s in self.inits if s.generation == part.generation]
        assert [section.rendition for section in known] == list(known[0].ladder)
        self.parts.append(part)

    def ladder(self, state: LadderState) -> None:
        self.states.append(state)

    def request_keyframe(self, source: int) -> None:
        self.requests += 1

    def cue_unsent(self, unsent: CueUnsent) -> None:
        raise AssertionError(unsent.reason)

    def of(self, rendition: str) -> list[Part]:
        return [part for part in self.parts if part.rendition == rendition]

    def roles(self) -> list[tuple[str, ...]]:
        """What the rungs did, one change after the other."""
        changes: list[tuple[str, ...]] = []
        for state in self.states:
            roles = tuple(rung.mirrors or rung.role for rung in state.rungs)
            if changes[-1:] != [roles]:
                changes.append(roles)
        return changes

    def video(self, rendition: str) -> list[tuple[Part, Run]]:
        return [(p, read_fragments(p.data)[0].runs[0]) for p in self.of(rendition)]

    def frames(self, rendition: str) -> list[Any]:
        """All pictures of a rendition as a player decodes them."""
        frames = []
        for generation in sorted({part.generation for part in self.parts}):
            init = next(
                s for s in self.inits if (s.rendition, s.generation) == (rendition, generation)
            )
            parts = [part.data for part in self.of(rendition) if part.generation == generation]
            with av.open(io.BytesIO(init.data + b"".join(parts)), "r", format="mp4") as container:
                decoded = list(container.decode(video=0))
            assert {(f.width, f.height) for f in decoded} == {(init.width, init.height)}
            frames += decoded
        return frames

    def loudness(self, rendition: str) -> list[float]:
        """The peak of each audio frame; all generations as one, for the sound never restarts."""
        data = self.inits[0].data + b"".join(part.data for part in self.of(rendition))
        with av.open(io.BytesIO(data), "r", format="mp4") as container:
            return [float(np.abs(f.to_ndarray()).max()) for f in container.decode(audio=0)]

    def check(self) -> None:
        """No time is lost or doubled, numbers have no gap, boundaries are equal everywhere."""
        names = self.inits[0].ladder
        best = self.of(names[0])
        assert [part.number for part in best] == list(
            range(best[0].number, best[0].number + len(best))
        )
        for name in names:
            assert [outline(part) for part in self.of(name)] == [outline(part) for part in best]
            self._check_rendition(name)
        generations = [part.generation for part in best]
        assert sorted(set(generations)) == list(range(generations[0], generations[-1] + 1))

    def _check_rendition(self, name: str) -> None:
        tick = self.of(name)[0].decode_time
        audio_end: int | None = None
        before: Part | None = None
        segment_ticks = 0
        target = self.inits[0].segment_ticks
        for part in self.of(name):
            runs = read_fragments(part.data)[0].runs
            video, audio = runs[0], runs[1] if len(runs) > 1 else None
            assert (part.decode_time, video.decode_time, video.duration) == (
                tick,
                tick,
                part.duration,
            )
            tick += part.duration
            if audio is not None:
                assert audio_end in (None, audio.decode_time)
                audio_end = audio.decode_time + audio.duration
            assert 0 < part.duration <= self.inits[0].part_ticks
            assert part.independent == any(sample.sync for sample in video.samples)
            assert part.opens == video.samples[0].sync
            begins = part.index == 0
            if before is not None:
                assert part.msn - before.msn == begins
                assert begins or part.index == before.index + 1
                assert begins or not before.last
                assert begins or part.generation == before.generation
                assert begins or before.duration == self.inits[0].part_ticks
            assert part.opens or not begins
            segment_ticks = part.duration + (0 if begins else segment_ticks)
            assert segment_ticks < target + STRETCH_TICKS
            before = part


def outline(part: Part) -> tuple[Any, ...]:
    """What is the same of a part in every rendition."""
    return (
        part.number,
        part.msn,
        part.index,
        part.generation,
        part.decode_time,
        part.duration,
        part.last,
        part.cues,
    )


class Air:
    """A run on air, its host and its clock."""

    def __init__(
        self, profile: Profile, make_encoder: Callable[..., Any], start: dict[str, Any]
    ) -> None:
        self.out = Kept()
        self.slot = 0
        self.slot_ticks = 90_000 // profile.frames_per_second
        self.telemetry = Telemetry("s")
        self._wake = threading.Event()
        self._answered = 0
        told: dict[str, Any] = {
            "show": "s",
            "epoch": "e",
            "au_socket": "",
            "profile": profile.to_plain(),
            "latency": "low",
            "generation": 0,
            "next_number": 0,
            "next_msn": 0,
            "next_tick": 0,
            "cues": (),
            "previous": (),
        }
        self.run = EpochRun(
            StartEpoch(**{**told, **start}),
            output=self.out,
            telemetry=self.telemetry,
            wake=self._wake.set,
            now_ns=0,
            make_encoder=make_encoder,
        )

    @property
    def now_ns(self) -> int:
        return self.slot * SECOND_NS * self.slot_ticks // 90_000

    def publish(self, source: int = 1) -> None:
        self._answered = self.out.requests
        self.turn([SourceStart(epoch="e", source=source, anchor=ANCHOR)])

    def leave(self, source: int = 1) -> None:
        self.turn([SourceEnd(source=source)])

    def turn(self, arrived: Iterable[AccessUnit | SourceStart | SourceEnd] = ()) -> None:
        self.run.turn(arrived, self.now_ns)

    def settle(self) -> None:
        """Wait until the encoders have nothing to do."""
        deadline_s = time.monotonic() + 20
        while self.run.backlog:
            assert time.monotonic() < deadline_s, "the encoders never came to an end"
            self._wake.wait(0.05)
            self._wake.clear()
            self.turn()

    def breathe(self, *, enough: bool) -> None:
        """Give the encoders a moment; all the time they want where there is enough for them."""
        if enough:
            self.settle()
            return
        self._wake.wait(0.003)
        self._wake.clear()
        self.turn()

    def play(
        self,
        host: Any,
        slots: int,
        *,
        sound: Sequence[AccessUnit] = (),
        gop: int = 0,
        wait: bool = True,
        mangle: Callable[[AccessUnit], AccessUnit | None] = lambda unit: unit,
    ) -> None:
        """The host sends a picture a slot, a keyframe where it is asked for one, or each `gop`."""
        for _ in range(slots):
            asked = self.out.requests > self._answered
            self._answered = self.out.requests
            keyframe = asked or (gop > 0 and self.slot % gop == 0)
            unit = host.unit(
                40 + self.slot * 7 % 160, self.slot * self.slot_ticks, keyframe=keyframe
            )
            sent = mangle(unit)
            first, last = self.slot * self.slot_ticks, (self.slot + 1) * self.slot_ticks
            heard = [one for one in sound if first <= one.pts < last]
            self.turn([*heard, *([] if sent is None else [sent])])
            self.slot += 1
            if wait:
                self.settle()

    def idle(self, slots: int, *, wait: bool = True) -> None:
        """Nothing comes for so long."""
        for _ in range(slots):
            self.slot += 1
            self.turn()
            if wait:
                self.settle()

    def finish(self) -> Kept:
        self.run.finish(20.0)
        return self.out


def _made(
    *,
    make_encoder: Callable[..., Any] = RungEncoder,
    start: dict[str, Any] | None = None,
    **profile: Any,
) -> Air:
    keys: dict[str, Any] = {"rungs": RUNGS, "slate": SlateProfile(text=""), **profile}
    return Air(Profile(**keys), make_encoder, start or {})


@pytest.fixture
def on_air() -> Iterator[Callable[..., Air]]:
    """`on_air(make_encoder=RungEncoder, start={…}, **profile)`: a run under way."""
    with contextlib.ExitStack() as stack:

        def make(**keys: Any) -> Air:
            air = _made(**keys)
            stack.callback(air.run.close)
            return air

        yield make


@pytest.fixture(scope="session")
def air_of() -> Callable[..., contextlib.AbstractContextManager[Air]]:
    """The same for each example of a property: `with air_of(…) as air`."""

    @contextlib.contextmanager
    def make(**keys: Any) -> Iterator[Air]:
        air = _made(**keys)
        try:
            yield air
        finally:
            air.run.close()

    return make
