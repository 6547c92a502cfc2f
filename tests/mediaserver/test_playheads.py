"""What viewers report of their playheads: kept where it makes sense, and never for nothing."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver import playheads
from mediaserver.bus.messages import PlayheadReport
from mediaserver.gateway.event_reports import MAX_WAITING, PlayheadOutbox
from mediaserver.playheads import MAX_REPORTS, Playheads
from mediaserver.viewers import ViewerTokens
from overlay.show.log import MediaTime
from transcoder.wire import decode, encode

S = 90_000
TOKENS = ViewerTokens(b"s" * 32)


class Air:
    """A show whose live edge is where the test says."""

    def __init__(self) -> None:
        self.second: float = 100.0
        self.epoch: str | None = "e"

    def air_time(self) -> MediaTime | None:
        if self.epoch is None:
            return None
        return MediaTime(media_epoch=self.epoch, pts=round(self.second * S))


class Told:
    """A viewer and main's memory of them."""

    def __init__(self) -> None:
        self.air = Air()
        self.heads = Playheads(shows={"one": self.air}, tokens=TOKENS)
        self.token = TOKENS.new()
        self.viewer = TOKENS.viewer(self.token) or ""

    def says(self, second: float, **changes: Any) -> None:
        given: dict[str, Any] = {
            "show": "one", "token": self.token, "media_epoch": "e", "pts": round(second * S),
            "age_ms": 0,
        }  # fmt: skip
        self.heads.take([PlayheadReport(**{**given, **changes})])

    def lags(self) -> list[float]:
        seen = self.heads.seen("one", self.viewer)
        return [] if seen is None else [report.lag / S for report in seen.reports]


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_report_says_how_far_behind_the_viewer_is(told: Told) -> None:
    told.says(96)
    told.air.second = 105
    told.says(101, age_ms=1000)
    assert told.lags() == [4, 3]


@pytest.mark.parametrize(
    "forged",
    [
        {"token": "v1.AAAAAAAAAAAAAAAAAAAAAA.A"},
        {"token": ""},
        {"media_epoch": "another"},
        {"show": "none"},
        {"pts": 200 * S},
        {"pts": -1},
    ],
)
def test_what_is_forged_or_absurd_is_passed_over(told: Told, forged: dict[str, Any]) -> None:
    told.says(96, **forged)
    assert told.lags() == []
    assert told.heads.refused == 1


def test_more_than_one_a_second_and_going_back_are_passed_over(told: Told) -> None:
    told.says(96)
    told.air.second = 100.9
    told.says(96)
    told.air.second = 102
    told.says(95)
    assert told.lags() == [4]
    told.says(98)
    assert told.lags() == [4, 4]


def test_nothing_is_kept_off_air_and_another_broadcast_begins_anew(told: Told) -> None:
    told.says(96)
    told.air.epoch = None
    told.says(97)
    told.air.epoch, told.air.second = "e2", 10
    told.says(9, media_epoch="e2")
    seen = told.heads.seen("one", told.viewer)
    assert seen is not None
    assert (seen.media_epoch, told.lags()) == ("e2", [1])


def test_memory_is_bounded(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playheads, "MAX_VIEWERS", 3)
    for _ in range(5):
        told.says(96, token=TOKENS.new())
    assert len(told.heads) == 3
    for n in range(20):
        told.air.second = 200 + 2 * n
        told.says(199 + 2 * n)
    assert len(told.lags()) == MAX_REPORTS


@given(
    claims=st.lists(
        st.tuples(st.floats(0, 5), st.floats(-20, 200), st.integers(-10, 10**7)), max_size=30
    )
)
def test_no_claims_make_a_lag_grow_faster_than_time_passes(
    claims: list[tuple[float, float, int]],
) -> None:
    told = Told()
    for passed, behind, age_ms in claims:
        told.air.second += passed
        told.says(max(0, told.air.second - behind), age_ms=age_ms)
    seen = told.heads.seen("one", told.viewer)
    reports = () if seen is None else seen.reports
    for before, after in pairwise(reports):
        assert after.arrived - before.arrived >= S
        assert before.pts <= after.pts <= after.arrived
        assert after.lag - before.lag <= after.arrived - before.arrived


MESSAGES = st.dictionaries(
    st.sampled_from(["media_epoch", "pts", "type"]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("e"),
)


@given(message=MESSAGES, token=st.none() | st.text())
def test_the_gateway_takes_any_message_and_sends_what_makes_sense(
    message: dict[str, Any], token: str | None
) -> None:
    outbox = PlayheadOutbox()
    outbox.say("one", token, message, 0)
    for batch in outbox.take(5_000_000):
        assert decode(encode(batch)) == batch
        assert [report.age_ms for report in batch.reports] == [5]


def test_the_gateway_keeps_each_viewers_newest_and_no_more_than_it_may() -> None:
    outbox = PlayheadOutbox()
    for pts in (1, 2):
        outbox.say("one", "t", {"media_epoch": "e", "pts": pts}, 0)
    (batch,) = outbox.take(0)
    assert [report.pts for report in batch.reports] == [2]
    for n in range(MAX_WAITING + 5):
        outbox.say("one", f"t{n}", {"media_epoch": "e", "pts": 1}, 0)
    assert (len(outbox), outbox.dropped) == (MAX_WAITING, 5)
    assert sum(len(batch.reports) for batch in outbox.take(0)) == MAX_WAITING
