"""The relay that is far away: in order, no sooner than its round trip, and every byte."""

import asyncio
import random

from hypothesis import given
from hypothesis import strategies as st

from bench.slow_line import CLEAN, HOST, MIN_TIMEOUT_S, Line, SlowRelay, Trouble


@given(
    seed=st.integers(0, 2**32),
    steps=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 70_000)), max_size=60),
    rtt_s=st.floats(0, 0.5),
    loss=st.floats(0, 1),
)
def test_chunks_stay_in_order_and_are_late_by_a_timeout_at_most(
    seed: int, steps: list[tuple[float, int]], rtt_s: float, loss: float
) -> None:
    line, trouble = Line(random.Random(seed)), Trouble(rtt_s=rtt_s, loss=loss)
    now_s, before_s = 0.0, 0.0
    for pause_s, size in steps:
        now_s += pause_s
        due_s = line.due_s(now_s, size, trouble)
        assert due_s >= before_s
        assert due_s - now_s >= rtt_s / 2 - 1e-9
        assert due_s - now_s <= rtt_s / 2 + trouble.timeout_s + 1e-9
        before_s = due_s


def test_a_clean_line_changes_nothing() -> None:
    line = Line(random.Random(1))
    assert [line.due_s(at, 60_000, CLEAN) for at in (0.0, 1.0, 1.5)] == [0.0, 1.0, 1.5]
    assert line.lost == 0


def test_one_percent_of_the_segments_is_lost_and_the_same_every_time() -> None:
    def lost(seed: int) -> int:
        line = Line(random.Random(seed))
        for number in range(10_000):
            line.due_s(number * 2.0, 1_000, Trouble(rtt_s=0.05, loss=0.01))
        return line.lost

    assert lost(1) == lost(1)
    assert 60 < lost(1) < 150
    assert Trouble(rtt_s=0.05, loss=0).timeout_s == MIN_TIMEOUT_S


def test_a_narrow_line_lets_out_so_many_bits_a_second() -> None:
    line, narrow = Line(random.Random(1)), Trouble(rtt_s=0.1, loss=0, bps=8_000)
    assert [line.due_s(0.0, 500, narrow) for _ in range(4)] == [0.55, 1.05, 1.55, 2.05]
    assert line.due_s(10.0, 500, narrow) == 10.55


async def test_a_connection_that_fell_silent_carries_nothing_and_stays_open() -> None:
    over = asyncio.Semaphore(0)

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await reader.read(100):
            writer.write(said)
        writer.close()
        await writer.wait_closed()
        over.release()

    async def said_back(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"here")
        assert await asyncio.wait_for(reader.readexactly(4), 20) == b"here"
        return reader, writer

    server = await asyncio.start_server(echo, HOST, 0)
    async with SlowRelay(server.sockets[0].getsockname()[1], seed=1) as relay:
        reader, writer = await said_back(relay.port)
        relay.fall_silent()
        writer.write(b"there?")
        _, other = await said_back(relay.port)
        nothing = asyncio.ensure_future(reader.read(1))
        await asyncio.sleep(0)
        assert not nothing.done()
        nothing.cancel()
        for each in (writer, other):
            each.close()
            await each.wait_closed()
    for _ in range(2):
        await asyncio.wait_for(over.acquire(), 20)
    server.close()
    await server.wait_closed()


async def test_every_byte_arrives_in_both_directions() -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read()).upper())
        writer.close()

    server = await asyncio.start_server(shout, HOST, 0)
    async with SlowRelay(server.sockets[0].getsockname()[1], seed=1) as relay:
        relay.trouble = Trouble(rtt_s=0.002, loss=0.5)
        reader, writer = await asyncio.open_connection(HOST, relay.port)
        said = b"comptoir " * 30_000
        writer.write(said)
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 20) == said.upper()
        assert relay.lost > 0
        writer.close()
        await writer.wait_closed()
    server.close()
    await server.wait_closed()
