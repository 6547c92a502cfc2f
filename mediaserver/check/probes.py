"""Questions that no well-behaved player asks, put once, to one rendition."""

import asyncio
import re
import ssl
from urllib.parse import urlsplit

from mediaserver.check.fetch import MAX_MEDIA_BYTES, Fetcher, Reply
from mediaserver.check.playlist import MediaPlaylist, Ref, resolve
from mediaserver.check.read_media import read_media
from mediaserver.check.seen import Observation, Probe, Rendition

EQUAL_REQUESTS = 20
FAR_SEGMENTS = 10
_TLS_TIMEOUT_S = 5.0
_MALFORMED = (
    "_HLS_msn=abc",
    "_HLS_msn=-1",
    "_HLS_msn=1.5",
    "_HLS_msn=",
    "_HLS_msn=1&_HLS_part=x",
)


class Prober:
    """Asks about `rendition`, whose playlist has come once."""

    def __init__(self, fetcher: Fetcher, seen: Observation, rendition: Rendition) -> None:
        self._fetcher = fetcher
        self._seen = seen
        self._rendition = rendition
        self._url = rendition.url

    async def all(self, playlist: MediaPlaylist) -> None:
        """Everything; the blocking questions run beside the others."""
        if playlist.ended:
            await self._http(playlist)
            return
        await asyncio.gather(
            self._refusals(playlist), self._blocking(playlist), self._http(playlist)
        )

    async def _blocking(self, playlist: MediaPlaylist) -> None:
        msn, part = playlist.edge
        await asyncio.gather(
            self._whole_and_past(playlist),
            self._past_the_end(playlist),
            *(self._directed("equal", msn, part) for _ in range(EQUAL_REQUESTS)),
        )

    async def _whole_and_past(self, playlist: MediaPlaylist) -> None:
        """BR-02, then BR-08: of a show that has just begun nothing is past before the open segment
        is whole."""
        msn = playlist.edge[0]
        await self._directed("whole", msn, None)
        await self._directed("past segment", min(msn, max(0, playlist.media_sequence - 1)), None)

    async def _past_the_end(self, playlist: MediaPlaylist) -> None:
        """BR-03: one past the last part of the open segment, asked shortly before that is full."""
        counts = [len(segment.parts) for segment in playlist.whole if segment.parts]
        if not counts:
            return
        size, now = counts[-1], playlist
        for _ in range(2 * size + 2):
            msn, index = now.edge
            if size - 2 <= index < size:
                await self._directed("past the end", msn, size)
                return
            reply = await self._fetcher.playlist(self._url, f"_HLS_msn={msn}&_HLS_part={index}")
            if not reply.ok or (after := read_media(reply.body, self._url)).edge == now.edge:
                return
            now = after

    async def _refusals(self, playlist: MediaPlaylist) -> None:
        msn, index = playlist.edge
        await self._directed("far segment", msn + FAR_SEGMENTS, None)
        target_s = playlist.part_target_s or 1.0
        limit = round(3 / target_s) if target_s < 1 else 3
        await self._directed("far part", msn, index + 4 * limit + 8)
        await self._query("part alone", "_HLS_part=0")
        for query in _MALFORMED:
            await self._query("malformed", query)
        await self._query("unknown parameter", "comptoir_check=1&_HLS_unknown=YES")
        for url in self._unknown(playlist):
            self._note("unknown", await self._fetcher.ask("GET", url, {}))

    def _unknown(self, playlist: MediaPlaylist) -> list[str]:
        """Addresses beside those that exist: a rendition, a part and a segment of no such name."""
        found = [resolve(self._url, "../no-such-rendition/" + _file(self._url))]
        refs = [part.ref for _, part in playlist.parts()[-1:]]
        refs += [segment.ref for segment in playlist.whole[-1:] if segment.ref is not None]
        for ref in refs:
            name = _file(ref.url)
            other = re.sub(r"[0-9]+(?=[^0-9]*$)", "999999999999", name)
            found.append(resolve(ref.url, other if other != name else f"no-such-{name}"))
        return found

    async def _http(self, playlist: MediaPlaylist) -> None:
        for url, kind in ((self._seen.url, "index"), (self._url, "playlist")):
            for coding in ("gzip", "identity"):
                reply = await self._fetcher.playlist(url, coding=coding)
                self._note(f"{kind} {coding}", reply)
        self._note("HEAD playlist", await self._fetcher.ask("HEAD", self._url, {}))
        await self._preflight(self._url)
        ref = next((segment.ref for segment in playlist.whole[-1:]), None)
        if ref is not None and ref.first is None:
            await self._ranges(ref)
        await self._alpn()

    async def _ranges(self, ref: Ref) -> None:
        whole = await self._fetcher.media(ref)
        self._note("media", whole)
        self._note("HEAD media", await self._ask("HEAD", ref), whole.body)
        if not whole.ok or "bytes" not in whole.headers.get("accept-ranges", ""):
            return
        size = len(whole.body)
        for first, last in ((0, 99), (size // 2, size - 1)):
            reply = await self._ask("GET", ref, f"bytes={first}-{last}")
            self._note("range", reply, whole.body[first : last + 1])
        self._note("range past", await self._ask("GET", ref, f"bytes={size + 10}-{size + 20}"))
        await self._preflight(ref.url)

    async def _ask(self, method: str, ref: Ref, byte_range: str | None = None) -> Reply:
        headers = {"Accept-Encoding": "identity"}
        if byte_range is not None:
            headers["Range"] = byte_range
        return await self._fetcher.ask(method, ref.url, headers, limit=MAX_MEDIA_BYTES)

    async def _preflight(self, url: str) -> None:
        wanted = {
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "range",
        }
        self._note("preflight", await self._fetcher.ask("OPTIONS", url, wanted))

    async def _alpn(self) -> None:
        parts = urlsplit(self._seen.url)
        if parts.scheme != "https" or parts.hostname is None:
            return
        context = ssl.create_default_context()
        context.set_alpn_protocols(["h2", "http/1.1"])
        try:
            async with asyncio.timeout(_TLS_TIMEOUT_S):
                _, writer = await asyncio.open_connection(
                    parts.hostname, parts.port or 443, ssl=context
                )
        except (OSError, TimeoutError):
            return
        found = writer.get_extra_info("ssl_object")
        self._seen.alpn = (found.selected_alpn_protocol() if found else None) or "none"
        writer.close()

    async def _directed(self, name: str, msn: int, part: int | None) -> None:
        query = f"_HLS_msn={msn}" + ("" if part is None else f"&_HLS_part={part}")
        await self._query(name, query, (msn, part))

    async def _query(
        self, name: str, query: str, target: tuple[int, int | None] | None = None
    ) -> None:
        reply = await self._fetcher.playlist(self._url, query)
        playlist = read_media(reply.body, self._url) if reply.ok else None
        self._seen.probes.append(Probe(name=name, reply=reply, playlist=playlist, target=target))

    def _note(self, name: str, reply: Reply, compare: bytes = b"") -> None:
        self._seen.probes.append(Probe(name=name, reply=reply, compare=compare))


def _file(url: str) -> str:
    return urlsplit(url).path.rsplit("/", 1)[-1]
