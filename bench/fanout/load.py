"""Runs the load generator (`c/load.c`) and reads what came of it."""

import asyncio
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bench.fanout.air import EVENTS, PLAYLIST, WATCHED
from bench.fanout.processes import pin_own

LOAD_CORE = 1
_GRACE_S = 60.0
_sources = itertools.count(1)
"""Each run comes from addresses of its own, so that no port waits for one of the last run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Who comes."""

    pull: int = 0
    """Blocking LL-HLS: a playlist and a part per step on one kept connection."""
    poll: int = 0
    """A plain playlist each `poll_ms`, and the part where there is a new one."""
    push: int = 0
    """Event sockets that subscribe to the media."""
    events: int = 0
    """Event sockets for cues only."""
    storm: int = 0
    """Event sockets that reconnect once, with `since`, within `storm_s`."""
    slow: int = 0
    """Stop reading; pull sixteen parts, or push where `slow_push`."""
    loris: int = 0
    """Send a byte of a head each `drip_ms`."""
    slow_push: bool = False
    storm_s: float = 5.0
    drip_ms: float = 1000.0
    poll_ms: float = 500.0
    rate: int = 4000
    """How many connect in a second."""

    @property
    def viewers(self) -> int:
        """Those who behave."""
        return self.pull + self.poll + self.push + self.events + self.storm

    def options(self) -> list[str]:
        """For the command line of the generator."""
        counts = ("pull", "poll", "push", "events", "storm", "slow", "loris")
        given = [f"--{name}={getattr(self, name)}" for name in counts if getattr(self, name)]
        given += [f"--storm-seconds={self.storm_s}", f"--drip-ms={self.drip_ms}"]
        given += [f"--poll-ms={self.poll_ms}", f"--rate={self.rate}"]
        return [*given, "--slow-push"] if self.slow_push else given


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A histogram's figures, in milliseconds."""

    count: int
    p50: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the generator saw."""

    connected: int
    cpu_s: float
    parts: int
    """Received in the time that was measured, byte for byte what they had to be."""
    wake: Spread | None
    """From the making of a part until a blocked playlist that lists it was received."""
    delivery: Spread | None
    """From the making of a part until its last byte was received."""
    cue: Spread | None
    slow_lingered: Spread | None
    loris_lingered: Spread | None
    counts: Mapping[str, int] = field(repr=False)
    errors: Mapping[str, int]
    """Other than zero."""

    @classmethod
    def parse(cls, connected: int, line: str) -> "Result":
        """From the generator's last line."""
        plain = json.loads(line)
        return cls(
            connected=connected,
            cpu_s=plain["cpu_s"],
            parts=plain["parts"],
            wake=_spread(plain["wake_ms"]),
            delivery=_spread(plain["delivery_ms"]),
            cue=_spread(plain["cue_ms"]),
            slow_lingered=_spread(plain["slow_lingered_ms"]),
            loris_lingered=_spread(plain["loris_lingered_ms"]),
            counts={name: value for name, value in plain.items() if isinstance(value, int)},
            errors={name: count for name, count in plain["errors"].items() if count},
        )


def _spread(plain: Mapping[str, Any] | None) -> Spread | None:
    return None if plain is None else Spread(**plain)


async def run(
    program: Path,
    *,
    port: int,
    crowd: Crowd,
    seconds: float,
    settle_s: float = 1.0,
    drain_s: float = 1.0,
    ramp_timeout_s: float = 15.0,
    at: Callable[[str], None] = lambda _: None,
) -> Result:
    """Send the crowd; `at` is told ``measuring`` and ``measured`` when it comes to that.

    Parts that were made in the `seconds` are waited for until `drain_s` after them.

    Raises `RuntimeError` with the generator's words where it fails.
    """
    command = [
        *(str(program), f"--port={port}", f"--path={PLAYLIST}", f"--events-path={EVENTS}"),
        *(f"--subscribe={WATCHED}", f"--source={next(_sources) % 250 + 1}"),
        *(f"--seconds={seconds}", f"--settle={settle_s}", f"--drain={drain_s}"),
        f"--ramp-timeout={ramp_timeout_s}",
        *crowd.options(),
    ]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=partial(pin_own, LOAD_CORE),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    connected, last = 0, ""
    try:
        async with asyncio.timeout(seconds + settle_s + ramp_timeout_s + _GRACE_S):
            async for raw in process.stdout:
                last = raw.decode().strip()
                if last.startswith("connected "):
                    connected = int(last.split()[1])
                elif not last.startswith("{"):
                    at(last)
            if await process.wait():
                raise RuntimeError((await process.stderr.read()).decode() or "load has failed")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Result.parse(connected, last)
