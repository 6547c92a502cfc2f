"""Main asks ingest for a host's moment: answered, unanswered, away."""

import asyncio
from typing import Any

import pytest

from mediaserver.bus.messages import AskHostMoment, HostMoment
from mediaserver.errors import BusError
from mediaserver.ingest import link as link_module
from mediaserver.ingest.link import IngestLink


class Line:
    """A connection that keeps what it was sent."""

    closed = False

    def __init__(self, *, broken: bool = False) -> None:
        self.sent: list[Any] = []
        self.told = asyncio.Event()
        self._broken = broken

    def send(self, value: object) -> None:
        if self._broken:
            raise BusError("gone")
        self.sent.append(value)
        self.told.set()


def attached(line: Line) -> IngestLink:
    link = IngestLink()
    link.attach(line)  # type: ignore[arg-type]
    return link


async def _asked(link: IngestLink, line: Line) -> tuple[asyncio.Task[int | None], AskHostMoment]:
    asking = asyncio.create_task(link.host_moment("s1", 1_700_000_000_000_000))
    await line.told.wait()
    return asking, line.sent[-1]


@pytest.mark.parametrize("pts", [4711, None])
async def test_the_answer_is_the_tick(pts: int | None) -> None:
    line = Line()
    link = attached(line)
    asking, ask = await _asked(link, line)
    assert (ask.session, ask.host_utc_us) == ("s1", 1_700_000_000_000_000)
    link.replied(HostMoment(request=ask.request + 1, pts=1))
    link.replied(HostMoment(request=ask.request, pts=pts))
    link.replied(HostMoment(request=ask.request, pts=2))
    assert await asking == pts


async def test_no_answer_in_time_is_no_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "MOMENT_TIMEOUT_S", 0.0)
    link = attached(Line())
    assert await link.host_moment("s1", 1) is None


async def test_an_ingest_that_is_away_or_goes_away_knows_no_moment() -> None:
    assert await IngestLink().host_moment("s1", 1) is None
    assert await attached(Line(broken=True)).host_moment("s1", 1) is None
    line = Line()
    link = attached(line)
    asking, _ = await _asked(link, line)
    link.detach(line)  # type: ignore[arg-type]
    assert await asking is None
