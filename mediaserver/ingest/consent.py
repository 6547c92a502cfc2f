"""Consent to send (RFC 7675): whether the publisher still wants what we send, and how far it is.

A check that is lost is not repeated: so each answer tells the round-trip time, and may take as long
as a line with full queues needs.

FFmpeg's muxer, 8 as 9, answers no check once its media flows. So what only the publisher can send
from the address that has proved itself is consent as well: media in its keys, and checks with our
password. We send nothing but reports on what comes from there.
"""

import random
import time
from collections.abc import Callable
from typing import Protocol

from aioice import stun

Address = tuple[str, int]

INTERVAL_S = 5.0
"""The mean time between checks (RFC 7675 §5.1)."""
EXPIRES_S = 30.0
"""Without consent for so long nothing may be sent any more (RFC 7675 §5.1)."""
MAX_CHECKS = 4
"""Older ones that were not answered are given up."""
_RTT_GAIN = 0.5


class Awaited(Protocol):
    """A check of ours that awaits its answer."""

    def response_received(self, message: stun.Message, addr: Address) -> None:
        """An answer with its transaction id has come, from whomever."""


class Consent:
    """The consent of one publisher. `transactions` is where the port looks up answers."""

    def __init__(self, transactions: dict[bytes, Awaited]) -> None:
        self.rtt_s: float | None = None
        """The time that answers take, smoothed; None before the first."""
        self._transactions = transactions
        self._given_s = 0.0
        self._checks: list[_Check] = []

    @property
    def left_s(self) -> float:
        """How much longer we may send; not above zero when consent has expired."""
        return self._given_s + EXPIRES_S - time.monotonic()

    def renew(self) -> None:
        """The publisher has just agreed."""
        self._given_s = time.monotonic()

    def heard(self, at_ns: int) -> None:
        """Something that only the publisher can send came then, on the monotonic clock."""
        self._given_s = max(self._given_s, at_ns / 1e9)

    def answered(self, after_s: float) -> None:
        """The publisher has answered a check of ours after so long."""
        self.renew()
        before_s = after_s if self.rtt_s is None else self.rtt_s
        self.rtt_s = before_s + _RTT_GAIN * (after_s - before_s)

    def expect(self, request: stun.Message, address: Address, *, key: bytes) -> None:
        """Await the answer to `request`, which is sent now."""
        while len(self._checks) >= MAX_CHECKS:
            self._checks.pop(0).forget()
        check = _Check(request.transaction_id, address, key, self._transactions, self.answered)
        self._checks.append(check)

    def forget(self) -> None:
        """No answer is awaited any more."""
        for check in self._checks:
            check.forget()
        self._checks.clear()


def pause_s() -> float:
    """Until the next check, between 0.8 and 1.2 of the interval (RFC 7675 §5.1)."""
    return INTERVAL_S * random.uniform(0.8, 1.2)  # noqa: S311 - a jitter


class _Check:
    """One check on its way: registered with the port until answered or forgotten."""

    def __init__(
        self,
        transaction_id: bytes,
        address: Address,
        key: bytes,
        transactions: dict[bytes, Awaited],
        answered: Callable[[float], None],
    ) -> None:
        self._id = transaction_id
        self._address = address
        self._key = key
        self._transactions = transactions
        self._answered = answered
        self._sent_s = time.monotonic()
        transactions[transaction_id] = self

    def response_received(self, message: stun.Message, addr: Address) -> None:
        """Count an authentic answer from the address that was asked (RFC 8445 §7.2.5.2.1)."""
        success = message.message_class == stun.Class.RESPONSE
        if success and addr == self._address and message.check_message_integrity(self._key):
            self.forget()
            self._answered(time.monotonic() - self._sent_s)

    def forget(self) -> None:
        """No answer is awaited any more."""
        self._transactions.pop(self._id, None)
