"""Lost and found, and fenced: late words of an older publish change nothing."""

import asyncio
from typing import Any

import pytest

from mediaserver.broadcast import show as show_life
from mediaserver.broadcast.grace import Grace
from mediaserver.bus.messages import SessionInfo, ShowStatus
from transcoder.values import EpochEnd


async def _turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def on_air(stage: Any, session: str = "s1") -> Any:
    worker = stage.worker()
    await stage.show.publish(session, "offer")
    stage.event(session, "media")
    stage.encode(worker, 0)
    return worker


async def test_the_grace_time_runs_from_the_first_moment_and_all_of_it_again() -> None:
    ended: list[int] = []
    over = asyncio.Event()

    def end() -> None:
        ended.append(1)
        over.set()

    grace = Grace(0.0, end)
    grace.watch(missing=True)
    grace.watch(missing=False)
    await _turns()
    assert ended == []
    grace.watch(missing=True)
    grace.watch(missing=True)
    await over.wait()
    assert ended == [1]
    grace.watch(missing=True)
    grace.stop()
    await _turns()
    assert ended == [1]


async def test_one_more_chance_leaves_no_timer_behind() -> None:
    ended: list[int] = []
    over = asyncio.Event()

    def end() -> None:
        ended.append(1)
        over.set()

    grace = Grace(0.0, end)
    grace.watch(missing=True)
    await over.wait()
    grace.watch(missing=True)  # said again before the end was acted upon
    assert grace.extend(0.0)
    grace.stop()
    await _turns()
    assert ended == [1]


@pytest.mark.parametrize("state", ["silent", "closed", "media", "connected"])
async def test_late_words_of_a_publish_that_was_taken_over_change_nothing(
    stage: Any, state: str
) -> None:
    stage.second_publisher = "take_over"
    stage.show = stage.new_main()
    worker = await on_air(stage)
    await stage.show.publish("s2", "offer")
    stage.event("s2", "media")
    told = len(stage.published)
    stage.event("s1", state)
    assert len(stage.published) == told
    assert stage.show.status.state == "live"
    assert stage.show.has_session("s2")
    assert not stage.was_ended(worker)
    assert not await stage.show.unpublish("s1"), "its late DELETE ends nothing either"
    await stage.show.close()


async def test_of_two_publishes_a_new_main_adopts_the_one_whose_host_was_answered(
    stage: Any,
) -> None:
    """main died while it let the second take over: ingest still has both."""
    await on_air(stage)
    epoch = stage.show.status.epoch
    await stage.show.close()
    stage.show = stage.new_main()
    stage.show.restore()

    def adopted(session: str, source: int) -> bool:
        info = SessionInfo(
            session=session, show="demo", epoch=epoch, source=source, state="media", anchor=None
        )
        result: bool = stage.show.adopt_session(info)
        return result

    assert not adopted("s2", 2)
    assert adopted("s1", 1)
    assert not adopted("s2", 2)
    assert stage.show.status.state == "live"
    await stage.show.close()


async def test_a_host_who_flickers_keeps_the_show_and_everybody_is_told_each_time(
    stage: Any,
) -> None:
    worker = await on_air(stage)
    for _ in range(3):
        stage.event("s1", "silent")
        stage.event("s1", "media")
    assert stage.states == ["live", *["away", "live"] * 3]
    assert not stage.was_ended(worker)
    epochs = {status.epoch for status in stage.published if isinstance(status, ShowStatus)}
    assert len(epochs) == 1
    await stage.show.close()


async def test_when_nobody_comes_back_the_worker_flushes_and_the_show_ends(stage: Any) -> None:
    stage.grace_s = 0.0
    stage.show = stage.new_main()
    worker = await on_air(stage)
    stage.event("s1", "silent")
    await stage.until(lambda: stage.was_ended(worker))
    assert stage.ingest.closed == ["s1"], "a silent publish is told to go"
    stage.encode(worker, 1)
    stage.show.worker_ended(worker)
    assert isinstance(stage.published[-1], EpochEnd)
    assert stage.parts[-1] == ("360p", 1, 0)
    assert stage.states == ["live", "away", "ended"]
    await stage.show.close()


async def test_a_host_who_only_asks_to_connect_does_not_keep_the_show_on_air(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show_life, "ARRIVAL_S", 0.0)
    stage.grace_s = 0.0
    stage.show = stage.new_main()
    worker = await on_air(stage)
    stage.event("s1", "closed")
    await stage.show.publish("s2", "offer")
    await stage.until(lambda: stage.was_ended(worker))
    assert stage.ingest.closed == ["s2"]
    await stage.show.close()


async def test_a_host_whose_media_comes_as_the_grace_ends_stays(stage: Any) -> None:
    stage.grace_s = 0.0
    stage.show = stage.new_main()
    worker = await on_air(stage)
    stage.event("s1", "closed")
    await stage.show.publish("s2", "offer")
    await _turns()
    stage.event("s2", "media")
    await _turns()
    assert not stage.was_ended(worker)
    assert stage.states == ["live", "away", "live"]
    await stage.show.close()
