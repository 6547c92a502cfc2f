"""Ten thousand pictures that a stranger made, beside the encoders and past them.

Each run begins whole, so that the source is passed; then mutants come, first one a slot, of which
some are passed on, then many. The other forty thousand are in `looks/test_looks_mutants.py`.
"""

import io
import random
from collections.abc import Callable
from typing import Any

import av
import pytest

from transcoder.cmaf.runs import read_fragments
from transcoder.profiles import Rung
from transcoder.values import AccessUnit

CALM, GENTLE, FIERCE = 45, 12, 12
"""Slots of each kind in a run,"""
AT_ONCE = 24
"""mutants in a fierce one."""
RUNS = 17
"""Five thousand mutants for each mode: some three seconds."""
GOP = 15
RUNG = (
    Rung(name="96p", height=96, bitrate_bps=300_000, max_bitrate_bps=2_000_000, preset="superfast"),
)


@pytest.mark.parametrize("mode", ["auto", "always"])
def test_what_a_stranger_sends_is_passed_on_in_whole_parts_at_exact_times(
    air_of: Callable[..., Any],
    make_source: Callable[..., Any],
    mutated: Callable[[AccessUnit, random.Random], AccessUnit],
    mode: str,
) -> None:
    rng = random.Random(mode)
    strangers = 0
    for _ in range(RUNS):
        with air_of(passthrough=mode, rungs=RUNG) as air:
            air.publish()
            host = make_source()
            air.play(host, CALM)
            for count in [1] * GENTLE + [AT_ONCE] * FIERCE:
                attack(air, host, count, lambda unit: mutated(unit, rng))
                assert air.run.lag_s(air.now_ns) > -2 / 90_000, "a part is ahead of the clock"
            air.play(host, 1)
            out = air.finish()
        out.check()
        last = out.of("96p")[-1]
        assert last.decode_time + last.duration <= air.slot * air.slot_ticks
        times = passed_pictures(out, air.slot_ticks)
        strangers += sum(tick >= CALM * air.slot_ticks for tick in times)
    assert strangers > RUNS // 2, "some of what was passed on was a stranger's"


def attack(air: Any, host: Any, count: int, mutate: Callable[[AccessUnit], AccessUnit]) -> None:
    """So many mutants in the next slot."""
    tick = air.slot * air.slot_ticks
    units = [
        host.unit(100 + n, tick + n, keyframe=(air.slot * AT_ONCE + n) % GOP == 0)
        for n in range(count)
    ]
    air.turn([mutate(unit) for unit in units])
    air.slot += 1
    air.settle()


def passed_pictures(out: Any, slot_ticks: int) -> list[int]:
    """When the source's own pictures came out, in parts that are as they should be."""
    found: list[int] = []
    for section in out.inits:
        if not is_the_hosts(section.codecs):
            continue
        parts = [part for part in out.of("96p") if part.generation == section.generation]
        samples = [sample for p in parts for sample in read_fragments(p.data)[0].runs[0].samples]
        packets = demuxed(section.data + b"".join(part.data for part in parts))
        assert [packet.size for packet in packets] == [sample.size for sample in samples]
        times = [packet.dts for packet in packets]
        assert times[0] == parts[0].decode_time
        assert times == sorted(times)
        assert all(part.duration % slot_ticks == 0 for part in parts)
        assert sum(s.duration for s in samples) == sum(part.duration for part in parts)
        found += times
    return found


def is_the_hosts(codecs: str) -> bool:
    """Baseline is the host's, for the rung is encoded in High."""
    return codecs.startswith("avc1.42")


def demuxed(data: bytes) -> list[Any]:
    """The video's packets, as a player's demuxer finds them."""
    with av.open(io.BytesIO(data), "r", format="mp4") as container:
        return [packet for packet in container.demux(video=0) if packet.size]
