"""The door for gateways of other nodes: whoever does not show the secret is told nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bench.node import free_port
from mediaserver import config
from mediaserver.api.app import make_app
from mediaserver.cluster_door import ClusterDoor, place_of
from mediaserver.config import Config
from mediaserver.config_cluster import NODE_NAME
from mediaserver.errors import StartError
from mediaserver.gateway.main_routes import SECRET_HEADER
from mediaserver.health import Readiness

SECRET = "the-secret-of-the-cluster"
PATHS = ("/api/v1/shows/one", "/api/v1/shows/away", "/pictures/x.webp", "/readyz", "/no/such/row")


class Door:
    """A door on a port of its own, and what came through it."""

    def __init__(self) -> None:
        self.through: list[str] = []
        self.port = 0

    async def one(self, request: web.Request) -> web.Response:
        self.through.append(request.path)
        return web.json_response({"orders": "of buyers"})

    async def ask(self, path: str, *headers: bytes) -> tuple[int, bytes]:
        """Status and body of an answer to these very bytes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = [b"GET " + path.encode() + b" HTTP/1.1", b"Host: x", b"Connection: close", *headers]
        writer.write(b"\r\n".join(lines) + b"\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return int(answer.split(b" ", 2)[1]), answer


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    made = Door()
    doors = ClusterDoor(elsewhere=lambda show: show == "away", pictures=tmp_path)
    app = make_app(
        routes=[web.get("/api/v1/shows/{show}", made.one), doors.picture_route()],
        readiness=lambda: Readiness(checks={"shop": True}),
        middlewares=[doors.known_only(SECRET), doors.owned_only],
    )
    runner = await doors.serve(app, f"127.0.0.1:{free_port()}")
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


def _shown(secret: bytes) -> bytes:
    return SECRET_HEADER.encode() + b": " + secret


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (_shown(b""),),
        (_shown(b"the-secret-of-another-cluster"),),
        (_shown(SECRET[:-1].encode()),),
        (_shown(SECRET.encode() + b"x"),),
        (_shown(SECRET.upper().encode()),),
        (_shown(b"\xff\xfe of no alphabet"),),
        (_shown("sécret".encode()),),
        (b"Authorization: Bearer " + SECRET.encode(),),
        (_shown(b"x"), _shown(SECRET.encode())),
    ],
)
async def test_without_the_secret_nothing_is_told(door: Door, headers: tuple[bytes, ...]) -> None:
    answers = {await door.ask(path, *headers) for path in PATHS}
    assert {status for status, _ in answers} == {403}
    bodies = {answer.partition(b"\r\n\r\n")[2] for _, answer in answers}
    assert len(bodies) == 1, "every address gives the same answer"
    assert SECRET.encode() not in bodies.pop()
    assert door.through == []


async def test_who_shows_the_secret_is_served_what_is_here(door: Door) -> None:
    key = _shown(SECRET.encode())
    assert [(await door.ask(path, key))[0] for path in PATHS] == [200, 503, 404, 200, 404]
    assert door.through == [PATHS[0]]


async def test_a_door_without_a_secret_is_shut(tmp_path: Path) -> None:
    known: Any = ClusterDoor(elsewhere=lambda _: False, pictures=tmp_path).known_only("")
    request = type("Request", (), {"headers": {SECRET_HEADER: ""}})()
    with pytest.raises(Exception, match="for gateways of ours"):
        await known(request, None)


def _config(data: Path) -> Config:
    return config.load(None, {"data": str(data), "cluster": {"redis": "redis://127.0.0.1"}})


def test_a_node_keeps_the_name_it_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "_odd näme of a host")
    place = place_of(_config(tmp_path))
    assert place is not None
    assert NODE_NAME.fullmatch(place.node)
    assert place_of(_config(tmp_path)) == place


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"two names", b"x" * 5000])
def test_a_damaged_name_is_no_name(tmp_path: Path, content: bytes) -> None:
    """Nodes of one name take each other's shows."""
    (tmp_path / "node").write_bytes(content)
    with pytest.raises(StartError, match="delete it"):
        place_of(_config(tmp_path))


def test_a_full_disk_leaves_no_half_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, *_: object, **__: object) -> None:
        path.touch()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(StartError, match="No space left"):
            place_of(_config(tmp_path))
    assert not (tmp_path / "node").exists()
    assert place_of(_config(tmp_path)) is not None
