"""The judgement of the crowd's sale: what is wrong fails it, what is slow does not."""

import pytest

from bench.bottles import faults, judgements
from bench.report import Figure

RIGHT: dict[str, Figure] = {
    "sold": 100, "lost": 0, "duplicated": 0, "oversold": 0, "given_up": 0, "findings": 0,
    "orders_per_s": 1_200.0, "p99_ms": 80.0, "ledger_reservations_per_s": 25_000.0,
    "group_commit_ratio": 20.0,
}  # fmt: skip


def test_a_right_sale_has_no_faults() -> None:
    assert faults(RIGHT, 100) == []


@pytest.mark.parametrize("name", ["lost", "duplicated", "oversold", "given_up", "findings"])
def test_one_of_these_is_a_fault(name: str) -> None:
    assert faults({**RIGHT, name: 1}, 100) == [f"{name} is 1, not 0."]


def test_every_unit_must_be_sold() -> None:
    assert faults({**RIGHT, "sold": 99}, 100) == ["99 of 100 were sold."]


def test_a_slow_sale_says_so_and_is_no_fault() -> None:
    slow: dict[str, Figure] = {**RIGHT, "orders_per_s": 900.0, "p99_ms": 501.0}
    assert faults(slow, 100) == []
    assert [line.endswith("MISSED") for line in judgements(slow)] == [True, True, False, False]
    assert not any("MISSED" in line for line in judgements(RIGHT))
