"""Reading a multivariant playlist. Pure; nothing is raised."""

from mediaserver.check.attributes import Attributes, read_attributes
from mediaserver.check.playlist import MediaTag, Multivariant, Variant, resolve, tag_lines

MAX_VARIANTS = 64


def read_multivariant(body: bytes, url: str) -> Multivariant:
    """The multivariant playlist in `body`, which came from `url`."""
    lines, problems = tag_lines(body)
    variants: list[Variant] = []
    media: list[MediaTag] = []
    pending: Attributes | None = None
    for line in lines:
        name, _, value = line.removeprefix("#").partition(":")
        if name == "EXT-X-STREAM-INF":
            if pending is not None:
                problems.append("an #EXT-X-STREAM-INF is followed by no URI")
            pending = _read(name, value, problems)
        elif name == "EXT-X-MEDIA":
            found = _read(name, value, problems)
            uri = found.quoted("URI")
            media.append(MediaTag(url=resolve(url, uri) if uri else None, attributes=found))
        elif not line.startswith("#"):
            if pending is None:
                problems.append(f"no #EXT-X-STREAM-INF precedes {line[:60]!r}")
            else:
                variants.append(Variant(url=resolve(url, line), attributes=pending))
            pending = None
    if pending is not None:
        problems.append("an #EXT-X-STREAM-INF is followed by no URI")
    if len(variants) + len(media) > MAX_VARIANTS:
        problems.append(f"it has more than {MAX_VARIANTS} renditions")
    return Multivariant(
        variants=tuple(variants[:MAX_VARIANTS]),
        media=tuple(media[:MAX_VARIANTS]),
        independent="#EXT-X-INDEPENDENT-SEGMENTS" in lines,
        problems=tuple(problems),
    )


def _read(tag: str, value: str, problems: list[str]) -> Attributes:
    found = read_attributes(value)
    if found.problem:
        problems.append(f"#{tag}: {found.problem}")
    return found
