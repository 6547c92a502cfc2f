import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from av.video.frame import VideoFrame

from transcoder.encode import RungEncoder
from transcoder.errors import MediaError
from transcoder.grid import Grid
from transcoder.ladder import Ladder
from transcoder.profiles import Profile, Rung, RungPlan, plan_rungs
from transcoder.rung import Job, MakeEncoder
from transcoder.samples import EncodedPicture
from transcoder.scale import Fitter, solid
from transcoder.slate import SlatePainter

GRID = Grid(frames_per_second=30, part_slots=10, idr_slots=30, segment_slots=60)
PLANS = plan_rungs(
    Profile(
        rungs=(
            Rung(name="big", height=96, bitrate_bps=300_000, max_bitrate_bps=400_000),
            Rung(name="middle", height=64, bitrate_bps=200_000, max_bitrate_bps=250_000),
            Rung(name="small", height=48, bitrate_bps=100_000, max_bitrate_bps=150_000),
        )
    ),
    128,
    96,
)
GREY = solid(320, 240, (90, 128, 128))

MakeLadder = Callable[..., Ladder]


def job(slot: int, picture: VideoFrame | None = GREY, *, skip: bool = False) -> Job:
    """A slot of a generation that began at slot 0."""
    return Job(slot=slot, picture=picture, idr=slot % 30 == 0, part_start=slot % 10 == 0, skip=skip)


@pytest.fixture
def make_ladder() -> Iterator[MakeLadder]:
    made: list[Ladder] = []

    def make(
        *,
        plans: tuple[RungPlan, ...] = PLANS,
        max_backlog: int = 100,
        wake: Callable[[], None] = lambda: None,
        encoder: MakeEncoder = RungEncoder,
    ) -> Ladder:
        ladder = Ladder(
            plans,
            grid=GRID,
            scaler="bicubic",
            slate=SlatePainter(text="back soon", picture=None, font=None),
            max_backlog=max_backlog,
            wake=wake,
            on_encoded=lambda rung, cpu_s: None,
            encoder=encoder,
        )
        made.append(ladder)
        return ladder

    yield make
    for ladder in made:
        ladder.close()


def shown(ladder: Ladder, rungs: int = 3) -> list[dict[int, int]]:
    """Of each rung what was collected: how many pictures each slot has, in order."""
    found: list[dict[int, int]] = [{} for _ in range(rungs)]
    for rung, samples in ladder.collect():
        found[rung][samples.slot] = len(samples.pictures)
    return found


class Gate:
    """Makes encoders that wait at a picture until they are let."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.reached = threading.Event()

    def encoder(self, rung: str, slot: int) -> MakeEncoder:
        """Those of this rung wait before they encode this slot."""
        gate = self

        class Waiting(RungEncoder):
            def encode(self, frame: VideoFrame, **kwargs: Any) -> EncodedPicture:
                if kwargs["slot"] == slot:
                    gate.reached.set()
                    assert gate.open.wait(20)
                return super().encode(frame, **kwargs)

        return lambda plan, grid: (Waiting if plan.name == rung else RungEncoder)(plan, grid)


def test_every_rung_gives_every_slot_in_order(make_ladder: MakeLadder) -> None:
    woken = threading.Event()
    ladder = make_ladder(wake=woken.set)
    for slot in range(40):
        ladder.submit(job(slot, None if 10 < slot < 20 else GREY))
    assert ladder.drain(20)
    assert woken.is_set()
    assert ladder.backlog == 0
    samples = ladder.collect()
    for rung in (0, 1, 2):
        of_rung = [sample for index, sample in samples if index == rung]
        assert [sample.slot for sample in of_rung] == list(range(40))
        keyframes = [s.slot for s in of_rung for picture in s.pictures if picture.keyframe]
        assert keyframes == [0, 30]
    assert ladder.collect() == []


def test_skipped_slots_have_no_picture_in_any_rung(make_ladder: MakeLadder) -> None:
    ladder = make_ladder()
    for slot in range(20):
        ladder.submit(job(slot, skip=slot % 2 == 1))
    assert ladder.drain(20)
    assert shown(ladder) == [{slot: 1 - slot % 2 for slot in range(20)}] * 3


def test_what_begins_a_part_or_a_keyframe_cannot_be_skipped() -> None:
    with pytest.raises(ValueError, match="slot 7"):
        Job(slot=7, picture=None, idr=True, part_start=False, skip=True)
    with pytest.raises(ValueError, match="slot 10"):
        job(10, skip=True)


def test_a_rung_dozes_from_a_part_to_a_part(make_ladder: MakeLadder) -> None:
    ladder = make_ladder()
    for slot in range(40):
        if slot == 5:
            ladder.set_dozing({"small"})
        if slot == 25:
            ladder.set_dozing({"big"})
        ladder.submit(replace(job(slot), idr=slot in (0, 13)))
    assert ladder.drain(20)
    big, middle, small = shown(ladder)
    assert [slot for slot in big if not big[slot]] == list(range(31, 40))
    assert all(middle.values())
    assert [slot for slot in small if not small[slot]] == [11, 12, *range(14, 20), *range(21, 30)]


def test_what_nobody_encodes_is_not_scaled(
    make_ladder: MakeLadder, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaled = []
    fit = Fitter.fit

    def noted(self: Fitter, frame: VideoFrame) -> VideoFrame:
        scaled.append(frame)
        return fit(self, frame)

    monkeypatch.setattr(Fitter, "fit", noted)
    ladder = make_ladder()
    ladder.set_dozing({"middle", "small"})
    for slot in range(10):
        ladder.submit(job(slot, solid(320, 240, (90, 128, 128))))
    ladder.set_dozing({"big", "middle", "small"})
    for slot in range(10, 20):
        ladder.submit(job(slot, solid(320, 240, (90, 128, 128))))
    assert ladder.drain(20)
    assert len(scaled) == 3 + 9 + 3


def test_a_halted_ladder_gives_back_what_some_rung_lacks(make_ladder: MakeLadder) -> None:
    gate = Gate()
    ladder = make_ladder(encoder=gate.encoder("middle", 12))
    for slot in range(20):
        ladder.submit(job(slot, solid(320, 240, (90 + slot, 128, 128))))
    assert gate.reached.wait(20)
    halting: list[Job] = []
    halt = threading.Thread(target=lambda: halting.extend(ladder.halt()))
    halt.start()
    gate.open.set()
    halt.join(20)
    first = halting[0].slot
    assert first <= 13, "at most the picture in hand is encoded after that"
    assert [given.slot for given in halting] == list(range(first, 20))
    assert all(given.picture is not None for given in halting)
    done = [len(of_rung) for of_rung in shown(ladder)]
    assert min(done) == first

    other = make_ladder(plans=PLANS[1:])
    for given in halting:
        other.submit(replace(given, idr=given.slot == first))
    assert other.drain(20)
    assert shown(other, 2) == [dict.fromkeys(range(first, 20), 1)] * 2


def test_a_ladder_that_is_done_gives_nothing_back(make_ladder: MakeLadder) -> None:
    ladder = make_ladder()
    for slot in range(5):
        ladder.submit(job(slot))
    assert ladder.drain(20)
    assert ladder.halt() == []
    assert len(ladder.collect()) == 15


def test_jobs_are_let_go_of_as_they_are_done(make_ladder: MakeLadder) -> None:
    ladder = make_ladder()
    for slot in range(50):
        ladder.submit(job(slot))
        assert ladder.drain(20)
    assert len(ladder._jobs) == 1


def test_a_boost_lasts_for_its_slots(make_ladder: MakeLadder) -> None:
    said: dict[str, list[tuple[int, int | None]]] = {}

    class Noting(RungEncoder):
        percent: int | None = None

        def __init__(self, plan: RungPlan, grid: Grid) -> None:
            super().__init__(plan, grid)
            self.name = plan.name

        def boost(self, percent: int | None) -> None:
            super().boost(percent)
            self.percent = percent

        def encode(self, frame: VideoFrame, **kwargs: Any) -> EncodedPicture:
            said.setdefault(self.name, []).append((kwargs["slot"], self.percent))
            return super().encode(frame, **kwargs)

    ladder = make_ladder(encoder=Noting)
    for slot in range(10):
        if slot == 3:
            ladder.boost(50, 4)
        ladder.submit(job(slot))
    assert ladder.drain(20)
    boosted = [(slot, 50 if 3 <= slot < 7 else None) for slot in range(10)]
    assert said == {"big": boosted, "middle": boosted, "small": boosted}


def test_a_ladder_without_encoded_rungs_is_never_behind(make_ladder: MakeLadder) -> None:
    ladder = make_ladder(plans=(), max_backlog=1)
    for slot in range(10):
        ladder.submit(job(slot))
    assert ladder.backlog == 0
    assert ladder.drain(0)
    assert ladder.collect() == []
    assert ladder.halt() == []


def test_a_failing_rung_ends_the_ladder(make_ladder: MakeLadder) -> None:
    class Failing(RungEncoder):
        def encode(self, *args: object, **kwargs: object) -> EncodedPicture:
            raise MediaError("out of order")

    ladder = make_ladder(encoder=Failing)
    ladder.submit(job(0, None))
    assert not ladder.drain(20)
    with pytest.raises(MediaError, match="out of order"):
        ladder.collect()


def test_a_hopeless_backlog_is_refused(make_ladder: MakeLadder) -> None:
    gate = Gate()
    ladder = make_ladder(max_backlog=3, encoder=gate.encoder("small", 0))
    for slot in range(3):
        ladder.submit(job(slot))
    assert ladder.backlog == 3
    with pytest.raises(MediaError, match="cannot keep up"):
        ladder.submit(job(3))
    ladder.submit(job(4, skip=True))
    assert not ladder.drain(0)
    gate.open.set()
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
        ladder.submit(job(slot, picture))
    assert ladder.drain(20)
    assert [sample.slot for rung, sample in ladder.collect() if rung == 1] == [0, 1, 2, 3]


def test_rungs_of_one_size_never_share_a_picture(
    make_ladder: MakeLadder, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[int, set[int]] = {}
    encode = RungEncoder.encode

    def noted(self: RungEncoder, frame: VideoFrame, **kwargs: Any) -> EncodedPicture:
        given.setdefault(id(self), set()).add(frame.planes[0].buffer_ptr)
        return encode(self, frame, **kwargs)

    monkeypatch.setattr(RungEncoder, "encode", noted)
    ladder = make_ladder(plans=(PLANS[0], replace(PLANS[0], name="twin")))
    picture = solid(128, 96, (90, 128, 128))
    for slot in range(20):
        ladder.submit(job(slot, picture))
    assert ladder.drain(20)
    one, other = given.values()
    assert not one & other
