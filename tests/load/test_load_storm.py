"""Sockets that all come back at once are told all that they missed, or that they begin anew."""

from pathlib import Path

import pytest

from bench.fanout.air import Air
from bench.fanout.load import Crowd
from bench.fanout.stage import Piece, play

EVENTFUL = Air(part_ticks=9_000, part_bytes=2000, cue_every=1)
"""An event each tenth of a second."""


async def storm(programs: Path, *, sockets: int, storm_s: float) -> None:
    crowd = Crowd(storm=sockets, storm_s=storm_s)
    piece = Piece(what="storm", kind="comptoir", crowd=crowd, air=EVENTFUL, seconds=storm_s + 1.0)
    outcome = await play(piece, programs=programs)
    counts = outcome.result.counts
    assert outcome.result.errors == {}  # a gap by offset is one, and a socket that stays behind
    assert outcome.result.connected == sockets
    assert counts["reconnects"] == sockets
    assert counts["recovered"] + counts["told"] == sockets
    assert counts["events"] > sockets


async def test_five_hundred_sockets_come_back_within_a_second(programs: Path) -> None:
    await storm(programs, sockets=500, storm_s=1)


@pytest.mark.soak
async def test_five_thousand_sockets_come_back_within_five_seconds(programs: Path) -> None:
    await storm(programs, sockets=5000, storm_s=5)
