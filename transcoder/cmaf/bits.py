"""Reading bit fields: fixed widths and Exp-Golomb codes (ITU-T H.264 §9.1)."""

from transcoder.errors import MediaError

_MAX_ZEROS = 31
"""An Exp-Golomb code has at most 32 significant bits (H.264 §9.1)."""


class BitReader:
    """Reads bits from the front of `data`. Raises `MediaError` past the end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def bits(self, count: int) -> int:
        """The next `count` bits as an unsigned number."""
        if count > self._left:
            raise MediaError("a codec header ends too early")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def flag(self) -> bool:
        """The next bit."""
        return self.bits(1) == 1

    def ue(self) -> int:
        """An unsigned Exp-Golomb code."""
        zeros = 0
        while not self.flag():
            zeros += 1
            if zeros > _MAX_ZEROS:
                raise MediaError("a codec header holds a number that is too long")
        return (1 << zeros) - 1 + self.bits(zeros)

    def se(self) -> int:
        """A signed Exp-Golomb code."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)
