"""Which of the shows that Redis knows a gateway follows. Pure."""

from collections.abc import Collection, Iterable, Sequence

SILENT_MS = 10 * 60_000
"""An owner says that it is there each third of its lease, 100 s at most: one whose last word is so
much older than another's is gone."""

Known = tuple[str, float]
"""A show, and when its owner last said that it is there (Unix ms)."""


def read(flat: Sequence[bytes], but: Collection[str]) -> list[Known]:
    """What ZREVRANGE … WITHSCORES gives, without the shows that are our own. Raises `ValueError`
    for what is no such thing."""
    pairs = zip(flat[::2], flat[1::2], strict=True)
    known = [(raw.decode(errors="replace"), float(at_ms)) for raw, at_ms in pairs]
    return [(show, at_ms) for show, at_ms in known if show not in but]


def to_follow(known: Iterable[Known], followed: Collection[str], *, most: int) -> list[str]:
    """At most so many: shows that are spoken for before those that are not, then those that are
    followed already, then those heard of last."""
    known = list(known)
    newest_ms = max((at_ms for _, at_ms in known), default=0.0)

    def rank(one: Known) -> tuple[bool, bool, float]:
        show, at_ms = one
        return newest_ms - at_ms > SILENT_MS, show not in followed, -at_ms

    return [show for show, _ in sorted(known, key=rank)[:most]]
