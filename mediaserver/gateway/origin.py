"""From a path and its directives to an answer, or to something to wait for. Knows no HTTP library.

Playlists with directives wait for what they ask for, hinted parts until they exist; both for three
target durations at most ("A Server that cannot provide the requested Playlist after blocking for
more than three Target Durations SHOULD return Service Unavailable", §6.2.5.2).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from mediaserver.gateway import answers, blocking
from mediaserver.gateway.answers import Answer
from mediaserver.gateway.paths import LivePath
from mediaserver.gateway.publication import Publication, RenditionPublication
from mediaserver.gateway.shows import Shows
from mediaserver.gateway.waiters import Waiting

_WAIT_TARGET_DURATIONS = 3

_NO_LIST = answers.as_json({"shows": []}, cache_control=answers.SOON)

_directives = lru_cache(maxsize=1024)(blocking.parse)
"""Thousands ask in the same words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The answer is not there yet. Wait for it for `timeout_s`, else say `late` and leave."""

    waiting: Waiting[Answer]
    timeout_s: float
    late: Answer


class Query(Protocol):
    """A request's query: all its parameters, in order."""

    def items(self) -> Iterable[tuple[str, str]]: ...


class Origin:
    """The live media of all shows. Owns nothing: it reads `Shows`."""

    def __init__(self, shows: Shows, *, lists_shows: bool = False) -> None:
        """`lists_shows`: whether strangers are told which shows are on air."""
        self._shows = shows
        self._lists_shows = lists_shows

    def watch(self, changed: Callable[[], None]) -> None:
        """Have `changed` called whenever other media may be answered than before."""
        self._shows.watch(changed)

    def get(self, path: LivePath, query: Query) -> Answer | Wait:
        """The answer to a GET. Parameters but the delivery directives are ignored."""
        match path.kind:
            case "unknown" | "events":
                return answers.MEDIA_UNKNOWN
            case "shows":
                return self._shows.listed() if self._lists_shows else _NO_LIST
            case "state":
                return self._shows.state(path.show) or answers.SHOW_UNKNOWN
            case "index":
                if self._shows.state(path.show) is None:
                    return answers.SHOW_UNKNOWN
                return self._shows.index(path.show) or answers.NOT_BEGUN
            case "poster" | "thumbnails" | "thumbnail":
                return self._still(path)
        publication = self._shows.publication(path.show, path.epoch)
        rendition = publication.renditions.get(path.rendition) if publication else None
        if publication is None or rendition is None:
            return answers.MEDIA_UNKNOWN
        self._shows.watching.ask(path.show, path.epoch, path.rendition)
        if path.kind == "playlist":
            return _playlist(publication, rendition, query)
        return _media(publication, rendition, path)

    def _still(self, path: LivePath) -> Answer:
        stills = self._shows.stills(path.show)
        if stills is None:
            return answers.SHOW_UNKNOWN
        if path.kind == "poster":
            return stills.poster("image/webp" if path.form == "webp" else "image/jpeg")
        if path.kind == "thumbnail":
            return stills.thumbnail(path.epoch, path.number)
        return self._shows.thumbnails(path.show)


def _playlist(
    publication: Publication, rendition: RenditionPublication, query: Query
) -> Answer | Wait:
    latest = rendition.latest
    if latest is None:
        return answers.NOT_BEGUN
    if latest.edge.ended:
        # §6.2.5.2: "A Server MUST ignore _HLS_msn and _HLS_part if the Playlist contains an
        # EXT-X-ENDLIST tag."
        return latest.plain
    epoch = publication.epoch
    try:
        target, form = _directives(tuple(query.items()))
        if target is None or target.reached(latest.edge):
            return latest.answer(form, directed=target is not None)
        blocking.admit(
            target, latest.edge, part_ticks=epoch.part_ticks, segment_ticks=epoch.segment_ticks
        )
    except blocking.BadDirective as exc:
        return answers.bad_request(str(exc))
    return Wait(
        waiting=rendition.playlist_waiters.at(target),
        timeout_s=_WAIT_TARGET_DURATIONS * epoch.target_duration_s,
        late=answers.PLAYLIST_LATE,
    )


def _media(
    publication: Publication, rendition: RenditionPublication, path: LivePath
) -> Answer | Wait:
    found = rendition.media(path.kind, path.number)
    if found is None and path.kind == "part":
        edge = rendition.window.edge
        # the part of the preload hint
        if edge is not None and not edge.ended and path.number == edge.next_number:
            return Wait(
                waiting=rendition.part_waiters.at(path.number),
                timeout_s=_WAIT_TARGET_DURATIONS * publication.epoch.target_duration_s,
                late=answers.PART_LATE,
            )
    return found or answers.MEDIA_UNKNOWN
