"""Whether an offer is open to a viewer: judged by the picture that the viewer was seeing. Pure.

Everybody's countdown runs on the playhead, so who is 4 s behind sees it end 4 s later, and orders
in time by what is shown. The server knows the lag from what the viewer's signed session reported:

    L = the lag of the last report that came before the offer's last 10 s, at most 10 s;
        a report that came later may only make it smaller

and an order that arrives at tick *t* is in time while ``t - L <= ends_pts``. No report, or no
recent one: L = 0. So a lie told when the end is near gains nothing, and one told all along gains no
more than being that far behind would have: 10 s at most, for a price that was open to all.

A start is judged likewise: who says to be L behind cannot order before that playhead has reached
the start (but for `START_SLACK_TICKS`, players catch up between two reports).
"""

from dataclasses import dataclass
from typing import Literal

from overlay.offers.terms import OPEN, Offer
from overlay.show.log import MediaTime

LAST_TICKS = 10 * 90_000
"""The end of an offer, in which no lag grows; and the most that a lag counts."""
FRESH_TICKS = 30 * 90_000
"""A report this much older than what it is asked for says nothing any more."""
START_SLACK_TICKS = 90_000

Judgement = Literal["early", "open", "over"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A playhead as it was reported, both in ticks of the media epoch."""

    arrived: int
    """The live edge when the report came."""
    pts: int
    """What was being shown: never later than `arrived`."""

    @property
    def lag(self) -> int:
        """How far behind, as far as that counts."""
        return min(max(0, self.arrived - self.pts), LAST_TICKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a viewer's session has reported lately, in one media epoch; the oldest first."""

    media_epoch: str
    reports: tuple[Report, ...]


def lag_at_end(seen: Seen | None, *, media_epoch: str, ends_pts: int) -> int:
    """The lag that counts at an end, in ticks."""
    if seen is None or seen.media_epoch != media_epoch:
        return 0
    last_from = ends_pts - LAST_TICKS
    before = [report for report in seen.reports if report.arrived <= last_from]
    if not before or before[-1].arrived < last_from - FRESH_TICKS:
        return 0
    after = (report.lag for report in seen.reports if report.arrived > last_from)
    return min(before[-1].lag, *after, LAST_TICKS)


def lag_at_start(seen: Seen | None, *, at: MediaTime) -> int:
    """How far behind the viewer is just now, in ticks."""
    if seen is None or seen.media_epoch != at.media_epoch or not seen.reports:
        return 0
    last = seen.reports[-1]
    return last.lag if last.arrived >= at.pts - FRESH_TICKS else 0


def judged(offer: Offer, *, at: MediaTime | None, seen: Seen | None, now_us: int) -> Judgement:
    """Whether the offer is open to a viewer who asks at `at` (None off air) and `now_us`.

    By media time where the offer has times of the broadcast that is on, else by the shop's clock.
    """
    if offer.state == "draft":
        return "early"
    if offer.state not in OPEN or offer.starts_us is None:
        return "over"
    if at is not None and at.media_epoch == offer.media_epoch and offer.starts_pts is not None:
        return _by_picture(offer, offer.starts_pts, at, seen)
    if now_us < offer.starts_us:
        return "early"
    return "over" if offer.ends_us is not None and now_us > offer.ends_us else "open"


def _by_picture(offer: Offer, starts_pts: int, at: MediaTime, seen: Seen | None) -> Judgement:
    lag = lag_at_start(seen, at=at)
    if at.pts < starts_pts or at.pts - lag + START_SLACK_TICKS < starts_pts:
        return "early"
    if offer.ends_pts is None:
        return "open"
    lag = lag_at_end(seen, media_epoch=at.media_epoch, ends_pts=offer.ends_pts)
    return "over" if at.pts - lag > offer.ends_pts else "open"


def all_over(offer: Offer, *, at: MediaTime | None, now_us: int) -> bool:
    """Whether the offer is over for everybody, whatever their lag."""
    if at is not None and at.media_epoch == offer.media_epoch and offer.starts_pts is not None:
        return offer.ends_pts is not None and at.pts > offer.ends_pts + LAST_TICKS
    return offer.ends_us is not None and now_us > offer.ends_us
