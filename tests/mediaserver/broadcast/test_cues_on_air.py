"""Cues into the media: stamped, told to the worker, and owed until a part on air carries them."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.broadcast import cues as cues_module
from mediaserver.broadcast.cues import Moment, OwedCues, metadata_of, stamped
from mediaserver.errors import RequestRefused
from overlay.show.events import read_cue
from overlay.values import Cue
from transcoder.control import CueUnsent
from transcoder.values import Anchor, TimedMetadata

ANCHOR = Anchor(utc_us=1_700_000_000_000_000, monotonic_ns=0)
NOW_NS = 100_000_000_000
NOW = ANCHOR.tick(NOW_NS)


class HostClock:
    """An ingest that knows one answer."""

    def __init__(self, tick: int | None) -> None:
        self.tick = tick

    async def host_moment(self, session: str, host_utc_us: int) -> int | None:
        return self.tick


async def _stamped(moment: Moment, *, knows: int | None = None, session: str | None = "s") -> int:
    stamp = await stamped(
        moment,
        media_epoch="e",
        anchor=ANCHOR,
        window_ticks=0,
        session=session,
        clock=HostClock(knows),
        now_ns=NOW_NS,
    )
    assert (stamp.media_epoch, stamp.now_tick) == ("e", NOW)
    return stamp.pts


@pytest.mark.parametrize(
    ("knows", "pts"),
    [
        (NOW - 5_000, NOW - 5_000),
        (NOW + 9_000, NOW + 9_000),
        (NOW - 180_001, NOW),
        (NOW + 180_001, NOW),
        (None, NOW),
    ],
)
async def test_a_click_is_where_the_hosts_clock_says_if_that_is_near(
    knows: int | None, pts: int
) -> None:
    assert await _stamped(Moment(clicked_utc_us=1), knows=knows) == pts


async def test_without_a_session_or_a_claim_the_arrival_counts() -> None:
    assert await _stamped(Moment(clicked_utc_us=1), knows=NOW - 9, session=None) == NOW
    assert await _stamped(Moment(), knows=NOW - 9) == NOW


@given(st.integers(0, 2**40))
async def test_a_program_date_time_leads_back_to_its_tick(tick: int) -> None:
    pts = await _stamped(Moment(utc_us=ANCHOR.utc_us_at(tick)))
    assert abs(pts - tick) <= 1


def _cue(stage: Any, name: str = "c1", **changes: Any) -> Cue:
    cue = Cue(
        id=name,
        revision=1,
        type="pin",
        media_epoch=stage.show.status.epoch,
        pts=30_000,
        duration=90_000,
        product="wine",
        ends=None,
    )
    return replace(cue, **changes)


def _told(stage: Any, worker: Any) -> list[str]:
    return [sent.id for sent in stage.told(worker) if isinstance(sent, TimedMetadata)]


async def _on_air(stage: Any) -> Any:
    worker = stage.worker()
    await stage.show.publish("s1", "offer")
    stage.event("s1", "media")
    stage.encode(worker, 0)
    return worker


def test_the_payload_is_the_cue_itself() -> None:
    cue = Cue(
        id="a" * 64,
        revision=1,
        type="unpin",
        media_epoch="e" * 30,
        pts=2**41,
        duration=90_000 * 30,
        product=None,
        ends="b" * 64,
    )
    metadata = metadata_of(cue)
    assert read_cue(json.loads(metadata.payload)) == cue
    assert len(metadata.payload) <= 1024
    assert b" " not in metadata.payload
    assert not metadata.sharp
    assert metadata_of(replace(cue, type="pin", product="p", ends=None)).sharp


async def test_off_air_there_is_no_stamp_and_no_time(stage: Any) -> None:
    with pytest.raises(RequestRefused) as refused:
        await stage.show.stamp(Moment())
    assert (refused.value.status, refused.value.code) == (409, "not_on_air")
    assert stage.show.air_time() is None
    await _on_air(stage)
    assert stage.show.air_time().media_epoch == stage.show.status.epoch
    assert (await stage.show.stamp(Moment(pts=7))).exact
    await stage.show.unpublish("s1")
    assert stage.show.air_time() is None
    await stage.show.close()


async def test_a_click_means_the_frame_on_camera_and_an_exact_time_itself(stage: Any) -> None:
    await _on_air(stage)
    assert (await stage.show.stamp(Moment())).pts % 3000 == 0
    assert (await stage.show.stamp(Moment(pts=4567))).pts == 4567
    await stage.show.unpublish("s1")
    await stage.show.close()


async def test_a_replacement_worker_is_given_what_no_part_on_air_carries(stage: Any) -> None:
    first = await _on_air(stage)
    cues = [_cue(stage, name) for name in ("carried", "half", "waiting")]
    for cue in cues:
        stage.show.carry(cue)
    assert _told(stage, first) == ["carried", "half", "waiting"]
    carried, half, _ = map(metadata_of, cues)
    stage.encode(first, 1, cues=(carried,))
    stage.encode(first, 2, skip="360p", cues=(half,))
    second = stage.worker()
    stage.show.worker_lost(first)
    await stage.until(lambda: stage.told(second))
    assert [cue.id for cue in stage.start_of(second).cues] == ["half", "waiting"]
    await stage.show.close()


async def test_a_cue_of_another_epoch_goes_nowhere(stage: Any) -> None:
    worker = await _on_air(stage)
    stage.show.carry(_cue(stage, media_epoch="another"))
    assert _told(stage, worker) == []
    await stage.show.close()


async def test_what_the_worker_cannot_carry_is_owed_no_more(stage: Any) -> None:
    first = await _on_air(stage)
    stage.show.carry(_cue(stage))
    stage.show.cue_unsent(first, CueUnsent(id="c1", revision=1, reason="full"))
    second = stage.worker()
    stage.show.worker_lost(first)
    await stage.until(lambda: stage.told(second))
    assert stage.start_of(second).cues == ()
    await stage.show.close()


async def test_main_comes_back_and_sends_again_what_the_window_does_not_show(stage: Any) -> None:
    worker = await _on_air(stage)
    epoch = stage.show.status.epoch
    stage.encode(worker, 1, 2, *range(3, 60))
    old = _cue(stage, "old", pts=30_000)
    seen, lost, ahead = (
        _cue(stage, name, pts=pts)
        for name, pts in (("s", 1_700_000), ("l", 1_790_000), ("a", 2**31))
    )
    other = _cue(stage, "other", pts=1_700_000, media_epoch="before")
    await stage.show.close()
    stage.show = stage.new_main()
    stage.show.restore([other, old, seen, lost, ahead])
    stage.told(worker).clear()
    assert stage.show.adopt_worker(worker, epoch)
    assert _told(stage, worker) == ["s", "l", "a"]
    await stage.show.close()


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cues_module, "MAX_OWED", 2)
    owed = OwedCues()
    for name in ("a", "b"):
        owed.require_room()
        owed.add(TimedMetadata(id=name, revision=1, pts=0, duration=45_000, payload=b"{}"))
    with pytest.raises(RequestRefused) as refused:
        owed.require_room()
    assert refused.value.status == 503
    owed.carried(owed.all[:1])
    owed.require_room()
    assert [cue.id for cue in owed.all] == ["b"]
