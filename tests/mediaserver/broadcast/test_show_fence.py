"""Fencing: who pushes whom off the air, and who is not let back in by itself."""

from typing import Any

import pytest

from mediaserver.broadcast.health import HealthBoard
from mediaserver.bus.messages import SessionHealth, SessionInfo
from mediaserver.errors import PublishRefused


@pytest.fixture
async def show(stage: Any) -> Any:
    """A show whose newcomers take over, with two idle workers."""
    stage.second_publisher = "take_over"
    stage.show = stage.new_main()
    stage.first = stage.worker()
    stage.worker()
    return stage.show


async def refusal(show: Any, session: str, resume: str) -> tuple[int, str]:
    with pytest.raises(PublishRefused) as refused:
        await show.publish(session, "offer", resume=resume)
    return refused.value.status, refused.value.code


async def test_two_pages_do_not_push_each_other_off_for_ever(stage: Any, show: Any) -> None:
    await show.publish("a1", "offer")
    stage.event("a1", "media")
    await show.publish("b1", "offer")
    stage.event("b1", "media")
    assert await refusal(show, "a2", resume="a1") == (409, "taken_over")
    assert show.has_session("b1")
    assert show.was_taken_over("a1")
    assert not show.was_taken_over("b1")
    await show.publish("a3", "offer")
    stage.event("a3", "media")
    assert await refusal(show, "b2", resume="b1") == (409, "taken_over")
    assert show.has_session("a3")
    await show.close()


async def test_a_host_gets_its_own_show_back_though_its_old_session_seems_alive(
    stage: Any,
) -> None:
    stage.worker()
    await stage.show.publish("a1", "offer")
    stage.event("a1", "media")
    await stage.show.publish("a2", "offer", resume="a1")
    assert stage.ingest.closed == ["a1"]
    assert stage.show.has_session("a2")
    assert not stage.show.was_taken_over("a1")
    await stage.show.close()


async def test_an_answer_that_was_lost_does_not_lock_its_host_out(stage: Any, show: Any) -> None:
    await show.publish("a1", "offer")
    stage.event("a1", "closed")
    await show.publish("a2", "offer", resume="a1")  # this answer never arrives
    await show.publish("a3", "offer", resume="a1")
    stage.event("a3", "media")
    assert await refusal(show, "a4", resume="a1") == (409, "taken_over")
    await show.publish("a5", "offer", resume="a3")
    await show.close()


async def test_the_loser_does_not_revive_a_show_that_the_winner_has_ended(
    stage: Any, show: Any
) -> None:
    await show.publish("a1", "offer")
    stage.event("a1", "media")
    await show.publish("b1", "offer")
    stage.event("b1", "media")
    assert not await show.unpublish("a1")
    assert await show.unpublish("b1")
    assert await refusal(show, "a2", resume="a1") == (409, "taken_over")
    await show.close()


async def test_a_restarted_main_knows_who_was_last(stage: Any, show: Any) -> None:
    await show.publish("a1", "offer")
    stage.event("a1", "media")
    await show.publish("b1", "offer")
    stage.event("b1", "media")
    await show.close()
    again = stage.new_main()
    assert await refusal(again, "a2", resume="a1") == (409, "taken_over")
    await again.close()


async def test_a_publish_after_the_end_has_taken_nothing_over(stage: Any, show: Any) -> None:
    await show.publish("a1", "offer")
    assert await show.unpublish("a1")
    await show.publish("b1", "offer")
    assert not show.was_taken_over("a1")
    await show.close()


async def test_the_overtaken_are_remembered_within_bounds(stage: Any, show: Any) -> None:
    for number in range(100):
        await show.publish(str(number), "offer")
        stage.event(str(number), "media")
    remembered = [number for number in range(100) if show.was_taken_over(str(number))]
    assert remembered == list(range(67, 99))
    await show.close()


async def on_air(stage: Any, show: Any) -> None:
    await show.publish("a1", "offer")
    stage.event("a1", "media")
    stage.encode(stage.first, 0)


async def test_a_newcomer_who_never_connects_harms_nobody(stage: Any, show: Any) -> None:
    await on_air(stage, show)
    await show.publish("b1", "offer")
    assert stage.ingest.closed == []
    assert show.status.state == "live"
    assert show.has_session("a1")
    assert show.has_session("b1"), "its PATCH and DELETE are answered"
    assert show.is_connecting("b1")
    assert not show.is_connecting("a1")
    stage.event("b1", "closed")
    assert show.status.state == "live"
    assert stage.ingest.closed == []
    assert not show.was_taken_over("a1")
    await show.publish("b2", "offer", resume="b1")
    stage.event("b2", "connected")
    stage.event("b2", "media")
    assert stage.ingest.closed == ["a1"]
    assert show.was_taken_over("a1")
    assert not show.has_session("a1")
    assert stage.states == ["live"]
    await show.close()


@pytest.mark.parametrize("trouble", ["silent", "closed"])
async def test_who_is_lost_while_a_newcomer_connects_may_come_back(
    stage: Any, show: Any, trouble: str
) -> None:
    await on_air(stage, show)
    stage.event("a1", trouble)
    await show.publish("b1", "offer")
    await show.publish("a2", "offer", resume="a1")
    stage.event("a2", "media")
    assert stage.states == ["live", "away", "live"]
    assert "b1" in stage.ingest.closed, "its source is older now, and would be fenced off"
    stage.event("b1", "media")
    assert show.has_session("a2")
    await show.publish("b2", "offer", resume="b1")
    assert [offer.source for offer in stage.ingest.opened] == [1, 2, 3, 4]
    stage.event("b2", "media")
    assert not show.has_session("a2")
    await show.close()


async def test_a_newcomer_is_replaced_by_the_next_one(stage: Any, show: Any) -> None:
    await on_air(stage, show)
    await show.publish("b1", "offer")
    await show.publish("c1", "offer")
    assert stage.ingest.closed == ["b1"]
    assert show.was_taken_over("b1")
    assert await refusal(show, "b2", resume="b1") == (409, "taken_over")
    stage.event("b1", "media")
    assert show.has_session("a1"), "late words of it change nothing"
    stage.event("c1", "media")
    assert stage.ingest.closed == ["b1", "a1"]
    await show.close()


async def test_a_newcomer_who_goes_leaves_the_show_to_its_holder(stage: Any, show: Any) -> None:
    await on_air(stage, show)
    await show.publish("b1", "offer")
    assert await show.unpublish("b1")
    assert stage.ingest.closed == ["b1"]
    assert show.status.state == "live"
    assert not show.has_session("b1")
    assert await show.unpublish("a1")
    assert show.status.state == "ended"
    await show.close()


async def test_a_holder_who_goes_leaves_the_show_to_the_newcomer(stage: Any, show: Any) -> None:
    await on_air(stage, show)
    await show.publish("b1", "offer")
    assert await show.unpublish("a1")
    assert show.status.state == "away"
    assert not stage.was_ended(stage.first)
    stage.event("b1", "media")
    assert show.status.state == "live"
    assert await show.unpublish("b1")
    assert show.status.state == "ended"
    await show.close()


async def test_with_nobody_back_in_time_the_newcomer_goes_too(stage: Any) -> None:
    stage.second_publisher, stage.grace_s = "take_over", 0.0
    stage.show, worker = stage.new_main(), stage.worker()
    await stage.show.publish("a1", "offer")
    stage.event("a1", "media")
    stage.encode(worker, 0)
    await stage.show.publish("b1", "offer")
    stage.event("b1", "silent")
    stage.event("a1", "silent")
    await stage.until(lambda: stage.was_ended(worker))
    assert sorted(stage.ingest.closed) == ["a1", "b1"]
    await stage.show.close()


@pytest.mark.parametrize("order", [("a1", "b1"), ("b1", "a1")])
@pytest.mark.parametrize("state", ["connecting", "media"])
async def test_a_restarted_main_adopts_holder_and_newcomer(
    stage: Any, show: Any, order: tuple[str, str], state: str
) -> None:
    await on_air(stage, show)
    await show.publish("b1", "offer")
    epoch = show.status.epoch
    await show.close()
    stage.show = stage.new_main()
    stage.show.restore()
    sources, states = {"a1": 1, "b1": 2}, {"a1": "media", "b1": state}
    refused = [
        session
        for session in order
        if not stage.show.adopt_session(
            SessionInfo(
                session=session,
                show="demo",
                epoch=epoch,
                source=sources[session],
                state=states[session],  # type: ignore[arg-type]
                anchor=None,
            )
        )
    ]
    assert stage.show.status.state == "live"
    assert stage.show.has_session("b1")
    if state == "connecting":
        assert stage.show.has_session("a1")
        assert stage.ingest.closed == refused == []
        stage.event("b1", "media")
    assert not stage.show.has_session("a1")
    assert [*stage.ingest.closed, *refused] == ["a1"]
    await stage.show.close()


async def test_a_new_worker_is_fed_by_both(stage: Any, show: Any) -> None:
    await on_air(stage, show)
    await show.publish("b1", "offer")
    show.worker_lost(stage.first)
    await stage.until(lambda: stage.ingest.routed)
    assert [session for session, _ in stage.ingest.routed] == ["a1", "b1"]
    await show.close()


def health(session: str, source: int, state: str) -> SessionHealth:
    return SessionHealth(
        session=session,
        show="demo",
        source=source,
        state=state,  # type: ignore[arg-type]
        hint="fine",
        video=None,
        audio=None,
        rtt_ms=None,
        skew_ms=None,
    )


@pytest.mark.parametrize(
    ("a", "b", "shown"),
    [
        ("media", "connecting", "a"),
        ("media", "silent", "a"),
        ("silent", "connected", "a"),
        ("silent", "media", "b"),
        ("media", "media", "b"),
        ("connecting", "connecting", "b"),
    ],
)
def test_health_is_that_of_who_has_the_show(a: str, b: str, shown: str) -> None:
    board = HealthBoard()
    board.heard(health("b", 2, b))
    board.heard(health("a", 1, a))
    fares = board.of("demo")
    assert fares is not None
    assert fares.session == shown
