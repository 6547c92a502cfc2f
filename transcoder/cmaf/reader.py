"""Reading boxes that may come from anywhere: a tree with every bound checked.

Nothing but `MediaError` is raised, and work and memory are bounded by the length of the data,
`MAX_BOXES` and `MAX_DEPTH`.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from transcoder.errors import MediaError

MAX_BOXES = 10_000
MAX_DEPTH = 10

_HEAD = struct.Struct(">I4s")
_LARGE = struct.Struct(">Q")

_CHILDREN_AT = {
    **dict.fromkeys(("moov", "trak", "edts", "mdia", "minf", "dinf", "stbl", "mvex"), 0),
    **dict.fromkeys(("moof", "traf"), 0),
    # A version, flags and a count come first (ISO/IEC 14496-12 §8.5.2, §8.7.2).
    **dict.fromkeys(("stsd", "dref"), 8),
    # Sample entries: the fields of a visual or audio one come first (§12.1.3, §12.2.3).
    **dict.fromkeys(("avc1", "avc3", "hvc1", "hev1", "av01"), 78),
    "mp4a": 28,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One box: where it lies in the data it was read from, what it holds, its children."""

    kind: str
    """The four characters, as Latin-1."""
    start: int
    """Offset of its first byte."""
    size: int
    """With its head."""
    head: int
    """Bytes of its head."""
    data: bytes = field(repr=False)
    """All that was read, itself somewhere within."""
    children: tuple["Box", ...]
    """Empty for a box that holds none, or is not known to hold any."""

    @property
    def payload(self) -> bytes:
        """All after its head."""
        return self.data[self.start + self.head : self.start + self.size]

    def find(self, *path: str) -> "Box | None":
        """The first descendant down `path`, or None."""
        found: Box | None = self
        for kind in path:
            found = next((b for b in found.children if b.kind == kind), None) if found else None
        return found

    def need(self, *path: str) -> "Box":
        """`find`, but raises `MediaError` when there is none."""
        found = self.find(*path)
        if found is None:
            raise MediaError(f"box {self.kind!r} has no {'/'.join(path)!r}")
        return found

    def all(self, kind: str) -> Iterator["Box"]:
        """The children of one kind."""
        return (box for box in self.children if box.kind == kind)

    def unpack(self, layout: struct.Struct, at: int) -> tuple[int, ...]:
        """The numbers of `layout` at `at` in the payload. Raises `MediaError` past its end."""
        if at + layout.size > self.size - self.head:
            raise MediaError(f"box {self.kind!r} at {self.start} ends within its fields")
        return layout.unpack_from(self.data, self.start + self.head + at)


def read_boxes(data: bytes) -> tuple[Box, ...]:
    """The boxes of `data`, which must be made of whole boxes. Raises `MediaError`."""
    return _Walk(data).boxes(0, len(data), depth=0)


class _Walk:
    """One reading of one `data`; counts the boxes it has seen."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._seen = 0

    def boxes(self, start: int, end: int, *, depth: int) -> tuple[Box, ...]:
        if depth > MAX_DEPTH:
            raise MediaError(f"boxes are nested more than {MAX_DEPTH} deep")
        found = []
        while start < end:
            self._seen += 1
            if self._seen > MAX_BOXES:
                raise MediaError(f"there are more than {MAX_BOXES} boxes")
            found.append(self._box(start, end, depth=depth))
            start += found[-1].size
        return tuple(found)

    def _box(self, start: int, end: int, *, depth: int) -> Box:
        kind, head, size = self._head(start, end)
        skip = _CHILDREN_AT.get(kind)
        children: tuple[Box, ...] = ()
        if skip is not None:
            if head + skip > size:
                raise MediaError(f"box {kind!r} at {start} ends within its fields")
            children = self.boxes(start + head + skip, start + size, depth=depth + 1)
        return Box(kind=kind, start=start, size=size, head=head, data=self._data, children=children)

    def _head(self, start: int, end: int) -> tuple[str, int, int]:
        """Type, size of the head and size of the box (§4.2.2): 1 is 64 bits, 0 is to the end."""
        if end - start < _HEAD.size:
            raise MediaError(f"{end - start} bytes at {start} are no box")
        size, name = _HEAD.unpack_from(self._data, start)
        kind, head = name.decode("latin-1"), _HEAD.size
        if size == 0:
            size = end - start
        elif size == 1:
            head += _LARGE.size
            if end - start < head:
                raise MediaError(f"box {kind!r} at {start} ends within its size")
            (size,) = _LARGE.unpack_from(self._data, start + _HEAD.size)
        if not head <= size <= end - start:
            raise MediaError(
                f"box {kind!r} at {start} of {size} bytes does not fit its surroundings"
            )
        return kind, head, size
