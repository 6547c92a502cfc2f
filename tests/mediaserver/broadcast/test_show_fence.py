"""Fencing: who pushes whom off the air, and who is not let back in by itself."""

from typing import Any

import pytest

from mediaserver.broadcast.fence import Fence
from mediaserver.errors import PublishRefused


@pytest.fixture
async def show(stage: Any) -> Any:
    """A show whose newcomers take over, with two idle workers."""
    stage.second_publisher = "take_over"
    stage.show = stage.new_main()
    stage.worker()
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
    assert not await show.unpublish("a1")
    assert await show.unpublish("b1")
    assert await refusal(show, "a2", resume="a1") == (409, "taken_over")
    await show.close()


async def test_a_restarted_main_knows_who_was_last(stage: Any, show: Any) -> None:
    await show.publish("a1", "offer")
    stage.event("a1", "media")
    await show.publish("b1", "offer")
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


def test_the_overtaken_are_remembered_within_bounds() -> None:
    fence = Fence()
    for number in range(1000):
        fence.accepted(str(number), resumed=None, joined=True)
    assert len(fence.overtaken) == 32
    assert "998" in fence.overtaken
    assert "999" not in fence.overtaken
