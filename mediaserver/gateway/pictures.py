"""Products' pictures, read from main's folder: named by their content, so good for ever.

At most `MAX_KEPT_BYTES` of them stay in memory, the last ones asked for.
"""

from collections import OrderedDict
from pathlib import Path

from mediaserver.gateway.answers import NO_STORE, Answer, error
from mediaserver.pictures.store import PREFIX, PictureStore

MAX_KEPT_BYTES = 64 * 1024 * 1024
_FOR_EVER = "public, max-age=31536000, immutable"
_TYPES = {"webp": "image/webp", "jpg": "image/jpeg"}
_NONE = error(404, "not_found", "There is no such picture.", cache_control=NO_STORE)


class Pictures:
    """What is in the folder, as answers."""

    def __init__(self, folder: Path) -> None:
        self._store = PictureStore(folder)
        self._kept: OrderedDict[str, Answer] = OrderedDict()
        self._bytes = 0

    def find(self, path: str) -> Answer | None:
        """The answer to a GET of `path`; None for a path that is no picture's."""
        if not path.startswith(PREFIX):
            return None
        name = path.removeprefix(PREFIX)
        kept = self._kept.get(name)
        if kept is not None:
            self._kept.move_to_end(name)
            return kept
        content = self._store.read(name)
        return _NONE if content is None else self._keep(name, content)

    def _keep(self, name: str, content: bytes) -> Answer:
        answer = Answer(
            headers=(
                ("Content-Type", _TYPES[name.rpartition(".")[2]]),
                ("Cache-Control", _FOR_EVER),
                ("X-Content-Type-Options", "nosniff"),
                ("Content-Security-Policy", "default-src 'none'"),
            ),
            body=content,
        )
        self._kept[name] = answer
        self._bytes += len(content)
        while self._bytes > MAX_KEPT_BYTES and len(self._kept) > 1:
            self._bytes -= len(self._kept.popitem(last=False)[1].body)
        return answer
