"""Minimal ID3v2.4 (id3.org, *ID3 tag version 2.4.0*): tags of plain frames, and the PRIV frame.

Written: one tag with one PRIV frame, no flags, no padding. Read: any whole tag of frames without
flags, which may come from anywhere.
"""

import re
import struct
from dataclasses import dataclass, field

from transcoder.errors import MediaError

_HEAD = struct.Struct(">3sBBB4s")
_FRAME_HEAD = struct.Struct(">4s4sH")
_FRAME_ID = re.compile(rb"[A-Z0-9]{4}")
_MAX_SYNCSAFE = 1 << 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Private:
    """A PRIV frame (*frames* §4.27): bytes, and whom they concern."""

    owner: str
    data: bytes = field(repr=False)


def private_tag(private: Private) -> bytes:
    """One tag with `private` as its one frame. Raises `MediaError` when it cannot be said."""
    if not private.owner.isascii() or "\0" in private.owner:
        raise MediaError("the owner of an ID3 frame is not plain ASCII")
    body = private.owner.encode() + b"\0" + private.data
    # §4: sizes leave out the heads, and are syncsafe in frames too (unlike version 2.3).
    frame = _FRAME_HEAD.pack(b"PRIV", _syncsafe(len(body)), 0) + body
    return _HEAD.pack(b"ID3", 4, 0, 0, _syncsafe(len(frame))) + frame


def read_private(tag: bytes) -> tuple[Private, ...]:
    """The PRIV frames of `tag`, which must be one whole ID3v2.4 tag. Raises `MediaError`.

    Other frames are passed over; padding after the frames is legal (§3.3).
    """
    found = []
    for kind, body in _frames(tag):
        if kind == b"PRIV":
            owner, zero, data = body.partition(b"\0")
            if not zero:
                raise MediaError("an ID3 PRIV frame names no owner")
            found.append(Private(owner=owner.decode("latin-1"), data=data))
    return tuple(found)


def _frames(tag: bytes) -> list[tuple[bytes, bytes]]:
    if len(tag) < _HEAD.size:
        raise MediaError("an ID3 tag ends within its head")
    magic, version, _, flags, size = _HEAD.unpack_from(tag)
    if (magic, version) != (b"ID3", 4):
        raise MediaError("this is no ID3 tag of version 2.4")
    if flags:
        raise MediaError("an ID3 tag is unsynchronised, extended or footed")
    if _number(size) != len(tag) - _HEAD.size:
        raise MediaError("an ID3 tag does not end where it says")
    at, frames = _HEAD.size, []
    while at < len(tag) and any(tag[at : at + 4]):
        if len(tag) - at < _FRAME_HEAD.size:
            raise MediaError("an ID3 frame ends within its head")
        kind, size, flags = _FRAME_HEAD.unpack_from(tag, at)
        at += _FRAME_HEAD.size
        length = _number(size)
        if not _FRAME_ID.fullmatch(kind) or flags & 0xFF or not 0 < length <= len(tag) - at:
            raise MediaError("an ID3 frame is malformed, or coded in a way not read here")
        frames.append((kind, tag[at : at + length]))
        at += length
    if any(tag[at:]):
        raise MediaError("an ID3 tag's padding is not zero")
    if not frames:
        raise MediaError("an ID3 tag holds no frame")
    return frames


def _syncsafe(number: int) -> bytes:
    """28 bits in the lower seven of each of four bytes (§6.2)."""
    if number >= _MAX_SYNCSAFE:
        raise MediaError(f"{number} bytes are too many for ID3")
    return bytes((number >> shift) & 0x7F for shift in (21, 14, 7, 0))


def _number(syncsafe: bytes) -> int:
    if any(byte & 0x80 for byte in syncsafe):
        raise MediaError("an ID3 size is not syncsafe")
    value = 0
    for byte in syncsafe:
        value = value << 7 | byte
    return value
