"""Responses as values: made once, sent to many, by whatever HTTP layer there is.

Cache-Control follows appendix B.1 of rfc8216bis: a plain playlist for half its target duration, a
blocking one for six target durations, media for long (its names are unique), errors for a second
or a few, and a 503 not at all.
"""

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mediaserver.gateway.hot.wire import Wire

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
MEDIA_TYPE = "video/mp4"
JSON_TYPE = "application/json"

FRESH = "public, max-age=1"
SOON = "public, max-age=4"
IMMUTABLE = "public, max-age=86400, immutable"
NO_STORE = "no-store"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole response: what differs per request (ranges, encoding, HEAD) is made from it."""

    status: int = 200
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    gzip_body: bytes | None = None
    """The body once more, gzipped, where that is worth it."""
    etag: str = ""
    """Where the same address has other content at another time: its entity tag, quoted."""
    ranges: bool = False
    """True where single byte ranges are served."""
    wire: "Wire | None" = field(default=None, init=False, repr=False, compare=False)
    """Its bytes on a connection, kept by `mediaserver.gateway.hot.wire` once made."""


def playlist(body: bytes, gzip_body: bytes, *, cache_control: str) -> Answer:
    """A playlist, in its two encodings."""
    return Answer(
        headers=(("Content-Type", PLAYLIST_TYPE), ("Cache-Control", cache_control)),
        body=body,
        gzip_body=gzip_body,
    )


def kept(answer: Answer, cache_control: str) -> Answer:
    """The same bytes, to be kept by caches as `cache_control` says."""
    others = tuple(header for header in answer.headers if header[0] != "Cache-Control")
    return replace(answer, headers=(*others, ("Cache-Control", cache_control)))


def media(body: bytes) -> Answer:
    """A part, a segment or an init section."""
    return Answer(
        headers=(("Content-Type", MEDIA_TYPE), ("Cache-Control", IMMUTABLE)),
        body=body,
        ranges=True,
    )


def as_json(value: object, *, status: int = 200, cache_control: str = FRESH) -> Answer:
    """A small JSON document."""
    return Answer(
        status=status,
        headers=(("Content-Type", JSON_TYPE), ("Cache-Control", cache_control)),
        body=json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(),
    )


def error(
    status: int,
    code: str,
    message: str,
    *,
    cache_control: str = FRESH,
    headers: tuple[tuple[str, str], ...] = (),
) -> Answer:
    """``{"error": {"code", "message"}}``: `code` for programs, `message` a sentence for people."""
    document = {"error": {"code": code, "message": message}}
    plain = as_json(document, status=status, cache_control=cache_control)
    return Answer(status=status, headers=plain.headers + headers, body=plain.body)


_RETRY = (("Retry-After", "1"),)

SHOW_UNKNOWN = error(404, "show_unknown", "There is no show of this name.")
NOT_BEGUN = error(404, "show_not_begun", "The show has not begun yet.", headers=_RETRY)
MEDIA_UNKNOWN = error(404, "media_unknown", "There is no such media, or not any more.")
PART_LATE = error(404, "part_late", "The part did not come in time.", headers=_RETRY)
PLAYLIST_LATE = error(
    503,
    "playlist_late",
    "Nothing new came in time; the host's connection may be lost.",
    cache_control=NO_STORE,
    headers=_RETRY,
)


def bad_request(message: str) -> Answer:
    """400 with the sentence that says what is wrong."""
    return error(400, "bad_request", message, cache_control=SOON)


def method_not_allowed(allow: str) -> Answer:
    """405; RFC 9110 §15.5.6: "The origin server MUST generate an Allow header field"."""
    return error(
        405,
        "method_not_allowed",
        f"Here is only {allow}.",
        cache_control=SOON,
        headers=(("Allow", allow),),
    )
