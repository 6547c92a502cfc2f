import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from av.video.frame import VideoFrame

from transcoder.encode import RungEncoder
from transcoder.errors import MediaError
from transcoder.grid import Grid
from transcoder.ladder import Job, Ladder
from transcoder.packager import VideoSample
from transcoder.profiles import Profile, Rung, RungPlan, plan_rungs
from transcoder.scale import Fitter, solid
from transcoder.slate import SlatePainter

GRID = Grid(frames_per_second=30, part_slots=10, idr_slots=30, segment_slots=60)
PLANS = plan_rungs(
    Profile(
        rungs=(
            Rung(name="big", height=96, bitrate_bps=300_000, max_bitrate_bps=400_000),
            Rung(name="small", height=48, bitrate_bps=100_000, max_bitrate_bps=150_000),
        )
    ),
    128,
    96,
)

MakeLadder = Callable[..., Ladder]


@pytest.fixture
def make_ladder() -> Iterator[MakeLadder]:
    made: list[Ladder] = []

    def make(
        *,
        plans: tuple[RungPlan, ...] = PLANS,
        max_backlog: int = 100,
        wake: Callable[[], None] = lambda: None,
    ) -> Ladder:
        ladder = Ladder(
            plans,
            grid=GRID,
            scaler="bicubic",
            slate=SlatePainter(text="back soon", picture=None, font=None),
            max_backlog=max_backlog,
            wake=wake,
            on_encoded=lambda rung, cpu_s: None,
        )
        made.append(ladder)
        return ladder

    yield make
    for ladder in made:
        ladder.close()


def test_every_rung_gives_every_slot_in_order(make_ladder: MakeLadder) -> None:
    woken = threading.Event()
    ladder = make_ladder(wake=woken.set)
    picture = solid(320, 240, (90, 128, 128))
    for slot in range(40):
        ladder.submit(
            Job(slot=slot, picture=None if 10 < slot < 20 else picture, idr=slot % 30 == 0)
        )
    assert ladder.drain(20)
    assert woken.is_set()
    assert ladder.backlog == 0
    samples = ladder.collect()
    for rung in (0, 1):
        of_rung = [sample for index, sample in samples if index == rung]
        assert [sample.slot for sample in of_rung] == list(range(40))
        assert [sample.slot for sample in of_rung if sample.keyframe] == [0, 30]
    assert ladder.collect() == []


def test_a_failing_rung_ends_the_ladder(
    make_ladder: MakeLadder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: RungEncoder, *args: object, **kwargs: object) -> VideoSample:
        raise MediaError("out of order")

    monkeypatch.setattr(RungEncoder, "encode", fail)
    ladder = make_ladder()
    ladder.submit(Job(slot=0, picture=None, idr=True))
    assert not ladder.drain(20)
    with pytest.raises(MediaError, match="out of order"):
        ladder.collect()


def test_a_hopeless_backlog_is_refused(
    make_ladder: MakeLadder, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    encode = RungEncoder.encode

    def held(self: RungEncoder, *args: object, **kwargs: object) -> VideoSample:
        assert gate.wait(20)
        return encode(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(RungEncoder, "encode", held)
    ladder = make_ladder(max_backlog=3)
    for slot in range(3):
        ladder.submit(Job(slot=slot, picture=None, idr=slot == 0))
    assert ladder.backlog == 3
    with pytest.raises(MediaError, match="cannot keep up"):
        ladder.submit(Job(slot=3, picture=None, idr=False))
    assert not ladder.drain(0)
    gate.set()
    assert ladder.drain(20)


def test_a_picture_that_cannot_be_scaled_leaves_the_last_one(
    make_ladder: MakeLadder, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit, bad = Fitter.fit, solid(320, 240, (200, 128, 128))

    def picky(self: Fitter, frame: VideoFrame) -> VideoFrame:
        if frame is bad:
            raise MediaError("cannot be scaled")
        return fit(self, frame)

    monkeypatch.setattr(Fitter, "fit", picky)
    ladder = make_ladder()
    good = solid(320, 240, (90, 128, 128))
    for slot, picture in enumerate([bad, good, bad, None]):
        ladder.submit(Job(slot=slot, picture=picture, idr=slot == 0))
    assert ladder.drain(20)
    assert [sample.slot for rung, sample in ladder.collect() if rung == 1] == [0, 1, 2, 3]


def test_rungs_of_one_size_never_share_a_picture(
    make_ladder: MakeLadder, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[int, set[int]] = {}
    encode = RungEncoder.encode

    def noted(self: RungEncoder, frame: VideoFrame, **kwargs: Any) -> VideoSample:
        given.setdefault(id(self), set()).add(frame.planes[0].buffer_ptr)
        return encode(self, frame, **kwargs)

    monkeypatch.setattr(RungEncoder, "encode", noted)
    ladder = make_ladder(plans=(PLANS[0], replace(PLANS[0], name="twin")))
    picture = solid(128, 96, (90, 128, 128))
    for slot in range(20):
        ladder.submit(Job(slot=slot, picture=picture, idr=slot == 0))
    assert ladder.drain(20)
    one, other = given.values()
    assert not one & other
