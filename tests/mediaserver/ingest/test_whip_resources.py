"""WHIP over real HTTP: every status of the endpoint and of the session resource (RFC 9725)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.api.app import make_app
from mediaserver.auth import PERMISSIONS, KeyRing, Role
from mediaserver.errors import PublishRefused
from mediaserver.health import Readiness
from mediaserver.ingest.fragment import FragmentError, parse_fragment
from mediaserver.ingest.whip import WhipResources

KEY, OTHER_KEY = "the-host-key-of-show-one", "the-host-key-of-show-two"
OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n"
FRAGMENT = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 X 0\r\na=mid:0\r\n"
SDP_TYPE = {"Content-Type": "application/sdp"}
PATCH_TYPE = {"Content-Type": "application/trickle-ice-sdpfrag"}
Client = TestClient[Any, Any]


class FakeStage:
    """A show that takes one publish."""

    def __init__(self) -> None:
        self.sessions: list[str] = []
        self.offers: list[str] = []
        self.resumed: list[str | None] = []
        self.connecting: set[str] = set()
        self.overtaken: set[str] = set()

    async def publish(self, session: str, offer: str, *, resume: str | None = None) -> str:
        self.resumed.append(resume)
        if resume is not None and resume not in self.sessions:
            raise PublishRefused(409, "taken_over", "Another publish has the show.")
        if resume is not None:
            self.sessions.remove(resume)
        if self.sessions:
            raise PublishRefused(409, "already_live", "Somebody is on air.")
        if "o=" not in offer:
            raise PublishRefused(400, "offer_malformed", "The offer is not SDP.")
        self.sessions.append(session)
        self.offers.append(offer)
        return "v=0\r\nanswer\r\n"

    async def unpublish(self, session: str) -> bool:
        self.sessions.remove(session)
        return True

    def has_session(self, session: str) -> bool:
        return session in self.sessions

    def is_connecting(self, session: str) -> bool:
        return session in self.connecting

    def was_taken_over(self, session: str) -> bool:
        return session in self.overtaken


@pytest.fixture
def stage() -> FakeStage:
    return FakeStage()


@pytest.fixture
async def client(stage: FakeStage) -> AsyncIterator[Client]:
    whip = WhipResources(
        shows={"one": stage, "two": FakeStage()},
        keys=KeyRing({"one": KEY, "two": OTHER_KEY, "keyless": ""}),
        public_url="",
    )
    app = make_app(routes=whip.routes(), readiness=lambda: Readiness(checks={"ingest": True}))
    async with TestClient(TestServer(app)) as made:
        yield made


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


Post = Callable[..., Awaitable[ClientResponse]]


@pytest.fixture
def post(client: Client) -> Post:
    async def send(
        path: str = "/live/one/whip", key: str = KEY, data: bytes = OFFER.encode(), **headers: str
    ) -> ClientResponse:
        given_headers = {**SDP_TYPE, **(_bearer(key) if key else {}), **headers}
        return await client.post(path, data=data, headers=given_headers)

    return send


async def _code(response: ClientResponse) -> str:
    body = await response.json()
    assert body["error"]["message"].endswith(".")
    return str(body["error"]["code"])


async def test_an_offer_is_answered_with_a_session_of_its_own(post: Post, client: Client) -> None:
    response = await post()
    assert response.status == 201
    assert response.content_type == "application/sdp"
    assert (await response.text()).startswith("v=0")
    location = response.headers["Location"]
    assert location.startswith(f"http://{client.host}:{client.port}/live/one/whip/")
    assert len(location.rsplit("/", 1)[1]) >= 16
    assert response.headers["ETag"].startswith('"')
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Location" in response.headers["Access-Control-Expose-Headers"]


async def test_behind_a_gateway_the_location_is_what_the_host_called(post: Post) -> None:
    response = await post(**{"X-Forwarded-Host": "live.example.org", "X-Forwarded-Proto": "https"})
    assert response.headers["Location"].startswith("https://live.example.org/live/one/whip/")


async def test_the_host_key_alone_names_the_show(post: Post, stage: FakeStage) -> None:
    response = await post("/whip")
    assert response.status == 201
    assert "/live/one/whip/" in response.headers["Location"]
    assert stage.offers == [OFFER]


@pytest.mark.parametrize(
    ("path", "key", "data", "headers", "status", "code"),
    [
        ("/live/one/whip", "", OFFER, {}, 401, "key_missing"),
        ("/live/one/whip", "", OFFER, {"Authorization": "Basic abc"}, 401, "key_missing"),
        ("/live/one/whip", OTHER_KEY, OFFER, {}, 403, "wrong_key"),
        ("/live/keyless/whip", "x", OFFER, {}, 404, "unknown_show"),
        ("/live/none/whip", KEY, OFFER, {}, 404, "unknown_show"),
        ("/whip", "wrong", OFFER, {}, 403, "wrong_key"),
        ("/whip", "", OFFER, {}, 401, "key_missing"),
        ("/live/one/whip", KEY, OFFER, {"Content-Type": "text/plain"}, 415, "wrong_content_type"),
        ("/live/one/whip", KEY, "hello", {}, 400, "offer_malformed"),
        ("/live/one/whip", KEY, "v" * 65_537, {}, 413, "too_large"),
    ],
)
async def test_what_is_refused_and_how(
    post: Post,
    stage: FakeStage,
    path: str,
    key: str,
    data: str,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    response = await post(path, key, data.encode(), **headers)
    assert (response.status, await _code(response)) == (status, code)
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert ("WWW-Authenticate" in response.headers) == (status == 401)
    assert stage.sessions == []


async def test_an_offer_that_is_no_text_is_refused(post: Post) -> None:
    response = await post(data=b"\xff\xfe")
    assert (response.status, await _code(response)) == (400, "not_utf8")


async def test_content_type_parameters_and_case_are_accepted(post: Post) -> None:
    assert (await post(**{"Content-Type": "Application/SDP; charset=utf-8"})).status == 201


async def test_the_preflight_needs_no_key(client: Client) -> None:
    response = await client.options("/live/one/whip")
    assert response.status == 204
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    allowed = response.headers["Access-Control-Allow-Headers"].lower()
    assert "authorization" in allowed
    assert "content-type" in allowed
    assert response.headers["Accept-Post"] == "application/sdp"


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
async def test_the_endpoint_takes_post_alone(client: Client, method: str) -> None:
    response = await client.request(method, "/live/one/whip", headers=_bearer(KEY))
    assert response.status == 405
    assert "POST" in response.headers["Allow"]


async def test_a_session_ends_once_and_if_match_plays_no_part(
    post: Post, client: Client, stage: FakeStage
) -> None:
    location = (await post()).headers["Location"]
    path = location[location.index("/live/") :]
    for headers, status in (({}, 401), (_bearer(OTHER_KEY), 403)):
        assert (await client.delete(path, headers=headers)).status == status
    assert len(stage.sessions) == 1
    first = await client.delete(path, headers={**_bearer(KEY), "If-Match": '"other"'})
    again = await client.delete(path, headers=_bearer(KEY))
    assert (first.status, again.status) == (200, 404)
    assert (await post()).status == 201


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
async def test_a_session_takes_patch_and_delete_alone(
    post: Post, client: Client, method: str
) -> None:
    location = (await post()).headers["Location"]
    path = location[location.index("/live/") :]
    response = await client.request(method, path, headers=_bearer(KEY))
    assert response.status == 405
    assert "DELETE" in response.headers["Allow"]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({**PATCH_TYPE, "If-Match": "own"}, FRAGMENT, 204),
        ({**PATCH_TYPE, "If-Match": '"stale"'}, FRAGMENT, 412),
        (PATCH_TYPE, FRAGMENT, 428),
        ({"Content-Type": "text/plain", "If-Match": "own"}, FRAGMENT, 415),
        ({**PATCH_TYPE, "If-Match": "own"}, "no fragment", 400),
        ({**PATCH_TYPE, "If-Match": "own"}, "", 400),
        ({**PATCH_TYPE, "If-Match": "own"}, FRAGMENT.replace("abcd", "efgh"), 422),
        ({**PATCH_TYPE, "If-Match": "*"}, FRAGMENT, 422),
        ({**PATCH_TYPE, "If-Match": '"stale", own'}, FRAGMENT, 204),
        ({**PATCH_TYPE, "If-Match": "W/own"}, FRAGMENT, 412),
        ({**PATCH_TYPE, "If-Match": " , "}, FRAGMENT, 428),
        ({**PATCH_TYPE, "If-Match": "own"}, FRAGMENT + "a=candidate:1 1 UDP 1 a 1 host\r\n", 204),
        ({**PATCH_TYPE, "If-Match": "own"}, FRAGMENT + "a=candidate:1\r\n" * 500, 400),
        ({**PATCH_TYPE, "If-Match": "own"}, "a" * 70_000, 413),
        ({"If-Match": "own"}, FRAGMENT, 415),
    ],
)
async def test_trickle_is_acknowledged_and_a_restart_declined(
    post: Post,
    client: Client,
    stage: FakeStage,
    headers: dict[str, str],
    body: str,
    status: int,
) -> None:
    created = await post()
    path = created.headers["Location"].split(str(client.port), 1)[1]
    own = {k: v.replace("own", created.headers["ETag"]) for k, v in headers.items()}
    response = await client.patch(path, data=body.encode(), headers={**_bearer(KEY), **own})
    assert response.status == status
    assert len(stage.sessions) == 1


async def test_unknown_sessions_are_not_found(client: Client) -> None:
    for method in ("PATCH", "DELETE"):
        response = await client.request(
            method, "/live/one/whip/none", headers={**_bearer(KEY), **PATCH_TYPE}
        )
        assert (response.status, await _code(response)) == (404, "unknown_session")


async def test_a_publish_that_is_refused_by_the_show_keeps_its_status(post: Post) -> None:
    assert (await post()).status == 201
    response = await post()
    assert (response.status, await _code(response)) == (409, "already_live")


async def test_every_row_of_the_table_is_kept_cell_by_cell(client: Client) -> None:
    rows = {row: roles for row, roles in PERMISSIONS.items() if " /api/" not in row}
    for row, roles in rows.items():
        method, path = row.split(" ", 1)
        path = path.replace("{show}", "one").replace("{session}", "none")
        anonymous = await client.request(method, path, data=b"", headers=SDP_TYPE)
        stranger = await client.request(
            method, path, data=b"", headers={**SDP_TYPE, **_bearer("another-key-entirely")}
        )
        host = await client.request(method, path, data=b"", headers={**SDP_TYPE, **_bearer(KEY)})
        assert host.status not in (401, 403), row
        if Role.ANYONE in roles:
            assert anonymous.status in (200, 204), row
        else:
            assert (anonymous.status, stranger.status) == (401, 403), row


async def test_what_has_no_row_is_not_there(client: Client) -> None:
    response = await client.get("/api/v1/anything")
    assert (response.status, await _code(response)) == (404, "not_found")


@given(st.text(max_size=300))
def test_any_text_is_a_fragment_or_a_sentence(text: str) -> None:
    try:
        ufrag = parse_fragment(text)
    except FragmentError as exc:
        assert str(exc).endswith(".")
    else:
        assert ufrag is None or ufrag.isascii()
