"""A plain LL-HLS client: follows one rendition by blocking reload and keeps what it listed.

Playlists are read by the `m3u8` package, which shares nothing with our own rendering.
"""

import asyncio
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

import aiohttp
import av
import m3u8

REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPart:
    """One EXT-X-PART as the playlist listed it first."""

    uri: str
    msn: int
    index: int
    duration_s: float
    independent: bool
    init_uri: str


class HlsClient:
    """Fetches from one server. The HTTP session is the caller's."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def variants(self, index_url: str) -> list[str]:
        """The media playlists of a show, best rendition first."""
        multivariant = m3u8.loads(await self.text(index_url))
        return [urljoin(index_url, variant.uri) for variant in multivariant.playlists]

    async def text(self, url: str, **query: int | str) -> str:
        """A playlist. Raises `aiohttp.ClientResponseError` for any status but 200."""
        return (await self._get(url, query)).decode()

    async def media(self, url: str) -> bytes:
        """An init section, part or segment, likewise."""
        return await self._get(url, {})

    async def _get(self, url: str, query: Mapping[str, int | str]) -> bytes:
        async with self._http.get(
            url, params=query, timeout=REQUEST_TIMEOUT, raise_for_status=True
        ) as response:
            return await response.read()


class Follower:
    """One rendition, from where `reload` first sees it."""

    def __init__(self, client: HlsClient, playlist_url: str) -> None:
        self._client = client
        self.url = playlist_url
        self.parts: dict[str, ListedPart] = {}
        """By absolute URI, in the order listed."""
        self.playlist = m3u8.M3U8()
        self.text = ""

    @property
    def ended(self) -> bool:
        """True once the playlist has EXT-X-ENDLIST."""
        return bool(self.playlist.is_endlist)

    @property
    def edge(self) -> tuple[int, int]:
        """Media sequence number and part index of what comes next."""
        msn, part = int(self.playlist.media_sequence or 0), 0
        for segment in self.playlist.segments:
            if segment.uri:
                msn += 1
            else:
                part = len(segment.parts)
        return msn, part

    async def reload(self) -> None:
        """Fetch the playlist once; from the second time on, wait for what it did not have yet."""
        query = {}
        if self.text and not self.ended:
            msn, index = self.edge
            query = {"_HLS_msn": msn, "_HLS_part": index}
        self.text = await self._client.text(self.url, **query)
        self.playlist = m3u8.loads(self.text, uri=self.url)
        for part in self._listed():
            self.parts.setdefault(part.uri, part)

    async def until_ended(self) -> None:
        """Reload until the rendition has ended."""
        while not self.ended:
            await self.reload()

    def _listed(self) -> Iterator[ListedPart]:
        msn = int(self.playlist.media_sequence or 0)
        for segment in self.playlist.segments:
            # m3u8 gives the segment still open no map of its own: the last one listed is it.
            section = segment.init_section or self.playlist.segment_map[-1]
            for index, part in enumerate(segment.parts):
                yield ListedPart(
                    uri=urljoin(self.url, part.uri),
                    msn=msn,
                    index=index,
                    duration_s=float(part.duration),
                    independent=part.independent == "YES",
                    init_uri=urljoin(self.url, section.uri),
                )
            msn += 1


async def newest_picture(client: HlsClient, index_url: str) -> av.VideoFrame:
    """The first picture of the newest independent part of a show's smallest rendition.

    Raises `LookupError` while the playlist lists none.
    """
    follower = Follower(client, (await client.variants(index_url))[-1])
    await follower.reload()
    independent = [part for part in follower.parts.values() if part.independent]
    if not independent:
        raise LookupError("the playlist lists no independent part")
    init, part = await asyncio.gather(
        client.media(independent[-1].init_uri), client.media(independent[-1].uri)
    )
    return next(video_frames([init, part]))


def video_frames(pieces: Iterable[bytes]) -> Iterator[av.VideoFrame]:
    """Decode the video of an init section and what follows it."""
    with av.open(io.BytesIO(b"".join(pieces)), "r") as container:
        yield from container.decode(container.streams.video[0])


def audio_frames(pieces: Iterable[bytes]) -> Iterator[av.AudioFrame]:
    """Decode the audio likewise."""
    with av.open(io.BytesIO(b"".join(pieces)), "r") as container:
        yield from container.decode(container.streams.audio[0])
