"""What a request's target asks for: parsed once for the thousands who ask for the same. Pure."""

from dataclasses import dataclass

from mediaserver.gateway.paths import LivePath, parse_live_path
from mediaserver.gateway.queries import Query

MAX_TARGETS = 2048
"""Kept at a time. Live targets change with every part, so when there are more all are forgotten."""

MAX_KNOWN_TARGET_BYTES = 512
"""Longer ones are parsed anew each time: no player's is, and strangers' would fill the memory."""

_SCHEMES = (b"http://", b"https://")


@dataclass(frozen=True, slots=True)
class HotTarget:
    """A live resource, or a show's events, and the parameters."""

    path: LivePath
    query: Query


class Targets:
    """Parses targets, and remembers them."""

    def __init__(self) -> None:
        self._known: dict[bytes, HotTarget | None] = {}

    def find(self, raw: bytes) -> HotTarget | None:
        """What of a show is at a target as it stands in the request; None: nothing."""
        try:
            return self._known[raw]
        except KeyError:
            pass
        if len(raw) > MAX_KNOWN_TARGET_BYTES:
            return parse_target(raw)
        if len(self._known) >= MAX_TARGETS:
            self._known.clear()
        found = self._known[raw] = parse_target(raw)
        return found


def parse_target(raw: bytes) -> HotTarget | None:
    """What of a show a target names: a live resource, or its events (`asking.is_hot` has these
    go to aiohttp).

    RFC 9112 §3.2.2: "a server MUST accept the absolute-form in requests"; whose host it names is
    of no matter here.
    """
    lowered = raw[:8].lower()
    if lowered.startswith(_SCHEMES):
        slash = raw.find(b"/", raw.index(b"://") + 3)
        raw = raw[slash:] if slash >= 0 else b"/"
    path, _, query = raw.decode("latin-1").partition("?")
    live = parse_live_path(path)
    if live is None or "#" in query:
        return None
    return HotTarget(live, Query(query))
