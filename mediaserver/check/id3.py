"""Whether bytes are one whole ID3v2.4 tag (id3.org, *ID3 tag version 2.4.0*, §3–4). Pure."""

import re

_HEAD_BYTES = 10


def wrong_with(tag: bytes) -> str | None:
    """Why `tag` is no whole ID3v2.4 tag of well-formed frames; None for one that is."""
    if tag[:3] != b"ID3" or len(tag) < _HEAD_BYTES:
        return "it does not begin with an ID3 tag's head"
    if tag[3] != 4:
        return f"it is of version 2.{tag[3]}, not 2.4"
    size = _syncsafe(tag[6:10])
    footer = _HEAD_BYTES if tag[5] & 0x10 else 0
    if size is None or _HEAD_BYTES + size + footer != len(tag):
        return "its size is not syncsafe, or not that of the message"
    at, end = _HEAD_BYTES, _HEAD_BYTES + size
    if tag[5] & 0x40:  # §3.2: an extended header, whose size counts itself
        extended = _syncsafe(tag[10:14])
        if extended is None or not 6 <= extended <= size:
            return "its extended header is malformed"
        at += extended
    return _frames(tag, at, end)


def _frames(tag: bytes, at: int, end: int) -> str | None:
    count = 0
    while at < end and tag[at]:
        head = tag[at : at + 10]
        size = _syncsafe(head[4:8])
        if len(head) < 10 or not re.fullmatch(rb"[A-Z0-9]{4}", head[:4]):
            return f"frame {count} has no legal name"
        if size is None:
            return f"the size of its frame {head[:4].decode()} is not syncsafe"
        if not 0 < size <= end - at - 10:
            return f"its frame {head[:4].decode()} is longer than the tag"
        at += 10 + size
        count += 1
    if any(tag[at:end]):
        return "what follows its frames is no padding"
    return None if count else "it holds no frame"


def _syncsafe(data: bytes) -> int | None:
    """§6.2: four bytes of seven bits."""
    if len(data) != 4 or any(byte & 0x80 for byte in data):
        return None
    return data[0] << 21 | data[1] << 14 | data[2] << 7 | data[3]
