"""Codes of coupons: how they are written, made and claimed. Pure.

A coupon has either one code for everybody (`Terms.shared_code`), said on air, or codes that are
each claimed once: made here, or uploaded. A viewer has one claim of a coupon, and a claim pays for
one order; it is free again when that order is cancelled or not paid in time.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from overlay.errors import InvalidInput

MIN_CODE_CHARS = 3
MAX_CODE_CHARS = 40
MAX_CODES = 10_000
"""Of one coupon, and in one upload."""
CLAIM_GRACE_US = 30 * 60 * 1_000_000
"""How long after its offer's end a claimed code may be used: who claimed it in time has begun to
check out."""

_CODE = re.compile(rf"[A-Z0-9_-]{{{MIN_CODE_CHARS},{MAX_CODE_CHARS}}}")
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(slots=True, kw_only=True)
class CodeClaim:
    """A row of `claims`: a viewer has a code."""

    show: str
    offer: str
    viewer: str = field(repr=False)
    code: str = field(repr=False)
    utc_us: int
    order_number: str | None = None
    """The order that it paid for."""
    judged: dict[str, Any] | None = None
    """By what it was in time (`overlay.orders.judgement`); None of one that was read."""


@dataclass(slots=True, kw_only=True)
class Code:
    """A row of `codes`."""

    show: str
    code: str = field(repr=False)
    offer: str
    quota: int
    claimed: int


def normal(value: Any, where: str) -> str:
    """A code as it is compared: capitals, no blanks around it. Raises `InvalidInput`."""
    code = value.strip().upper() if isinstance(value, str) and len(value) <= 100 else ""
    if not _CODE.fullmatch(code):
        raise InvalidInput(
            f"{where} must have {MIN_CODE_CHARS} to {MAX_CODE_CHARS} letters without accents, "
            "digits, _ and -.",
            field=where,
        )
    return code


def uploaded(values: Any) -> tuple[str, ...]:
    """The codes of a list, each once. Raises `InvalidInput` naming the row."""
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise InvalidInput("codes must be a list of texts.", field="codes")
    if not 1 <= len(values) <= MAX_CODES:
        raise InvalidInput(f"A coupon has 1 to {MAX_CODES} codes.", field="codes")
    found: dict[str, int] = {}
    for n, value in enumerate(values):
        code = normal(value, f"codes.{n}")
        if code in found:
            raise InvalidInput(
                f"codes.{n} is the same code as codes.{found[code]}.", field=f"codes.{n}"
            )
        found[code] = n
    return tuple(found)


def made() -> str:
    """A code that nobody guesses, and anybody can read out: 58 bits."""
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in os.urandom(12))
