"""Who may come in: counts by address, the load, and what the limit of open files bears."""

import ipaddress
import resource
from typing import Any

import pytest

from mediaserver.errors import StartError
from mediaserver.gateway.hot import admission
from mediaserver.gateway.hot.admission import Admission, Load, connections_possible
from mediaserver.gateway.hot.limits import Limits

SECOND_NS = 1_000_000_000


def test_an_address_may_come_again_when_it_has_left() -> None:
    door = Admission(Limits(connections_per_address=1))
    who, refusal = door.enter("192.0.2.1")
    assert refusal is None
    again, refusal = door.enter("192.0.2.1")
    assert refusal == "address"
    assert door.enter("192.0.2.2")[1] is None
    door.leave(who, None)
    door.leave(again, refusal)
    assert door.enter("192.0.2.1")[1] is None


def test_a_network_of_ipv6_is_one_party_and_proxies_are_none() -> None:
    proxy = (ipaddress.ip_network("192.0.2.0/24"),)
    door = Admission(Limits(connections_per_address=1), exempt=proxy)
    assert door.enter("2001:db8::1")[1] is None
    assert door.enter("2001:db8::2")[1] == "address"
    assert [door.enter("192.0.2.9") for _ in range(3)] == [(None, None)] * 3


def test_beyond_those_who_are_told_there_is_no_answer() -> None:
    door = Admission(Limits(max_connections=2, connections_per_address=1000))
    refusals = [door.enter("192.0.2.1")[1] for _ in range(2 + admission.MAX_TURNED_AWAY)]
    assert refusals[:3] == [None, None, "full"]
    assert refusals[3:] == ["full"] * (admission.MAX_TURNED_AWAY - 1)
    assert door.overrun("192.0.2.1")
    assert not door.overrun(None)
    door.enter("198.51.100.7")
    assert door.overrun(None)


def test_who_is_refused_is_not_counted_and_few_of_a_party_are_told() -> None:
    door = Admission(Limits(max_connections=100, connections_per_address=5))
    entered = [door.enter("192.0.2.1") for _ in range(100)]
    assert [refusal for _, refusal in entered] == [None] * 5 + ["address"] * 95
    assert door.open == 5
    assert door.overrun("192.0.2.1")
    assert not door.overrun("192.0.2.2")
    assert door.enter("192.0.2.2") == ("192.0.2.2", None)
    for who, refusal in entered[5 + admission.MAX_TURNED_AWAY_OF_A_PARTY :]:
        door.leave(who, refusal)
    assert not door.overrun("192.0.2.1")
    assert door.enter("192.0.2.1")[1] == "address"
    assert door.overrun("192.0.2.1")


def test_when_all_have_left_nothing_is_kept() -> None:
    door = Admission(Limits(max_connections=20, connections_per_address=5))
    entered = [door.enter(f"192.0.2.{n % 7}") for n in range(60)]
    for who, refusal in entered:
        door.leave(who, refusal)
    assert (door.open, door._turned_away) == (0, 0)
    assert not door._by_party
    assert not door._turned_away_of


def test_the_load_follows_the_cpu_within_seconds_and_forgets() -> None:
    cpu = [0]
    load = Load(lambda: cpu[0], 0)
    for second in range(1, 7):
        cpu[0] += SECOND_NS * 8 // 10
        load.sample(second * SECOND_NS)
    assert load.share == pytest.approx(0.8, abs=0.05)
    for second in range(7, 13):
        load.sample(second * SECOND_NS)
    assert load.share < 0.05


@pytest.mark.parametrize(
    ("limit", "wanted", "possible", "raised_to"),
    [
        ((20_000, 20_000), 16_000, 16_000, None),
        ((1024, 65_536), 16_000, 16_000, 16_640),
        ((1024, 4096), 16_000, 3456, 4096),
        ((1024, resource.RLIM_INFINITY), 100, 100, None),
    ],
)
def test_the_limit_of_open_files_is_raised_or_obeyed(
    monkeypatch: pytest.MonkeyPatch,
    limit: tuple[int, int],
    wanted: int,
    possible: int,
    raised_to: int | None,
) -> None:
    raised: list[Any] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limit)
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: raised.append(new))
    assert connections_possible(wanted) == possible
    assert raised == ([(raised_to, limit[1])] if raised_to else [])


def test_too_few_open_files_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    with pytest.raises(StartError, match=r"may open 256 files.*needs a limit.*16640\.$"):
        connections_possible(16_000)
