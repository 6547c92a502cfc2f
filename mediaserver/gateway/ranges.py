"""Single byte ranges (RFC 9110 §14). Pure, for bytes that are all in memory."""

import re
from dataclasses import dataclass

_BYTES_RANGE = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.IGNORECASE)
_MAX_DIGITS = 18


class Unsatisfiable(ValueError):
    """A valid range that begins past the end: 416 (RFC 9110 §15.5.17)."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes `first` to `last`, both included, of `size`."""

    first: int
    last: int
    size: int

    @property
    def content_range(self) -> str:
        """The value of Content-Range (§14.4)."""
        return f"bytes {self.first}-{self.last}/{self.size}"

    def cut(self, body: bytes) -> bytes:
        """The bytes themselves."""
        return body[self.first : self.last + 1]


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """The range that a Range header asks for of `size` bytes; None means the whole.

    §14.2: "A server MAY ignore the Range header field", which is done for other units, several
    ranges and whatever is malformed. Raises `Unsatisfiable`.
    """
    match = _BYTES_RANGE.fullmatch(header) if header else None
    if match is None:
        return None
    first, last = match[1], match[2]
    if first:
        return _from_first(_number(first), last, size)
    if not last:
        return None
    # §14.1.2: a suffix-range; longer than the whole it is the whole
    length = min(_number(last), size)
    if length == 0:
        raise Unsatisfiable
    return ByteRange(size - length, size - 1, size)


def _from_first(first: int, last_digits: str, size: int) -> ByteRange | None:
    last = _number(last_digits) if last_digits else size - 1
    if last_digits and last < first:
        return None  # §14.1.2: "An int-range is invalid if the last-pos […] is less than first-pos"
    if first >= size:
        raise Unsatisfiable
    return ByteRange(first, min(last, size - 1), size)


def _number(digits: str) -> int:
    """The digits' value, or one past every size: their count is a stranger's."""
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= _MAX_DIGITS else 10**_MAX_DIGITS
