"""The load generator sees what is wrong: with a byte, a part, an order, an event."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import WSMsgType, web

from bench.fanout import build, load
from bench.fanout.aiohttp_peer import Origin
from bench.fanout.air import LOG, WATCHED, Air, Show, Steps, push_frame
from bench.fanout.load import Crowd, Result
from mediaserver.gateway import event_frames
from transcoder.values import Part

VIEWERS = 3
AIR = Air(part_ticks=18_000, part_bytes=20_000)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The load generator, built."""
    if (reason := build.missing()) is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return build.load(tmp_path_factory.mktemp("programs"))


async def sent(program: Path, port: int, crowd: Crowd) -> Result:
    return await load.run(
        program, port=port, crowd=crowd, seconds=0.3, settle_s=0, drain_s=0.1, ramp_timeout_s=1
    )


class Source:
    """Makes the parts of the watched rendition, one after the other."""

    def __init__(self) -> None:
        self._show = Show(AIR, begin_ns=1, utc_us=1)

    def part(self) -> Part:
        made = self._show.step(time.monotonic_ns())
        return next(part for part in made if part.rendition == WATCHED)

    def cue(self) -> bytes:
        event = event_frames.event(self._show.cue(time.monotonic_ns()))
        return event_frames.frame(event, "msgpack")


@asynccontextmanager
async def listening(
    handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
) -> AsyncIterator[int]:
    runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@asynccontextmanager
async def pulled(fault: Callable[[Part], bytes | None]) -> AsyncIterator[int]:
    """An origin that makes a part as soon as all viewers wait for it. `fault` gives what it serves
    under the part's name, None where the part is not to be."""
    origin, source, steps = Origin(), Source(), Steps(AIR)
    waiting = 0

    def make() -> None:
        nonlocal waiting
        waiting = 0
        data = None
        while data is None:
            part = source.part()
            data = fault(part)
        steps.step(part)
        origin.step(part.number, (part.msn, part.index), steps.playlist().encode(), data)

    async def handle(request: web.BaseRequest) -> web.Response:
        nonlocal waiting
        if "_HLS_msn" in request.query:
            waiting += 1
            if waiting == VIEWERS:
                asyncio.get_running_loop().call_soon(make)
        return await origin.handle(request)

    make()
    async with listening(handle) as port:
        yield port


def flipped(part: Part) -> bytes:
    return part.data[:-1] + bytes([part.data[-1] ^ 1])


async def test_whole_parts_in_a_row_are_no_fault(program: Path) -> None:
    async with pulled(lambda part: part.data) as port:
        result = await sent(program, port, Crowd(pull=VIEWERS))
    assert result.errors == {}
    assert result.connected == VIEWERS
    assert result.parts > VIEWERS
    assert result.delivery is not None
    assert result.wake is not None
    assert result.wake.p50 <= result.delivery.p50 <= result.delivery.p99 <= result.delivery.max


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param(flipped, "bytes", id="a flipped bit"),
        pytest.param(lambda part: part.data[:-8], "bytes", id="a part cut off"),
        pytest.param(lambda _: b"", "bytes", id="nothing"),
        pytest.param(
            lambda part: None if part.number % 4 == 3 else part.data, "gap", id="a missing part"
        ),
    ],
)
async def test_a_wrong_part_is_seen(
    program: Path, fault: Callable[[Part], bytes | None], error: str
) -> None:
    async with pulled(fault) as port:
        result = await sent(program, port, Crowd(pull=VIEWERS))
    assert error in result.errors


async def test_another_part_under_the_name_is_seen(program: Path) -> None:
    last: list[bytes] = []

    def old(part: Part) -> bytes:
        last.append(part.data)
        return last[part.number // 2 * 2]

    async with pulled(old) as port:
        result = await sent(program, port, Crowd(pull=VIEWERS))
    assert "order" in result.errors


@pytest.mark.parametrize("status", [404, 500, 503])
async def test_a_refusal_is_counted(program: Path, status: int) -> None:
    async def refuse(_: web.BaseRequest) -> web.Response:
        return web.Response(status=status)

    async with listening(refuse) as port:
        result = await sent(program, port, Crowd(pull=VIEWERS, events=VIEWERS))
    assert result.errors == {"status": 2 * VIEWERS}
    assert result.counts["refused"] == (2 * VIEWERS if status == 503 else 0)


HELLO = event_frames.frame(
    event_frames.hello(epoch=LOG, offset=0, recovered=False, state={"a": [1, {"b": None}]}),
    "msgpack",
)


def told(message: dict[str, object]) -> bytes:
    return event_frames.frame(message, "msgpack")


@asynccontextmanager
async def spoken(frames: Sequence[bytes], *, push: bool) -> AsyncIterator[int]:
    """Says its frames on each event socket, in one write; after the subscription if `push`."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        ws = web.WebSocketResponse(protocols=("comptoir.v1.msgpack",), compress=False)
        await ws.prepare(request)
        if push:
            assert b"subscribe" in await ws.receive_bytes()
        assert request.transport is not None
        request.transport.write(b"".join(frames))
        while (await ws.receive()).type is not WSMsgType.CLOSED and not ws.closed:
            pass
        return ws

    async with listening(handle) as port:
        yield port


@pytest.mark.parametrize("state_bytes", [10, 60_000, 200_000])
async def test_events_in_order_are_no_fault(program: Path, state_bytes: int) -> None:
    source = Source()
    state = {"cues": ["x" * 100] * (state_bytes // 100)}
    hello = told({"type": "hello", "epoch": LOG, "offset": 0, "recovered": False, "state": state})
    async with spoken([hello, *(source.cue() for _ in range(20))], push=False) as port:
        result = await sent(program, port, Crowd(events=VIEWERS))
    assert result.errors == {}
    assert result.counts["events"] == 20 * VIEWERS


async def test_a_gap_between_events_is_seen(program: Path) -> None:
    source = Source()
    cues = [source.cue() for _ in range(3)]
    async with spoken([HELLO, cues[0], cues[2]], push=False) as port:
        result = await sent(program, port, Crowd(events=VIEWERS))
    assert result.errors == {"offset": VIEWERS}


async def test_pushed_parts_are_checked_too(program: Path) -> None:
    source = Source()
    subscribed = told({"type": "subscribed", "number": 0})
    init = told({"type": "init", "data": bytes(30_000)})
    parts = [source.part() for _ in range(4)]
    good = [HELLO, subscribed, init, *map(push_frame, parts)]
    skipping = [*good[:4], told({"type": "skipped", "from": 1, "to": 1}), *good[5:]]
    small = source.part()
    small = replace(small, data=small.data[:40])
    for frames, errors in [
        (good, {}),
        (skipping, {}),
        ([*good[:4], *good[5:]], {"gap": VIEWERS}),
        ([*good, push_frame(replace(parts[3], data=flipped(parts[3])))], {"bytes": VIEWERS}),
        ([*good, push_frame(small)], {"bytes": VIEWERS}),
        ([*good, b"\xc2\x00"], {"frame": VIEWERS}),
    ]:
        async with spoken(frames, push=True) as port:
            result = await sent(program, port, Crowd(push=VIEWERS))
        assert result.errors == errors
