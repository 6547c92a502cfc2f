"""HT: what caches and browsers need of the responses."""

import re
from collections.abc import Iterator

from mediaserver.check.fetch import Reply, max_age_s
from mediaserver.check.rules.base import NotSeen, Rules, needed
from mediaserver.check.seen import Observation

rules = Rules()

PLAYLIST_TYPES = ("application/vnd.apple.mpegurl", "audio/mpegurl")
MEDIA_TYPES = ("video/mp4", "audio/mp4", "video/iso.segment")
_SAME_HEADERS = ("content-type", "cache-control", "access-control-allow-origin")


def _playlists(seen: Observation) -> Iterator[Reply]:
    yield seen.index
    for rendition in seen.renditions:
        yield from (reload.reply for reload in rendition.reloads if reload.reply.ok)


def _media(seen: Observation) -> Iterator[Reply]:
    for rendition in seen.renditions:
        yield from (reply for reply, _ in rendition.inits.values() if reply.ok)
        yield from (piece.reply for piece in rendition.pieces if piece.reply.ok)


def _errors(seen: Observation) -> Iterator[Reply]:
    return (probe.reply for probe in seen.probes if 400 <= probe.reply.status < 500)


def _type(reply: Reply) -> str:
    return reply.headers.get("content-type", "").partition(";")[0].strip().lower()


@rules.must("HT-01", "bis 4 (or a .m3u8 path), Apple 10.4")
def playlist_types(seen: Observation) -> Iterator[str]:
    """Playlists have the Content-Type application/vnd.apple.mpegurl or audio/mpegurl."""
    told: set[str] = set()
    for reply in _playlists(seen):
        if _type(reply) not in PLAYLIST_TYPES and _type(reply) not in told:
            told.add(_type(reply))
            yield f"{reply.name} has the Content-Type {_type(reply)!r}."


@rules.should("HT-02", "Apple 10.4")
def media_types(seen: Observation) -> Iterator[str]:
    """Media has the Content-Type video/mp4, audio/mp4 or video/iso.segment."""
    needed(_media(seen), "no media")
    told: set[str] = set()
    for reply in _media(seen):
        if _type(reply) not in MEDIA_TYPES and _type(reply) not in told:
            told.add(_type(reply))
            yield f"{reply.name} has the Content-Type {_type(reply)!r}."


@rules.must("HT-03", "Fetch standard, project")
def origins_are_allowed(seen: Observation) -> Iterator[str]:
    """Playlists, media and errors have Access-Control-Allow-Origin."""
    for kind, replies in (
        ("playlist", _playlists(seen)),
        ("media", _media(seen)),
        ("error", _errors(seen)),
    ):
        for reply in replies:
            if "access-control-allow-origin" not in reply.headers:
                yield f"{reply.name} ({kind}) has no Access-Control-Allow-Origin."
                break


@rules.must("HT-04", "Apple 10.1, RFC 9110 12.5.3")
def playlists_are_gzipped(seen: Observation) -> Iterator[str]:
    """Playlists are gzipped when that is asked for, and not when not."""
    for kind in ("index", "playlist"):
        for probe in seen.probe(f"{kind} gzip"):
            if probe.reply.error is not None:
                yield f"{probe.reply.name} {probe.reply.fault}."
            elif not probe.reply.encoded:
                yield f"{probe.reply.name} is not gzipped though that was asked for."
        for probe in seen.probe(f"{kind} identity"):
            if probe.reply.encoded or probe.reply.error is not None:
                yield f"{probe.reply.name} has a coding where identity was asked for."


@rules.must("HT-05", "bis B.1 (SHOULD), project")
def plain_playlists_are_short_lived(seen: Observation) -> Iterator[str]:
    """A plain playlist may be cached for its target duration at most."""
    for rendition in seen.renditions:
        for reload in rendition.reloads:
            if reload.target is not None or reload.playlist is None or reload.playlist.ended:
                continue
            age_s = max_age_s(reload.reply.headers)
            if age_s is not None and age_s > reload.playlist.target_s:
                yield (
                    f"{rendition.name}: the plain playlist may be cached for {age_s} s; its target "
                    f"duration is {reload.playlist.target_s}."
                )


@rules.should("HT-06", "bis B.1")
def blocking_playlists_are_cacheable(seen: Observation) -> Iterator[str]:
    """A blocking response may be cached (advice: six target durations)."""
    judged = False
    for rendition in seen.renditions:
        for reload in rendition.reloads:
            if reload.target is not None and reload.playlist is not None:
                judged = True
                if not max_age_s(reload.reply.headers):
                    yield f"{rendition.name}: {reload.reply.name} may not be cached."
                    break
    if not judged:
        raise NotSeen("no blocking reload")


@rules.should("HT-07", "bis B.1")
def media_is_cacheable(seen: Observation) -> Iterator[str]:
    """Media may be cached for six target durations at least."""
    needed(_media(seen), "no media")
    for reply in _media(seen):
        age_s = max_age_s(reply.headers)
        if age_s is None or age_s < 6 * seen.target_s:
            yield (
                f"{reply.name} may be cached for {age_s or 0} s; six target durations are "
                f"{6 * seen.target_s}."
            )
            return


@rules.should("HT-08", "bis B.1")
def errors_are_short_lived(seen: Observation) -> Iterator[str]:
    """Errors may be cached for four target durations at most."""
    needed(_errors(seen), "no error")
    for reply in _errors(seen):
        age_s = max_age_s(reply.headers) or 0
        if age_s > 4 * seen.target_s or "immutable" in reply.headers.get("cache-control", ""):
            yield f"{reply.name}, {reply.status}, may be cached for {age_s} s."


@rules.must("HT-09", "RFC 9110 14")
def ranges_are_right(seen: Observation) -> Iterator[str]:
    """Ranges, if advertised: 206 with the right bytes and Content-Range, 416 past the end."""
    probes = seen.probe("range", "range past")
    needed(probes, "no Accept-Ranges")
    for probe in probes:
        reply = probe.reply
        if probe.name == "range past":
            if reply.status != 416:
                yield f"{reply.name}: a range past the end {reply.fault}; 416 is wanted."
        elif reply.status != 206:
            yield f"{reply.name}: a range {reply.fault}; 206 is wanted."
        elif reply.body != probe.compare:
            yield f"{reply.name}: a range brings other bytes than the whole has there."
        elif not re.fullmatch(
            r"bytes [0-9]+-[0-9]+/[0-9*]+", reply.headers.get("content-range", "")
        ):
            yield f"{reply.name}: a 206 has no Content-Range."


@rules.should("HT-10", "RFC 9110 9.3.2")
def head_is_get_without_body(seen: Observation) -> Iterator[str]:
    """HEAD gives the status and headers of GET, without a body."""
    pairs = [
        (head.reply, get.reply)
        for kind, other in (("HEAD playlist", "playlist gzip"), ("HEAD media", "media"))
        for head, get in zip(seen.probe(kind), seen.probe(other), strict=False)
    ]
    needed(pairs, "nothing was asked for")
    for head, get in pairs:
        if head.status != get.status or head.body:
            yield f"{head.name} {head.fault} where GET was answered with {get.status}."
            continue
        for name in _SAME_HEADERS:
            if head.headers.get(name) != get.headers.get(name):
                yield (
                    f"{head.name} has {name}: {head.headers.get(name)}, GET "
                    f"{get.headers.get(name)}."
                )


@rules.should("HT-11", "Apple 8.18")
def nothing_is_redirected(seen: Observation) -> Iterator[str]:
    """There are no redirects."""
    for reply in seen.replies:
        if reply.redirects:
            yield f"{reply.name} is redirected."
            return


@rules.must("HT-12", "bis 6.2.2")
def media_outlives_the_playlist(seen: Observation) -> Iterator[str]:
    """Media outlives its tag: a segment by its and the playlist's duration, a part by 3 TD."""
    gone = [(rendition, each) for rendition in seen.renditions for each in rendition.gone]
    needed(gone, "nothing left the playlist")
    for rendition, each in gone:
        if not each.reply.ok:
            yield (
                f"{rendition.name}: {each.kind} {each.ref}, {each.left_for_s:.1f} s after it left, "
                f"{each.reply.fault}; it must be there for {each.kept_s:g} s."
            )


@rules.should("HT-13", "RFC 9112 9.3")
def connections_persist(seen: Observation) -> Iterator[str]:
    """Connections persist."""
    for reply in _playlists(seen):
        if "close" in reply.headers.get("connection", "").lower():
            yield f"{reply.name} closes its connection."
            return


@rules.should("HT-14", "Fetch standard")
def preflight_is_answered(seen: Observation) -> Iterator[str]:
    """A CORS preflight is answered with 2xx and allows Range."""
    for probe in seen.probe("preflight"):
        headers = probe.reply.headers
        allowed = headers.get("access-control-allow-headers", "").lower()
        if not 200 <= probe.reply.status < 300:
            yield f"{probe.reply.name} {probe.reply.fault}."
        elif "range" not in allowed and "*" not in allowed:
            yield f"{probe.reply.name} does not allow Range."
        elif "access-control-allow-origin" not in headers:
            yield f"{probe.reply.name} has no Access-Control-Allow-Origin."


@rules.should("HT-15", "bis B.1")
def speaks_http_2(seen: Observation) -> Iterator[str]:
    """Over TLS: HTTP/2 or later, by ALPN."""
    if seen.alpn is None:
        raise NotSeen("no TLS")
    if seen.alpn != "h2":
        yield f"TLS agrees on {seen.alpn}, not on h2."


@rules.should("HT-16", "RFC 9110 12.5.5")
def playlists_vary(seen: Observation) -> Iterator[str]:
    """Playlists have Vary: Accept-Encoding."""
    for reply in _playlists(seen):
        vary = reply.headers.get("vary", "").lower()
        if "accept-encoding" not in vary and vary != "*":
            yield f"{reply.name} has no Vary: Accept-Encoding."
            return
