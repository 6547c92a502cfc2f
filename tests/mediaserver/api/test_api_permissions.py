"""Every cell of the permission table that the API has, and the ways around it."""

import itertools
from typing import Any

import pytest

from mediaserver.auth import PERMISSIONS, Role

HOST, OTHER_HOST = "the-host-key-of-show-one", "the-host-key-of-show-two"
OPERATOR = "the-key-of-the-operator"
API_ROWS = [row for row in PERMISSIONS if " /api/v1/" in row]
JSON_TYPE = {"Content-Type": "application/json"}

CALLERS: dict[str, tuple[Role, dict[str, str]]] = {
    "anyone": (Role.ANYONE, {}),
    "host": (Role.HOST, {"Authorization": f"Bearer {HOST}"}),
    "operator": (Role.OPERATOR, {"Authorization": f"Bearer {OPERATOR}"}),
    "viewer": (Role.VIEWER, {}),
}


async def _status(api: Any, row: str, headers: dict[str, str], **path: str) -> int:
    method, pattern = row.split(" ", 1)
    address = pattern.format(**{"show": "one", "id": "none", "message": "none", **path})
    async with api.client.request(
        method, address, data=b"{}", headers={**JSON_TYPE, **headers}
    ) as response:
        return int(response.status)


@pytest.mark.parametrize("row", API_ROWS)
async def test_each_cell(api: Any, row: str) -> None:
    """A server a row; the viewer comes last, since their cookie stays."""
    for caller, (role, headers) in CALLERS.items():
        if role is Role.VIEWER:
            await api.become_viewer()
        status = await _status(api, row, headers)
        may = Role.ANYONE in PERMISSIONS[row] or role in PERMISSIONS[row]
        assert (status not in (401, 403)) is may, (caller, status)


def test_every_row_has_its_endpoint_and_every_endpoint_its_row(api: Any) -> None:
    assert sorted(endpoint.row for endpoint in api.endpoints) == sorted(API_ROWS)


async def test_a_host_key_opens_its_own_show_alone(api: Any) -> None:
    hosts = [row for row in API_ROWS if Role.HOST in PERMISSIONS[row]]
    rows = [row for row in hosts if Role.ANYONE not in PERMISSIONS[row]]
    assert len(rows) > 20
    for row, key in itertools.product(rows, (OTHER_HOST, "something-else-entirely")):
        assert await _status(api, row, {"Authorization": f"Bearer {key}"}) == 403, (row, key)


async def test_a_viewer_who_posts_a_cue_is_told_so(api: Any) -> None:
    await api.become_viewer()
    status, plain = await api.call("POST /shows/one/cues", json={"type": "pin", "product": "a"})
    assert (status, plain["error"]["code"]) == (403, "not_for_viewers")


async def test_an_unknown_show_is_not_found_by_those_who_may_ask(api: Any) -> None:
    assert (await api.call("GET /shows/none/products"))[0] == 404
    assert (await api.call("GET /shows/none", key=OPERATOR))[0] == 404
    assert (await api.call("GET /shows/none"))[0] == 401


@pytest.mark.parametrize("forged", ["", "v1.a.b", "v1." + "A" * 22 + "." + "A" * 43, "é"])
async def test_a_forged_cookie_is_no_viewer(api: Any, forged: str) -> None:
    await api.become_viewer()
    (cookie,) = list(api.client.session.cookie_jar)
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    tampered = ("B" if cookie.value[3] == "A" else "A") + cookie.value[4:]
    api.client.session.cookie_jar.clear()
    for value in (forged, "v1." + tampered):
        headers = {**JSON_TYPE, "Cookie": f"comptoir_viewer={value}"}
        assert await _status(api, "POST /api/v1/shows/{show}/orders", headers) == 401


@pytest.mark.parametrize("row", ["POST /api/v1/shows/{show}/orders", "POST /api/v1/viewer"])
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://[", "http://127.0.0.1.evil.example"]
)
async def test_another_origins_page_cannot_use_the_cookie(api: Any, row: str, origin: str) -> None:
    await api.become_viewer()
    assert await _status(api, row, {"Origin": origin}) == 403
    own = f"http://{api.client.host}:{api.client.port}"
    assert await _status(api, row, {"Origin": own}) != 403
    proxied = {"Origin": "https://live.example", "X-Forwarded-Host": "live.example"}
    assert await _status(api, row, proxied) != 403


async def test_a_form_cannot_place_an_order(api: Any) -> None:
    await api.become_viewer()
    headers = {"Content-Type": "text/plain"}
    assert await _status(api, "POST /api/v1/shows/{show}/orders", headers) == 415


async def test_a_known_viewer_stays_who_they_are(api: Any) -> None:
    await api.become_viewer()
    (before,) = list(api.client.session.cookie_jar)
    await api.become_viewer()
    (after,) = list(api.client.session.cookie_jar)
    assert before.value == after.value


async def test_public_reads_are_open_to_other_origins_without_credentials(api: Any) -> None:
    async with api.client.get("/api/v1/shows/one/products") as response:
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in response.headers
    headers = {"Authorization": f"Bearer {HOST}"}
    async with api.client.get("/api/v1/shows/one/orders", headers=headers) as response:
        assert "Access-Control-Allow-Origin" not in response.headers
