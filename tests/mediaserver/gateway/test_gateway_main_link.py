"""Kept connections to main: one request at a time, none sent twice, none found dead."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.gateway import main_link
from mediaserver.gateway.main_link import LinkLost, MainLinks, parse_answer
from mediaserver.gateway.main_routes import MainAddress

REQUEST = b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
OK = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-A: b: c\r\n\r\nok"

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Main = Callable[[Serve], Awaitable[MainLinks]]


@pytest.fixture
async def main(tmp_path: Path) -> AsyncIterator[Main]:
    """Be main, by this coroutine for each connection; the links to it."""
    made: list[tuple[asyncio.Server, MainLinks]] = []

    async def begin(serve: Serve) -> MainLinks:
        path = tmp_path / "main.sock"
        server = await asyncio.start_unix_server(serve, str(path))
        links = MainLinks(MainAddress(path=str(path)))
        made.append((server, links))
        return links

    yield begin
    for server, links in made:
        links.close()
        server.close()
        await server.wait_closed()


async def test_a_connection_is_used_again(main: Main) -> None:
    connections = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(OK)

    links = await main(_until_closed(serve))
    for _ in range(3):
        answer = await links.ask(REQUEST)
        assert (answer.status, answer.reason, answer.body) == (201, "Created", b"ok")
        assert ("X-A", "b: c") in answer.headers
    assert len(connections) == 1


async def test_an_answer_may_come_in_pieces(main: Main) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for byte in OK:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)

    links = await main(_until_closed(serve))
    assert (await links.ask(REQUEST)).body == b"ok"


async def test_main_may_die_before_its_answer_and_nothing_is_sent_again(main: Main) -> None:
    requests = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK[:20])
        writer.close()

    links = await main(_until_closed(serve))
    with pytest.raises(LinkLost):
        await links.ask(REQUEST)
    assert len(requests) == 1


async def test_main_that_is_away_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(LinkLost):
        await MainLinks(MainAddress(path=str(tmp_path / "nobody.sock"))).ask(REQUEST)


async def test_an_answer_to_nobody_is_not_anothers(main: Main) -> None:
    """Who leaves takes the connection along: its answer must not meet the next request."""
    gate = asyncio.Event()
    count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        while await reader.readuntil(b"\r\n\r\n"):
            count += 1
            if count == 1:
                gate.set()
            else:
                writer.write(OK)

    links = await main(_until_closed(serve))
    leaving = asyncio.ensure_future(links.ask(REQUEST))
    await gate.wait()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert (await links.ask(REQUEST)).status == 201


async def test_one_more_than_there_are_connections_waits(
    main: Main, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main_link, "MAX_LINKS", 2)
    most = open_now = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal most, open_now
        open_now += 1
        most = max(most, open_now)
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(OK)

    links = await main(_until_closed(serve))
    answers = await asyncio.gather(*(links.ask(REQUEST) for _ in range(9)))
    assert [answer.status for answer in answers] == [201] * 9
    assert most <= 2


def test_an_answer_without_its_length_is_none() -> None:
    for head in (b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"):
        with pytest.raises(ValueError, match="how long"):
            parse_answer(head)
    no_body = parse_answer(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert no_body is not None
    assert no_body.body == b""


@given(data=st.binary(max_size=200) | st.binary(max_size=50).map(lambda tail: OK[:30] + tail))
def test_any_bytes_are_an_answer_a_part_of_one_or_refused(data: bytes) -> None:
    try:
        answer = parse_answer(data)
    except ValueError:
        return
    assert answer is None or isinstance(answer.status, int)


def _until_closed(serve: Serve) -> Serve:
    async def safe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
            await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    return safe
