"""The life of a show: publishes come and go, workers die, main dies, the epoch goes on."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mediaserver.broadcast import worker_care
from mediaserver.broadcast.epochs import EpochRecord
from mediaserver.bus.messages import SessionInfo
from mediaserver.errors import PublishRefused


async def _settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_publish_goes_on_air_and_its_end_ends_the_epoch(stage: Any) -> None:
    worker = stage.worker()
    assert await stage.show.publish("s1", "offer") == "answer"
    assert stage.show.status.state == "idle"
    stage.event("s1", "media")
    stage.encode(worker, 0, 1)
    assert stage.show.status.state == "live"
    epoch = stage.show.status.epoch
    assert await stage.show.unpublish("s1")
    assert stage.was_ended(worker)
    assert stage.show.status.state == "ended"
    stage.encode(worker, 2)
    stage.show.worker_ended(worker)
    assert stage.parts[-1] == ("360p", 2, 0)
    assert stage.ends == [epoch]
    assert stage.states == ["live", "ended"]
    await stage.show.close()


async def test_a_second_publisher_is_refused_and_the_first_unharmed(stage: Any) -> None:
    stage.worker()
    await stage.show.publish("s1", "offer")
    stage.event("s1", "media")
    with pytest.raises(PublishRefused) as refused:
        await stage.show.publish("s2", "offer")
    assert (refused.value.status, refused.value.code) == (409, "already_live")
    assert stage.show.has_session("s1")
    assert stage.ingest.closed == []
    await stage.show.close()


async def test_a_second_publisher_may_take_over(tmp_path: Path, stage: Any) -> None:
    stage.second_publisher = "take_over"
    stage.show = stage.new_main()
    worker = stage.worker()
    await stage.show.publish("s1", "offer")
    stage.event("s1", "media")
    await stage.show.publish("s2", "offer")
    assert stage.ingest.closed == [], "not before it has media"
    stage.event("s2", "media")
    assert stage.ingest.closed == ["s1"]
    assert [offer.source for offer in stage.ingest.opened] == [1, 2]
    assert len({offer.epoch for offer in stage.ingest.opened}) == 1
    stage.start_of(worker)
    await stage.show.close()


@pytest.mark.parametrize("trouble", ["silent", "closed"])
async def test_a_host_who_was_lost_returns_into_the_same_epoch(stage: Any, trouble: str) -> None:
    worker = stage.worker()
    await stage.show.publish("s1", "offer")
    stage.event("s1", "media")
    stage.encode(worker, 0)
    stage.event("s1", trouble)
    assert stage.show.status.state == "away"
    await stage.show.publish("s2", "offer")
    stage.event("s2", "media")
    assert stage.states == ["live", "away", "live"]
    assert stage.ingest.opened[1].anchor == stage.ingest.opened[1].anchor
    assert stage.ingest.opened[1].anchor is not None
    assert stage.ends == []
    await stage.show.close()


async def test_a_refused_offer_costs_no_worker_and_no_epoch(stage: Any) -> None:
    worker = stage.worker()
    stage.ingest.refusal = PublishRefused(406, "offer_unacceptable", "no codec in common")
    with pytest.raises(PublishRefused):
        await stage.show.publish("s1", "offer")
    assert stage.pool.idle == 1
    assert stage.told(worker) == []
    stage.ingest.refusal = None
    await stage.show.publish("s2", "offer")
    stage.start_of(worker)
    await stage.show.close()


async def test_without_a_worker_the_publish_is_told_to_come_again(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_care, "WORKER_WAIT_S", 0.001)
    with pytest.raises(PublishRefused) as refused:
        await stage.show.publish("s1", "offer")
    assert (refused.value.status, refused.value.code) == (503, "no_transcoder")


async def test_a_lost_worker_is_replaced_after_the_last_whole_step(stage: Any) -> None:
    first, second = stage.worker(), stage.worker()
    await stage.show.publish("s1", "offer")
    stage.event("s1", "media")
    stage.encode(first, 0, 1, 2, 3, 4, 5, 6, 7)
    stage.encode(first, 8, skip="360p")
    stage.show.worker_lost(first)
    await _settled()
    start = stage.start_of(second)
    assert (start.generation, start.next_number, start.next_msn) == (1, 8, 2)
    assert start.next_tick == 8 * 30_000
    assert [init.rendition for init in start.previous] == ["480p", "360p"]
    assert stage.ingest.routed[-1] == ("s1", str(second.au_socket))
    stage.encode(second, 8)
    assert [number for name, number, _ in stage.parts if name == "480p"] == list(range(9))
    assert stage.parts[-1] == ("360p", 8, 2)
    assert stage.show.status.state == "live"
    await stage.show.close()


async def test_a_publish_that_kills_worker_after_worker_is_taken_off(stage: Any) -> None:
    worker = stage.worker()
    await stage.show.publish("s1", "offer")
    for _ in range(worker_care.MAX_WORKER_DEATHS):
        replacement = stage.worker()
        stage.show.worker_lost(worker)
        await _settled()
        worker = replacement
    assert stage.ingest.closed == ["s1"]
    assert not await stage.show.unpublish("s1")
    await stage.show.close()


async def test_ingest_lost_is_the_host_lost_not_the_show(stage: Any) -> None:
    worker = stage.worker()
    await stage.show.publish("s1", "offer")
    stage.event("s1", "media")
    stage.encode(worker, 0)
    stage.show.ingest_lost()
    assert stage.show.status.state == "away"
    assert not stage.was_ended(worker)
    await stage.show.publish("s2", "offer")
    assert stage.show.has_session("s2")
    await stage.show.close()


async def test_a_host_who_was_lost_may_still_end_the_show(stage: Any) -> None:
    worker = stage.worker()
    await stage.show.publish("s1", "offer")
    stage.event("s1", "media")
    stage.encode(worker, 0)
    stage.show.ingest_lost()
    await stage.show.close()
    stage.show = stage.new_main()
    stage.show.restore()
    assert not await stage.show.unpublish("s0")
    assert await stage.show.unpublish("s1")
    assert stage.show.status.state == "ended"
    await stage.show.close()


async def test_after_the_grace_time_the_epoch_ends(stage: Any) -> None:
    stage.grace_s = 0.0
    stage.show = stage.new_main()
    worker = stage.worker()
    await stage.show.publish("s1", "offer")
    stage.event("s1", "media")
    stage.encode(worker, 0)
    stage.event("s1", "closed")
    await stage.until(lambda: stage.was_ended(worker))
    assert stage.show.status.state == "ended"
    await stage.show.close()


async def test_a_new_publish_after_the_end_is_a_new_epoch_and_the_old_one_is_closed(
    stage: Any,
) -> None:
    first, second = stage.worker(), stage.worker()
    await stage.show.publish("s1", "offer")
    stage.event("s1", "media")
    stage.encode(first, 0)
    old = stage.show.status.epoch
    await stage.show.unpublish("s1")
    await stage.show.publish("s2", "offer")
    assert stage.ends == [old]
    start = stage.start_of(second)
    assert start.epoch != old
    assert (start.next_number, start.next_msn, start.next_tick) == (0, 0, 0)
    stage.show.worker_lost(first)
    assert not stage.was_ended(second)
    await stage.show.close()


async def test_another_shows_session_cannot_be_ended_here(stage: Any) -> None:
    stage.worker()
    await stage.show.publish("s1", "offer")
    assert not await stage.show.unpublish("s2")
    assert stage.show.has_session("s1")
    await stage.show.close()


async def test_main_comes_back_and_adopts_what_went_on_without_it(stage: Any) -> None:
    worker = stage.worker()
    await stage.show.publish("s1", "offer")
    stage.event("s1", "media")
    stage.encode(worker, 0, 1)
    epoch = stage.show.status.epoch
    await stage.show.close()

    before, stage.published = stage.parts, []
    stage.show = stage.new_main()
    stage.show.restore()
    assert stage.show.status.state == "away"
    assert stage.show.adopt_worker(worker, epoch)
    info = SessionInfo(session="s1", show="demo", epoch=epoch, source=1, state="media", anchor=None)
    assert stage.show.adopt_session(info)
    stage.encode(worker, 0, 1, 2)
    assert stage.parts[: len(before)] == before
    assert stage.show.status.state == "live"
    assert stage.show.status.epoch == epoch
    assert await stage.show.unpublish("s1")
    await stage.show.close()


async def test_main_comes_back_alone_and_a_new_worker_goes_on_from_the_record(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_care, "ADOPT_WAIT_S", 0.0)
    worker = stage.worker()
    await stage.show.publish("s1", "offer")
    stage.event("s1", "media")
    stage.encode(worker, *range(7))
    epoch = stage.show.status.epoch
    await stage.show.close()

    stage.show = stage.new_main()
    fresh = stage.worker()
    stage.show.restore()
    await stage.until(lambda: stage.told(fresh))
    start = stage.start_of(fresh)
    assert (start.epoch, start.next_number, start.next_msn) == (epoch, 7, 2)
    assert start.generation == 1
    await stage.show.close()


async def test_a_worker_adopted_after_a_long_absence_is_not_left_alone_for_ever(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EpochRecord, "fresh", lambda record, grace_s: False)
    worker = stage.worker()
    await stage.show.publish("s1", "offer")
    stage.event("s1", "media")
    stage.encode(worker, 0)
    epoch = stage.show.status.epoch
    await stage.show.close()

    stage.grace_s = 0.0
    stage.show = stage.new_main()
    stage.show.restore()
    assert stage.show.adopt_worker(worker, epoch)
    await stage.until(lambda: stage.was_ended(worker))
    await stage.show.close()


async def test_a_publish_adopted_without_its_worker_gets_another(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_care, "ADOPT_WAIT_S", 0.0)
    monkeypatch.setattr(EpochRecord, "fresh", lambda record, grace_s: False)
    worker = stage.worker()
    await stage.show.publish("s1", "offer")
    stage.encode(worker, 0)
    epoch = stage.ingest.opened[0].epoch
    await stage.show.close()

    stage.show = stage.new_main()
    fresh = stage.worker()
    info = SessionInfo(session="s1", show="demo", epoch=epoch, source=1, state="media", anchor=None)
    assert stage.show.adopt_session(info)
    await stage.until(lambda: stage.told(fresh))
    start = stage.start_of(fresh)
    assert [init.rendition for init in start.previous] == ["480p", "360p"]
    assert stage.ingest.routed[-1] == ("s1", str(fresh.au_socket))
    await stage.show.close()


async def test_a_host_who_comes_back_as_the_grace_ends_stays(stage: Any) -> None:
    stage.grace_s = 0.0
    stage.show = stage.new_main()
    worker = stage.worker()
    await stage.show.publish("s1", "offer")
    stage.event("s1", "media")
    stage.encode(worker, 0)
    stage.event("s1", "silent")
    back = asyncio.ensure_future(stage.show.publish("s2", "offer"))
    await back
    await _settled()
    assert not stage.was_ended(worker)
    assert stage.show.has_session("s2")
    await stage.show.close()


async def test_what_belongs_to_another_epoch_has_no_place(stage: Any) -> None:
    stage.worker()
    await stage.show.publish("s1", "offer")
    stranger = stage.worker()
    assert not stage.show.adopt_worker(stranger, "another-epoch")
    info = SessionInfo(
        session="s9", show="demo", epoch="another-epoch", source=1, state="media", anchor=None
    )
    assert not stage.show.adopt_session(info)
    await stage.show.close()
