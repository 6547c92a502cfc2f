"""Attribute lists and their values (rfc8216bis §4.2), and ticks as seconds.

Strings that cannot be said in a playlist raise `ValueError`: names reach playlists from the
configuration and from workers, and a line break in one would let it write tags of its own.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from transcoder.values import TICKS_PER_SECOND

_MICROSECONDS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAME = re.compile(r"[A-Z0-9-]+")
_ENUMERATED = re.compile(r"[^\s\",]+")
_URI = re.compile(r"[!-~]+")


def attribute_list(attributes: Iterable[tuple[str, str]]) -> str:
    """``NAME=value,NAME=value``; values are already in their own form (`quoted`, `enumerated`, …).

    §4.2: "An AttributeName is an unquoted string containing characters from the set [A..Z],
    [0..9] and '-'. […] A given AttributeName MUST NOT appear more than once".
    """
    seen: dict[str, str] = {}
    for name, value in attributes:
        if not _NAME.fullmatch(name) or name in seen:
            raise ValueError(f"{name!r} is no attribute name, or stands here twice")
        seen[name] = value
    return ",".join(f"{name}={value}" for name, value in seen.items())


def quoted(text: str) -> str:
    """A quoted-string: no line feed, carriage return or double quote within (§4.2)."""
    if '"' in text or not text.isprintable():
        raise ValueError(f"{text[:60]!r} cannot stand in a quoted string")
    return f'"{text}"'


def enumerated(text: str) -> str:
    """An enumerated-string: no double quote, comma or whitespace within (§4.2)."""
    if not _ENUMERATED.fullmatch(text):
        raise ValueError(f"{text[:60]!r} is no enumerated string")
    return text


def uri_line(uri: str) -> str:
    """A URI on a line of its own. §4.1: a line that begins with # is a comment or a tag."""
    if not _URI.fullmatch(uri) or uri.startswith("#"):
        raise ValueError(f"{uri[:60]!r} is no URI line")
    return uri


def seconds(ticks: int) -> str:
    """Ticks as a decimal-floating-point number of seconds, to the nearest microsecond.

    The rounding is monotonic, so no part is printed longer than a target printed with
    `microseconds_up`, and six decimals keep the sum of a segment's parts within 10 µs of its
    EXTINF.
    """
    return decimal_us((ticks * _MICROSECONDS + TICKS_PER_SECOND // 2) // TICKS_PER_SECOND)


def microseconds_up(ticks: int) -> int:
    """Ticks as microseconds, rounded up: for limits that must never fall below what they limit."""
    return -(-ticks * _MICROSECONDS // TICKS_PER_SECOND)


def decimal_us(microseconds: int) -> str:
    """Microseconds as a decimal-floating-point number of seconds, exactly."""
    whole, fraction = divmod(microseconds, _MICROSECONDS)
    return f"{whole}.{fraction:06d}"


def date(utc_us: int) -> str:
    """Unix microseconds as ISO 8601 in UTC, to the nearest millisecond (§4.4.4.6).

    Raises ValueError past the year 9999.
    """
    try:
        at = _EPOCH + timedelta(milliseconds=(utc_us + 500) // 1000)
    except OverflowError:
        raise ValueError(f"{utc_us} µs is no date") from None
    return at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
