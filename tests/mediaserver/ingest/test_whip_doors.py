"""WHIP's doors: how often an address may ask, who may resume, which ICE servers a host is told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from mediaserver.api.app import make_app
from mediaserver.auth import KeyRing
from mediaserver.config import Config, WebRtcConfig
from mediaserver.config_ice import IceServerConfig
from mediaserver.errors import PublishRefused
from mediaserver.health import Readiness
from mediaserver.ingest.whip import WhipResources

KEY = "the-host-key-of-show-one"
SECRET = "the-turn-password"
OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n"
Client = TestClient[Any, Any]
Open = Callable[..., AbstractAsyncContextManager[Client]]
TURN = IceServerConfig(
    urls=("turn:turn.example.org?transport=tcp", "stun:turn.example.org"),
    username="user",
    credential=SECRET,  # type: ignore[arg-type]  # pydantic makes the secret
)


class Show:
    """Takes every publish; those that are to connect stay so until the test says otherwise."""

    def __init__(self) -> None:
        self.sessions: list[str] = []
        self.connecting: set[str] = set()
        self.resumed: list[str | None] = []
        self.overtaken: set[str] = set()
        self.stay_half_open = False
        self.refuse = False
        self.gate: asyncio.Event | None = None
        """Where there is one, publishes wait for it."""

    async def publish(self, session: str, offer: str, *, resume: str | None = None) -> str:
        self.resumed.append(resume)
        if self.gate is not None:
            await self.gate.wait()
        if self.refuse:
            raise PublishRefused(406, "offer_unacceptable", "There is no codec in common.")
        if resume in self.overtaken:
            raise PublishRefused(409, "taken_over", "Another publish has the show.")
        self.sessions.append(session)
        if self.stay_half_open:
            self.connecting.add(session)
        return "v=0\r\n"

    async def unpublish(self, session: str) -> bool:
        return True

    def has_session(self, session: str) -> bool:
        return session in self.sessions and session not in self.overtaken

    def is_connecting(self, session: str) -> bool:
        return session in self.connecting

    def was_taken_over(self, session: str) -> bool:
        return session in self.overtaken


@pytest.fixture
def show() -> Show:
    return Show()


@pytest.fixture
def client_of(show: Show) -> Open:
    @asynccontextmanager
    async def opened(**settings: Any) -> AsyncIterator[Client]:
        whip = WhipResources(
            shows={"one": show},
            keys=KeyRing({"one": KEY}),
            public_url="",
            settings=WebRtcConfig(**settings),
        )
        app = make_app(routes=whip.routes(), readiness=lambda: Readiness(checks={}))
        async with TestClient(TestServer(app)) as client:
            yield client

    return opened


async def post(
    client: Client, *, key: str = KEY, path: str = "/live/one/whip", **headers: str
) -> tuple[int, str, Any]:
    sent = {"Content-Type": "application/sdp", "Authorization": f"Bearer {key}", **headers}
    async with client.post(path, data=OFFER.encode(), headers=sent) as response:
        if response.status == 201:
            return 201, "", response
        body = await response.json()
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        return response.status, body["error"]["code"], response


async def test_an_address_that_asks_too_often_waits(client_of: Open, show: Show) -> None:
    async with client_of(new_sessions_per_minute=3) as client:
        there = {"X-Forwarded-For": "192.0.2.1"}
        for _ in range(3):
            assert (await post(client, **there))[0] == 201
        status, code, response = await post(client, **there)
        assert (status, code) == (429, "too_many_requests")
        assert 1 <= int(response.headers["Retry-After"]) <= 60
        assert "Retry-After" in response.headers["Access-Control-Expose-Headers"]
        assert (await post(client, **{"X-Forwarded-For": "192.0.2.2"}))[0] == 201
        assert len(show.sessions) == 4


@pytest.mark.parametrize("path", ["/live/one/whip", "/whip", "/live/none/whip"])
async def test_wrong_keys_count_until_no_key_is_looked_at(client_of: Open, path: str) -> None:
    async with client_of(new_sessions_per_minute=2) as client:
        for _ in range(2):
            assert (await post(client, key="a-guess", path=path))[0] in (403, 404)
        assert (await post(client, path=path))[:2] == (429, "too_many_requests")


async def test_guessing_at_a_session_counts_and_owning_it_does_not(client_of: Open) -> None:
    async with client_of(new_sessions_per_minute=3) as client:
        location = (await post(client))[2].headers["Location"]
        path = location[location.index("/live/") :]
        own = {"Authorization": f"Bearer {KEY}"}
        for _ in range(5):
            assert (await client.patch(path, headers=own)).status == 415
        guess = {"Authorization": "Bearer a-guess"}
        statuses = [(await client.delete(path, headers=guess)).status for _ in range(3)]
        assert statuses == [403, 403, 429]
        assert (await client.delete(path, headers=own)).status == 200


async def test_publishes_that_never_connect_are_bounded(client_of: Open, show: Show) -> None:
    show.stay_half_open = True
    async with client_of(half_open_per_address=2, half_open_total=3) as client:
        for expected in ((201, ""), (201, ""), (429, "too_many_half_open")):
            assert (await post(client, **{"X-Forwarded-For": "2001:db8::1"}))[:2] == expected
        same_network = await post(client, **{"X-Forwarded-For": "2001:db8::2:0:0:1"})
        assert same_network[:2] == (429, "too_many_half_open")
        assert (await post(client, **{"X-Forwarded-For": "192.0.2.3"}))[0] == 201
        status, code, response = await post(client, **{"X-Forwarded-For": "192.0.2.4"})
        assert (status, code) == (503, "too_many_half_open")
        assert int(response.headers["Retry-After"]) >= 1
        show.connecting.clear()
        assert (await post(client, **{"X-Forwarded-For": "192.0.2.4"}))[0] == 201


async def test_publishes_that_are_being_answered_take_room_too(client_of: Open, show: Show) -> None:
    show.stay_half_open = True
    show.gate = asyncio.Event()
    async with client_of(half_open_per_address=2, half_open_total=3) as client:
        asked = [asyncio.create_task(post(client)) for _ in range(8)]
        done, waiting = set[asyncio.Task[Any]](), set(asked)
        while len(done) < 6:
            finished, waiting = await asyncio.wait(
                waiting, return_when=asyncio.FIRST_COMPLETED, timeout=10
            )
            assert finished, "those past the limit are refused at once"
            done |= finished
        assert {task.result()[:2] for task in done} == {(429, "too_many_half_open")}
        show.gate.set()
        assert [(await task)[0] for task in waiting] == [201, 201]


async def test_a_refused_publish_leaves_its_room(client_of: Open, show: Show) -> None:
    show.refuse = True
    async with client_of(half_open_per_address=1, half_open_total=1) as client:
        for _ in range(3):
            assert (await post(client))[:2] == (406, "offer_unacceptable")
        show.refuse = False
        assert (await post(client))[0] == 201


async def test_a_client_that_resumes_says_which_session_it_had(client_of: Open, show: Show) -> None:
    async with client_of() as client:
        first = (await post(client))[2].headers["Location"]
        session = first.rsplit("/", 1)[1]
        assert (await post(client, **{"Comptoir-Resume": session}))[0] == 201
        show.overtaken.add(session)
        assert (await post(client, **{"Comptoir-Resume": session}))[:2] == (409, "taken_over")
        assert show.resumed == [None, session, session]
        for method in ("PATCH", "DELETE"):
            response = await client.request(
                method, first[first.index("/live/") :], headers={"Authorization": f"Bearer {KEY}"}
            )
            assert response.status == 404
            assert (await response.json())["error"]["code"] == "taken_over"
        preflight = await client.options("/live/one/whip")
        assert "Comptoir-Resume" in preflight.headers["Access-Control-Allow-Headers"]


async def test_hosts_are_told_their_ice_servers_and_strangers_are_not(client_of: Open) -> None:
    expected = [
        '<turn:turn.example.org?transport=tcp>; rel="ice-server"; username="user"; '
        f'credential="{SECRET}"; credential-type="password"',
        '<stun:turn.example.org>; rel="ice-server"',
    ]
    async with client_of(ice_servers=(TURN,)) as client:
        created = (await post(client))[2]
        assert created.headers.getall("Link") == expected
        assert "Link" in created.headers["Access-Control-Expose-Headers"]
        own = {"Authorization": f"Bearer {KEY}"}
        for path in ("/live/one/whip", "/whip"):
            asked = await client.options(path, headers=own)
            assert asked.headers.getall("Link") == expected
            preflight = {**own, "Access-Control-Request-Method": "POST"}
            for headers in ({}, {"Authorization": "Bearer a-guess"}, preflight):
                answer = await client.options(path, headers=headers)
                assert answer.status == 204
                assert "Link" not in answer.headers


@pytest.mark.parametrize(
    ("server", "sentence"),
    [
        ({"urls": ["http://x"]}, "no address of a STUN or TURN server"),
        ({"urls": ["stun:a>b"]}, "no address of a STUN or TURN server"),
        ({"urls": []}, "at least 1 item"),
        ({"urls": ["turn:x"], "username": "u"}, "needs a username and a credential"),
        ({"urls": ["turn:x"], "username": 'u"', "credential": "p"}, "no quote or backslash"),
        ({"urls": ["turn:x"], "username": "u", "credential": 'p"q'}, "no quote or backslash"),
    ],
)
def test_an_ice_server_that_cannot_be_is_a_sentence(server: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        IceServerConfig(**server)


def test_the_credential_stays_where_it_belongs() -> None:
    from mediaserver import config

    full = Config(webrtc=WebRtcConfig(ice_servers=(TURN,)))
    assert SECRET not in repr(full)
    assert SECRET not in str(config.to_plain(full, keys=False))
    told = config.from_plain(config.to_plain(full, keys=True))
    assert told.webrtc.ice_servers == (TURN,)
