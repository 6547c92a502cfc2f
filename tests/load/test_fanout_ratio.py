"""What our hot path is worth: its CPU for a viewer and part beside plain aiohttp's."""

from pathlib import Path
from statistics import median

from bench.fanout import servers
from bench.fanout.air import Air
from bench.fanout.load import Crowd
from bench.fanout.stage import OPEN_DOOR, Outcome, Piece, measure

LEAST_RATIO = 4.0
VIEWERS = 2000
"""About half of what a core of the peer's carries; with fewer, what a part costs whoever watches
counts for more."""
PAIRS = 3


async def test_aiohttp_needs_four_times_our_cpu(programs: Path) -> None:
    def piece(kind: servers.Kind) -> Piece:
        crowd = Crowd(pull=VIEWERS)
        return Piece(
            what="pull", kind=kind, crowd=crowd, air=Air(), seconds=2, settle_s=0.5, drain_s=0.5
        )

    async with (
        servers.running("comptoir", Air(), programs=programs, settings=OPEN_DOOR) as ours,
        servers.running("aiohttp", Air(), programs=programs) as theirs,
    ):
        ratios = []
        for _ in range(PAIRS):
            plain = _whole(await measure(piece("aiohttp"), theirs, programs=programs))
            hot = _whole(await measure(piece("comptoir"), ours, programs=programs))
            ratios.append(plain.us_per_part / hot.us_per_part)
    assert median(ratios) >= LEAST_RATIO, ratios


def _whole(outcome: Outcome) -> Outcome:
    """Of no worth if viewers were lost or bytes were wrong."""
    assert outcome.result.errors == {}
    assert outcome.result.connected == VIEWERS
    assert outcome.result.parts > VIEWERS
    return outcome
