"""Which pieces the bench plays, group by group; ours and its peers alternate.

A search looks for the most viewers that a core holds: all parts byte for byte, 99 % of them before
the next is due, nobody lost, nothing skipped.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from bench.fanout import servers
from bench.fanout.air import Air
from bench.fanout.load import Crowd
from bench.fanout.servers import Kind
from bench.fanout.stage import Outcome, Piece, play
from transcoder.values import TICKS_PER_SECOND

GROUPS = ("pull", "push", "cues", "low", "ultra")

RUNG_BPS = 1_200_000 + 128_000
"""Picture and sound of the default profile's middle rung, 480p: the presets are tried with it."""


def preset(ticks: int) -> Air:
    """The middle rung in parts of that length, with a cue in every third part."""
    size = round(RUNG_BPS / 8 * ticks / TICKS_PER_SECOND)
    return Air(part_ticks=ticks, part_bytes=size, cue_every=3)


LOW, ULTRA = preset(30_000), preset(18_000)


class Plan:
    """Plays pieces and keeps what came of them, in order."""

    def __init__(self, programs: Path, *, quick: bool) -> None:
        self._programs = programs
        self._quick = quick
        self.outcomes: list[Outcome] = []

    async def group(self, name: str) -> None:
        """Play one of `GROUPS`."""
        if name == "pull":
            await self._pull()
        elif name == "push":
            await self._push()
        elif name == "cues":
            await self._cues()
        elif not self._quick:
            await self._preset(name, LOW if name == "low" else ULTRA)

    async def _pull(self) -> None:
        for viewers in (2000,) if self._quick else (1000, 5000, 10_000, 10_000):
            for kind in ("c", "comptoir"):
                await self._play("pull", kind, Crowd(pull=viewers))
        await self._play("pull", "aiohttp", Crowd(pull=2000))
        if self._quick:
            return
        await self._play("pull", "comptoir", Crowd(pull=2000))
        await self._play("pull", "aiohttp", Crowd(pull=4000))
        for viewers in (12_000, 14_000, 16_000):
            if not (await self._play("pull", "comptoir", Crowd(pull=viewers))).held:
                break
        await self._play("poll", "nginx", Crowd(poll=5000))

    async def _push(self) -> None:
        for viewers in (2000,) if self._quick else (1000, 5000, 10_000, 10_000):
            for kind in ("c", "comptoir"):
                await self._play("push", kind, Crowd(push=viewers))
        if not self._quick:
            await self._play("push", "comptoir", Crowd(push=15_000))

    async def _cues(self) -> None:
        some, many = (1000, 2000) if self._quick else (5000, 10_000)
        small = Air(part_bytes=2000, cue_every=1, cue_after_part=False)
        if not self._quick:
            await self._play("cue", "comptoir", Crowd(events=many), small)
        await self._play("mixed", "comptoir", Crowd(pull=some, events=some), Air(cue_every=1))

    async def _preset(self, name: str, air: Air) -> None:
        def pulling(viewers: int) -> Crowd:
            return Crowd(pull=viewers, events=viewers)

        def pushed(viewers: int) -> Crowd:
            return Crowd(push=viewers)

        await self._most(name, pulling, air, 1000, 9000)
        await self._most(f"{name} push", pushed, air, 1000, 17_000)

    async def _most(
        self, what: str, crowd: Callable[[int], Crowd], air: Air, low: int, high: int
    ) -> None:
        """Halve what is left four times: within a sixteenth of the range."""
        for _ in range(4):
            viewers = (low + high) // 2 // 100 * 100
            held = (await self._play(what, "comptoir", crowd(viewers), air)).held
            low, high = (viewers, high) if held else (low, viewers)

    async def _play(self, what: str, kind: Kind, crowd: Crowd, air: Air | None = None) -> Outcome:
        lacking = servers.missing(kind)
        piece = Piece(
            what=what,
            kind=kind,
            crowd=crowd,
            air=air or Air(),
            seconds=2.0 if self._quick else 5.0,
            settle_s=0.5 if self._quick else 1.0,
            drain_s=0.5 if self._quick else 1.0,
        )
        if lacking is not None:
            raise LeftOut(lacking)
        print(f"· {what}: {kind}, {crowd.viewers} connections", file=sys.stderr, flush=True)
        outcome = await play(piece, programs=self._programs)
        self.outcomes.append(outcome)
        return outcome


class LeftOut(Exception):
    """A program that this piece needs is not here."""
