"""What a client of media push notices of what must not be."""

from typing import Any

import aiohttp
import pytest

from bench.push import PushFollower

HELLO = {"type": "hello", "epoch": "log1", "offset": 4, "recovered": False, "state": {}}
SUBSCRIBED = {"type": "subscribed", "epoch": "e1", "rendition": "360p", "part_ms": 333}


def part(number: int) -> dict[str, Any]:
    return {"type": "part", "number": number}


def event(offset: int) -> dict[str, Any]:
    return {"type": "event", "offset": offset}


@pytest.mark.parametrize(
    ("messages", "faults"),
    [
        ([part(7), event(5), part(8), event(6)], []),
        ([part(7), {"type": "skipped", "from": 8, "to": 11}, part(12), part(13)], []),
        ([part(7), part(9)], ["part 9 after 7"]),
        ([part(7), part(7)], ["part 7 after 7"]),
        ([part(7), {"type": "skipped", "from": 9, "to": 11}, part(12)], ["part 9 after 7"]),
        ([event(5), event(7)], ["event 7 after 5"]),
        ([event(5), event(6), HELLO], ["state of 4 after event 6"]),
        ([event(5), HELLO | {"epoch": "log2", "offset": 0}, event(1)], []),
        ([part(7), {"type": "media_over", "reason": "ended"}], ["media over: ended"]),
    ],
)
async def test_faults_are_told(messages: list[dict[str, Any]], faults: list[str]) -> None:
    async with aiohttp.ClientSession() as http:
        follower = PushFollower(http, "http://127.0.0.1:9/live/demo/events")
        for message in (HELLO, SUBSCRIBED, *messages):
            follower._take(message)
    assert follower.faults == faults


async def test_a_gap_counts_from_the_part_before_it() -> None:
    async with aiohttp.ClientSession() as http:
        follower = PushFollower(http, "http://127.0.0.1:9/live/demo/events")
    follower.arrived_s = [0.0, 9.0, 9.5, 12.0, 12.5]
    assert follower.longest_gap_s(0) == 9.0
    assert follower.longest_gap_s(3) == 2.5
    assert follower.longest_gap_s(5) == 0.0
