"""Encoders that cannot keep up: what is given up, and when it comes back."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from av.video.frame import VideoFrame

from transcoder.encode import RungEncoder
from transcoder.grid import Grid
from transcoder.profiles import OnPinProfile, OverloadProfile, RungPlan
from transcoder.samples import EncodedPicture
from transcoder.values import TimedMetadata

ENCODED, SHED = ("encoded",) * 3, ("48p", "encoded", "encoded")


class Machine:
    """So much encoding a slot: the first rung costs 8, the others 2 each."""

    def __init__(self) -> None:
        self.share = 100.0
        self._credit = 0.0
        self._closed = False
        self._changed = threading.Condition()

    def slot(self) -> None:
        with self._changed:
            self._credit = min(self._credit, 24) + self.share
            self._changed.notify_all()

    def spend(self, cost: int) -> None:
        with self._changed:
            # On credit where no slot comes: the clock waits for an encoder that is to end.
            self._changed.wait_for(lambda: self._closed or self._credit >= cost, 0.1)
            self._credit -= cost

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def encoder(self, plan: RungPlan, grid: Grid) -> "Slowed":
        return Slowed(self, plan, grid)


class Slowed(RungEncoder):
    def __init__(self, machine: Machine, plan: RungPlan, grid: Grid) -> None:
        super().__init__(plan, grid)
        self._machine = machine
        self._cost = 8 if plan.name == "96p" else 2

    def encode(self, frame: VideoFrame, *, slot: int, idr: bool) -> EncodedPicture:
        self._machine.spend(self._cost)
        return super().encode(frame, slot=slot, idr=idr)


@pytest.fixture
def machine(on_air: Callable[..., Any]) -> Iterator[Machine]:
    made = Machine()
    yield made
    made.close()


class Show:
    """A run on such a machine, and how far behind it was."""

    def __init__(self, air: Any, machine: Machine, host: Any) -> None:
        self.air, self.machine, self.host = air, machine, host
        self.behind: list[int] = []
        self.lag_s: list[float] = []

    def play(self, seconds: float) -> None:
        for _ in range(round(seconds * 30)):
            self.machine.slot()
            self.air.play(self.host, 1, wait=False)
            self.air.breathe(enough=self.machine.share >= 12)
            self.behind.append(self.air.run.backlog)
            self.lag_s.append(self.air.run.lag_s(self.air.now_ns))

    def until(self, roles: tuple[str, ...], within_s: float) -> float:
        began = self.air.slot
        while self.air.out.roles()[-1] != roles:
            self.play(0.1)
            assert self.air.slot - began <= 30 * within_s, self.air.out.roles()
        return float((self.air.slot - began) / 30)


def test_rungs_drop_within_five_seconds_and_come_back_after_thirty(
    on_air: Callable[..., Any], make_source: Callable[..., Any], machine: Machine
) -> None:
    air = on_air(make_encoder=machine.encoder)
    air.publish()
    show = Show(air, machine, make_source())
    show.play(2)
    assert air.out.roles() == [ENCODED]
    machine.share = 6
    show.until(SHED, within_s=5)
    show.play(10)
    assert air.out.roles() == [ENCODED, SHED], "that is enough"
    assert max(show.behind) <= 75
    assert max(show.lag_s) < 3
    assert max(show.lag_s[-90:]) < 1, "and it has caught up"
    machine.share = 100
    took_s = show.until(ENCODED, within_s=33)
    assert took_s > 15
    show.play(1)
    machine.close()
    out = air.finish()
    out.check()
    sizes = [(s.rendition, s.width, s.height) for s in out.inits]
    full = [("96p", 128, 96), ("48p", 64, 48), ("32p", 42, 32)]
    assert sizes == [*full, ("96p", 64, 48), *full[1:], *full]
    shed = [part.number for part in out.of("96p") if part.generation == 1]
    for name in ("96p", "48p"):
        data = [part.data for part in out.of(name) if part.number in shed]
        assert data == [part.data for part in out.of("48p") if part.number in shed]


@pytest.mark.parametrize("phase", [0, 1])
def test_a_source_of_half_the_grids_rate_gets_its_ladder_back(
    on_air: Callable[..., Any], make_source: Callable[..., Any], machine: Machine, phase: int
) -> None:
    air = on_air(make_encoder=machine.encoder, overload=OverloadProfile(restore_after_s=5))
    air.publish()
    show = Show(air, machine, make_source())
    show.play(1)
    machine.share = 6
    show.until(SHED, within_s=5)
    machine.share = 100
    show.play(1)
    # Each picture fills two slots: every second one is seen only as the first of such two.
    begins = next(p.decode_time for p in air.out.of("96p") if p.generation == 1) // air.slot_ticks
    show.play((1 + (air.slot - begins - phase) % 2) / 30)
    for _ in range(15 * 10):
        machine.slot()
        air.play(show.host, 1)
        air.idle(1)
    assert air.out.roles()[-1] == ENCODED
    machine.close()
    out = air.finish()
    out.check()
    restored = next(part for part in out.of("96p") if part.generation == 2)
    assert (restored.decode_time // air.slot_ticks - begins) % 60 == 0, "at a segment's end"


def test_a_machine_for_one_small_rung_ends_there_and_latency_stays_bounded(
    on_air: Callable[..., Any], make_source: Callable[..., Any], machine: Machine
) -> None:
    air = on_air(make_encoder=machine.encoder)
    air.publish()
    show = Show(air, machine, make_source())
    show.play(1)
    machine.share = 1.5  # all rungs where a part begins, or half the pictures of the smallest
    show.until(("32p", "32p", "encoded"), within_s=20)
    show.play(8)
    assert max(show.behind) <= 120
    assert max(show.lag_s[-60:]) < 1.5
    machine.close()
    out = air.finish()
    out.check()
    assert out.states[-1].half_rate
    assert len(out.frames("96p")) == len(out.frames("32p"))


def test_the_picture_of_a_pin_is_never_left_out(
    on_air: Callable[..., Any], make_source: Callable[..., Any], machine: Machine
) -> None:
    """Also where every other picture is, and no keyframe is asked for."""
    air = on_air(
        make_encoder=machine.encoder,
        overload=OverloadProfile(shed=("frame_rate",)),
        on_pin=OnPinProfile(keyframe=False, boost_percent=50, boost_ms=1000),
    )
    air.publish()
    show = Show(air, machine, make_source())
    machine.share = 9  # of 12
    for _ in range(30):
        show.play(0.5)
        if air.out.states and air.out.states[-1].half_rate:
            break
    machine.share = 100.0
    show.play(3)  # what is in the encoders is done; the step is kept for 30 s
    part_begin = (air.slot // 10 + 2) * 10
    cue = TimedMetadata(
        id="c", revision=0, pts=(part_begin + 5) * 3000, duration=90_000, payload=b"{}", sharp=True
    )
    air.run.cue(cue)
    show.play(2)
    machine.close()
    out = air.finish()
    out.check()
    for name in ("96p", "48p", "32p"):
        times = [sample.time // 3000 for _, run in out.video(name) for sample in run.samples]
        offsets = [slot - part_begin for slot in times if 0 <= slot - part_begin < 10]
        assert offsets == [0, 2, 4, 5, 6, 8]


def test_overload_beside_a_passed_rung_waits_for_the_sources_keyframe(
    on_air: Callable[..., Any], make_source: Callable[..., Any], machine: Machine
) -> None:
    air = on_air(make_encoder=machine.encoder, passthrough="auto")
    air.publish()
    show = Show(air, machine, make_source())
    show.play(1)
    machine.share = 1
    show.until(("passed", "32p", "encoded"), within_s=5)
    show.play(3)
    machine.close()
    out = air.finish()
    out.check()
    assert len(out.frames("96p")) == air.slot


def test_a_worker_that_takes_over_a_shed_ladder_makes_the_rungs_own_sizes(
    on_air: Callable[..., Any], make_source: Callable[..., Any], machine: Machine
) -> None:
    air = on_air(make_encoder=machine.encoder)
    air.publish()
    show = Show(air, machine, make_source())
    show.play(1)
    machine.share = 6
    show.until(SHED, within_s=5)
    show.play(3)
    previous = tuple(s for s in air.out.inits if s.generation == 1)
    assert [(s.width, s.own_width) for s in previous] == [(64, 128), (64, 0), (42, 0)]
    again = on_air(start={"previous": previous, "generation": 2, "next_tick": 900_000})
    again.slot = 310
    again.publish()
    again.play(make_source(), 40)
    machine.close()
    out = again.finish()
    out.check()
    assert [(s.generation, s.width, s.height) for s in out.inits] == [
        (2, 128, 96),
        (2, 64, 48),
        (2, 42, 32),
    ]
