"""The envelope of every box (ISO/IEC 14496-12 §4.2)."""

import struct

_HEAD = struct.Struct(">I4s")
_FULL_HEAD = struct.Struct(">I4sI")


def box(kind: bytes, *payload: bytes) -> bytes:
    """A box of four-character type `kind` around `payload`."""
    body = b"".join(payload)
    return _HEAD.pack(_HEAD.size + len(body), kind) + body


def full_box(kind: bytes, version: int, flags: int, *payload: bytes) -> bytes:
    """A box that begins with a version and 24 bits of flags."""
    body = b"".join(payload)
    return _FULL_HEAD.pack(_FULL_HEAD.size + len(body), kind, version << 24 | flags) + body
