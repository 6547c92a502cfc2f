"""Keys cannot be guessed at any speed, and limits count whole networks."""

from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from mediaserver.api import access
from mediaserver.api.access import WRONG_KEYS_PER_MINUTE, Caller
from mediaserver.api.endpoints import Ask
from mediaserver.auth import Role

HOST, OTHER_HOST = "the-host-key-of-show-one", "the-host-key-of-show-two"
OPERATOR = "the-key-of-the-operator"


async def _asked(api: Any, key: str, address: str) -> tuple[int, str | None]:
    headers = {"Authorization": f"Bearer {key}", "X-Forwarded-For": address}
    async with api.client.get("/api/v1/shows/one/cues", headers=headers) as response:
        return response.status, response.headers.get("Retry-After")


@pytest.mark.parametrize("right", [HOST, OPERATOR])
async def test_who_guesses_waits_even_with_the_right_key(api: Any, right: str) -> None:
    for n in range(WRONG_KEYS_PER_MINUTE):
        assert await _asked(api, f"guess-{n}", "192.0.2.1") == (403, None)
    for key in ("one-more", right):
        status, wait = await _asked(api, key, "192.0.2.1")
        assert status == 429
        assert 1 <= int(wait or 0) <= 60
    assert (await _asked(api, right, "192.0.2.2"))[0] == 200


async def test_an_ipv6_network_guesses_as_one(api: Any) -> None:
    for n in range(WRONG_KEYS_PER_MINUTE):
        assert (await _asked(api, f"guess-{n}", f"2001:db8:1:2::{n:x}"))[0] == 403
    assert (await _asked(api, HOST, "2001:db8:1:2:ffff::1"))[0] == 429
    assert (await _asked(api, HOST, "2001:db8:1:3::1"))[0] == 200


async def test_a_page_with_an_old_key_locks_nobody_out(api: Any) -> None:
    for _ in range(3 * WRONG_KEYS_PER_MINUTE):
        assert (await _asked(api, OTHER_HOST, "192.0.2.1"))[0] == 403
    assert (await _asked(api, HOST, "192.0.2.1"))[0] == 200


async def test_what_is_remembered_of_wrong_keys_is_bounded(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "MAX_WRONG_KEYS", 5)
    for n in range(WRONG_KEYS_PER_MINUTE - 1):
        await _asked(api, f"guess-{n}", "192.0.2.1")
    await _asked(api, "guess-0", "192.0.2.1")
    assert (await _asked(api, "another", "192.0.2.1"))[0] == 429, "guess-0 was forgotten: counted"


@pytest.mark.parametrize(
    ("forwarded", "counted"),
    [
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.1"),
    ],
)
def test_limits_count_parties(forwarded: str, counted: str) -> None:
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": forwarded})
    ask = Ask(request=request, caller=Caller(role=Role.ANYONE), form=None)
    assert ask.address == counted
