"""The made-up bytes of a part, as `c/common.h` describes them: each word is known beforehand."""

import struct

import numpy as np
import numpy.typing as npt

MAGIC = 0x54524150544D4F43
HEAD = struct.Struct("<5Q")
_MASK = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def filler(number: int, length: int) -> bytes:
    """What follows the head of part `number` of `length` bytes (a multiple of 8)."""
    places = np.arange(HEAD.size // 8, length // 8, dtype=np.uint64)
    return _mixed(places + np.uint64(number * _GOLDEN & _MASK)).astype("<u8").tobytes()


def head(number: int, length: int, stamp_ns: int) -> bytes:
    """The head of a part that is made at `stamp_ns` of the monotonic clock."""
    check = _mixed_one(_mixed_one(_mixed_one(number) ^ stamp_ns) ^ length)
    return HEAD.pack(MAGIC, number, stamp_ns, length, check)


def _mixed(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(_FIRST)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(_SECOND)
    return x ^ (x >> np.uint64(31))


def _mixed_one(x: int) -> int:
    x = (x ^ x >> 30) * _FIRST & _MASK
    x = (x ^ x >> 27) * _SECOND & _MASK
    return x ^ x >> 31
