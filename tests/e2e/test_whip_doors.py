"""WHIP through the whole server: limits for each address, also behind a proxy, and ICE servers."""

from collections.abc import Iterator

import aiohttp
import pytest

from bench.node import Node

pytestmark = pytest.mark.media

KEY = "host-key-of-the-tests"
SECRET = "password-of-the-turn-server"
TURN = {"urls": ["turn:turn.example.org"], "username": "comptoir", "credential": SECRET}
PER_MINUTE = 4


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A server behind a proxy on the same machine, which allows little."""
    settings = {
        "http": {"trusted_proxies": ["127.0.0.1"]},
        "webrtc": {"new_sessions_per_minute": PER_MINUTE, "ice_servers": [TURN]},
    }
    folder = tmp_path_factory.mktemp("node")
    with Node(folder=folder, shows={"show1": KEY}, settings=settings) as running:
        yield running
    assert SECRET not in running.log()
    assert KEY not in running.log()


async def asked(http: aiohttp.ClientSession, url: str, address: str, *, key: str = KEY) -> int:
    """The status of a POST that a proxy hands on for `address`."""
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/sdp",
        "X-Forwarded-For": address,
    }
    async with http.post(url, data=b"no offer", headers=headers) as response:
        if response.status == 429:
            assert 1 <= int(response.headers["Retry-After"]) <= 60
            assert (await response.json())["error"]["code"] == "too_many_requests"
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        return response.status


async def test_each_address_behind_the_proxy_has_a_limit_of_its_own(
    node: Node, http: aiohttp.ClientSession
) -> None:
    url = node.whip_url("show1")
    statuses = [await asked(http, url, "192.0.2.1") for _ in range(PER_MINUTE + 1)]
    assert statuses == [400] * PER_MINUTE + [429]
    guesses = [await asked(http, url, "192.0.2.2", key="a-guess") for _ in range(PER_MINUTE + 1)]
    assert guesses == [403] * PER_MINUTE + [429]
    assert await asked(http, url, "192.0.2.2") == 429
    assert await asked(http, url, "192.0.2.3") == 400


async def test_a_host_is_told_the_ice_servers(node: Node, http: aiohttp.ClientSession) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "X-Forwarded-For": "192.0.2.9"}
    async with http.options(node.whip_url("show1"), headers=headers) as response:
        link = response.headers["Link"]
    assert link.startswith('<turn:turn.example.org>; rel="ice-server"; username="comptoir"; ')
    async with http.options(node.whip_url("show1")) as response:
        assert "Link" not in response.headers
