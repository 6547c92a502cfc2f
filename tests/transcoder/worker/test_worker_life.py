"""The worker as a process: main comes back, a codec fails, it is told to stop."""

from collections.abc import Callable
from typing import Any

import pytest

from transcoder.control import Metrics, WorkerBusy, WorkerIdle
from transcoder.encode import RungEncoder
from transcoder.errors import MediaError, TranscoderError
from transcoder.ladder_state import LadderState
from transcoder.stills.values import Still
from transcoder.values import EpochEnd, InitSection

NAMES = ("96p", "48p")
SECOND_NS = 1_000_000_000


def test_when_main_comes_back_it_is_sent_the_window(
    world: Any, make_source: Callable[..., Any]
) -> None:
    world.begin()
    world.publish()
    source = make_source()
    world.play(world.second(source, 0), number=1)
    world.main.hang_up()
    world.until(lambda: len(world.main.heard) == 2)
    world.play(world.second(source, 1), number=4)
    world.end()
    told = [value for value in world.main.heard[1] if not isinstance(value, Metrics | Still)]
    (state,) = [value for value in told if isinstance(value, LadderState)]
    assert [(rung.rung, rung.role) for rung in state.rungs] == [(n, "encoded") for n in NAMES]
    again = [value for value in told if value is not state]
    busy = WorkerBusy(show="demo", epoch="e1", au_socket=str(world.folder / "au.sock"))
    assert again[:2] == [world.hello, busy]
    assert [type(value) for value in again[2:4]] == [InitSection] * 2
    assert [(p.number, p.rendition) for p in again[4:-1]] == [
        (number, name) for number in range(6) for name in NAMES
    ]
    assert again[-1] == EpochEnd(show="demo", epoch="e1")


def test_metrics_reach_main(world: Any, make_source: Callable[..., Any]) -> None:
    world.begin()
    world.publish()
    world.play(world.second(make_source(), 0), number=1)
    world.now_ns += 2 * SECOND_NS
    taken = b'comptoir_transcoder_pictures_total{fate="taken",show="demo"} 30.0'
    world.until(lambda: any(taken in metrics.text for metrics in world.main.said(Metrics)))
    assert any(b"process_seconds_total{" in metrics.text for metrics in world.main.said(Metrics))


def test_a_failing_encoder_ends_the_worker_with_a_sentence(
    world: Any, make_source: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = RungEncoder.encode

    def fail(self: RungEncoder, *args: Any, slot: int, idr: bool) -> Any:
        if slot == 12:
            raise MediaError("out of order")
        return encode(self, *args, slot=slot, idr=idr)

    monkeypatch.setattr(RungEncoder, "encode", fail)
    world.begin()
    world.publish()
    for unit in world.second(make_source(), 0):
        world.send(unit)
    world.join()
    assert isinstance(world.failure, MediaError)
    assert "out of order" in str(world.failure)
    assert world.main.said(EpochEnd) == []


def test_a_profile_that_cannot_be_used_ends_the_worker(world: Any) -> None:
    with pytest.raises(TranscoderError):
        world.begin(profile={"nonsense": 1})


def test_a_worker_without_an_epoch_stops_when_told(world: Any) -> None:
    world.until(lambda: bool(world.main.said(WorkerIdle)))
    world.stop.set()
    world.join()
    assert world.failure is None
    assert world.main.heard[0] == [world.hello, WorkerIdle()]


def test_a_stopped_process_leaves_its_epoch_to_the_next(
    world: Any, make_source: Callable[..., Any]
) -> None:
    world.begin()
    world.publish()
    world.play(world.second(make_source(), 0), number=1)
    world.stop.set()
    world.join()
    assert world.main.said(EpochEnd) == []
