"""Money as people and programs write it, to and from integers of the currency's minor unit.

Exact: no floating point anywhere. What could mean two amounts is refused, never guessed.
"""

import re

from overlay.errors import InvalidInput

_DECIMALS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI",
         "VND", "VUV", "XAF", "XOF", "XPF"),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}  # fmt: skip
"""ISO 4217; all others have 2."""

MAX_CHARS = 40
_PLAIN = re.compile(r"[0-9]{1,15}(?:\.([0-9]{1,15}))?")
_WRITTEN = re.compile(r"[0-9][0-9.,'’\u0020\u00a0\u202f]*")
_GROUPING = re.compile(r"['’\u0020\u00a0\u202f]")
_SYMBOLS = re.compile(r"[€$£¥]|\bCHF\b")


def decimals(currency: str) -> int:
    """How many decimals the currency has."""
    return _DECIMALS.get(currency, 2)


def written(minor: int, currency: str) -> str:
    """``12.90``: with a point, every decimal, and nothing else."""
    digits = decimals(currency)
    whole, rest = divmod(minor, 10**digits)
    return f"{whole}.{rest:0{digits}}" if digits else str(whole)


def plain_minor(text: str, currency: str, field: str) -> int:
    """Of ``12.90`` as programs write it: digits, at most one point. Raises `InvalidInput`."""
    text = text.strip()
    match = _PLAIN.fullmatch(text)
    if match is None:
        raise _refused(text, field)
    whole, _, fraction = text.partition(".")
    return _minor(whole, fraction, currency, field, text)


def people_minor(text: str, currency: str, field: str) -> int:
    """Of ``12.90``, ``12,90``, ``1,299.00``, ``1.299,00``, ``1 299,00``, ``€ 12.90``.

    Where both are there, the last of point and comma is the decimal one. One alone before three
    digits (``1.299``) could be either and is refused, unless the currency has three decimals and it
    is a point. Raises `InvalidInput`.
    """
    given = text.strip()
    bare = _SYMBOLS.sub("", given[:MAX_CHARS]).strip()
    if len(given) > MAX_CHARS or not _WRITTEN.fullmatch(bare):
        raise _refused(given, field)
    mark = max((mark for mark in ".," if mark in bare), key=bare.rfind, default="")
    if not mark:
        return _minor(_ungrouped(bare, "", given, field), "", currency, field, given)
    whole, _, fraction = bare.rpartition(mark)
    other = "," if mark == "." else "."
    if mark in whole:
        if other in bare:
            raise _refused(given, field)
        return _minor(_ungrouped(bare, mark, given, field), "", currency, field, given)
    alone = other not in whole and not _GROUPING.search(whole)
    if alone and len(fraction) == 3 and not (decimals(currency) == 3 and mark == "."):
        raise InvalidInput(
            f"{field}: {_short(given)} could be two amounts. Write 1299.00 for the greater, or two "
            "decimals for the smaller.",
            field=field,
        )
    if not fraction.isascii() or not fraction.isdigit():
        raise _refused(given, field)
    return _minor(_ungrouped(whole, other, given, field), fraction, currency, field, given)


def _ungrouped(whole: str, mark: str, given: str, field: str) -> str:
    """Digits without the marks between thousands, which must stand before every three digits."""
    groups = re.split(rf"{_GROUPING.pattern}{'|' + re.escape(mark) if mark else ''}", whole)
    regular = len(groups) == 1 or (
        1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
    )
    digits = "".join(groups)
    if not regular or not digits.isdigit():
        raise _refused(given, field)
    return digits


def _minor(whole: str, fraction: str, currency: str, field: str, given: str) -> int:
    digits = decimals(currency)
    kept, rest = fraction[:digits], fraction[digits:]
    if rest.strip("0"):
        raise InvalidInput(
            f"{field}: {_short(given)} has more decimals than {currency} has ({digits}).",
            field=field,
        )
    return int(whole + kept.ljust(digits, "0"))


def _refused(text: str, field: str) -> InvalidInput:
    if text.lstrip("€$£¥ ").startswith("-"):
        return InvalidInput(f"{field}: {_short(text)} is less than nothing.", field=field)
    return InvalidInput(f"{field}: {_short(text)} is no amount such as 12.90.", field=field)


def _short(text: str) -> str:
    """Enough of it to find it again, without what could disturb the sentence."""
    clean = "".join(c if c.isprintable() else "?" for c in text[:MAX_CHARS])
    return f"“{clean}”" if len(text) <= MAX_CHARS else f"“{clean}…”"
