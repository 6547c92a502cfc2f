"""The door: how often an address gets in, on a clock of the test's own."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver import limits
from mediaserver.addresses import bindable, client_address, party
from mediaserver.limits import Door, RateLimiter, admit_all


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_party_gets_in_so_often_and_is_told_when_again() -> None:
    clock = Clock()
    door = Door(per_minute=3, now=clock)
    for _ in range(3):
        assert door.knock("192.0.2.1") is None
    assert door.knock("192.0.2.1") == 20
    assert door.knock("192.0.2.2") is None
    clock.now_s += 19
    assert door.knock("192.0.2.1") == 1
    clock.now_s += 1
    assert door.knock("192.0.2.1") is None
    assert door.knock("192.0.2.1") == 20


def test_who_is_refused_is_not_kept_out_for_longer() -> None:
    clock = Clock()
    door = Door(per_minute=1, now=clock)
    assert door.knock("a") is None
    for _ in range(59):
        clock.now_s += 1
        assert door.knock("a") is not None
    clock.now_s += 1
    assert door.knock("a") is None


def test_strangers_without_number_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_KEYS", 10)
    door = Door(per_minute=1, now=Clock())
    for number in range(100):
        assert door.knock(f"192.0.2.{number}") is None
    assert len(door._limiter._full_s) == 10
    assert door.knock("192.0.2.99") is not None
    assert door.knock("192.0.2.1") is None, "who was forgotten begins anew"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "other"),
        ("example.org", "other"),
    ],
)
def test_one_party_is_one_address_or_one_network(address: str, expected: str) -> None:
    assert party(address) == expected


@pytest.mark.parametrize(
    ("peer", "claims", "client"),
    [
        ("192.0.2.1", ["6.6.6.6"], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["6.6.6.6, 192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["6.6.6.6", "192.0.2.1,10.0.0.9"], "192.0.2.1"),
        ("::ffff:10.0.0.1", ["2001:db8::7"], "2001:db8::7"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("", ["6.6.6.6"], ""),
    ],
)
def test_only_trusted_proxies_say_whose_request_it_is(
    peer: str, claims: list[str], client: str
) -> None:
    trusted = [ipaddress.ip_network("10.0.0.0/8")]
    assert client_address(peer, claims, trusted) == client


@given(st.lists(st.text(max_size=40), max_size=4))
def test_whoever_is_not_trusted_is_taken_for_what_it_is(claims: list[str]) -> None:
    assert client_address("192.0.2.1", claims, [ipaddress.ip_network("10.0.0.0/8")]) == "192.0.2.1"


@given(st.text(max_size=60))
def test_any_text_is_some_party(address: str) -> None:
    assert party(address)


def test_only_all_of_ipv6_may_become_all_of_ipv4() -> None:
    assert bindable("::1") == "::1"
    assert bindable("192.0.2.1") == "192.0.2.1"
    assert bindable("::") in ("::", "0.0.0.0")  # noqa: S104 - nothing is bound


def test_whom_one_limit_refuses_no_other_counts() -> None:
    viewer, address = RateLimiter(2), RateLimiter(1)
    both = [(viewer, "v"), (address, "a")]
    assert admit_all(both, 0.0) is None
    for _ in range(5):
        assert admit_all(both, 0.0) == 60, "the address has had its share"
    assert viewer.admit("v", 0.0) is None, "which has cost the viewer nothing"
    assert admit_all([(viewer, "v"), (address, "b")], 0.0) == 30
    assert address.admit("b", 0.0) is None, "nor the other way round"


def test_looking_at_the_door_is_free() -> None:
    door = Door(per_minute=1, now=Clock())
    assert [door.wait_s("192.0.2.1") for _ in range(3)] == [None, None, None]
    assert door.knock("192.0.2.1") is None
    assert door.wait_s("192.0.2.1") == 60
