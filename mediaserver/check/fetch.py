"""GETs and others, bounded in size and time; every reply is kept with when its bytes came."""

import asyncio
import re
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import aiohttp

from mediaserver.check.playlist import Ref, resolve

MAX_PLAYLIST_BYTES = 4 * 1024 * 1024
MAX_MEDIA_BYTES = 32 * 1024 * 1024
MAX_REDIRECTS = 5
MAX_CONNECTIONS = 64

_READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer, or why there is none. Times are seconds of the monotonic clock."""

    method: str
    url: str
    status: int
    """0 where nothing was answered."""
    headers: Mapping[str, str]
    """By lower-case name; several of a name joined by commas."""
    body: bytes = field(repr=False)
    """Without its content coding."""
    encoded: bool
    """It came with a Content-Encoding."""
    sent_s: float
    first_s: float
    """When the head was there."""
    done_s: float
    redirects: int
    error: str | None
    """A sentence without its subject, such as "was not answered within 10 s"."""

    @property
    def ok(self) -> bool:
        """Whether the whole or the wanted range is there."""
        return self.status in (200, 206) and self.error is None

    @property
    def took_s(self) -> float:
        """From the request to the last byte."""
        return self.done_s - self.sent_s

    @property
    def name(self) -> str:
        """What a finding calls it: method, the end of the path, query."""
        path, mark, query = self.url.partition("?")
        short = "/".join(path.split("/")[-2:])
        return f"{'' if self.method == 'GET' else self.method + ' '}{short}{mark}{query}"

    @property
    def fault(self) -> str:
        """Why it is not `ok`."""
        return self.error or f"was answered with {self.status}"


class Fetcher:
    """One HTTP session. Owned by the check, used by everything that asks."""

    def __init__(self, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self.replies: list[Reply] = []
        """All of them without their bodies, for rules about every reply."""
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Fetcher":
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def playlist(self, url: str, query: str = "", *, coding: str = "gzip") -> Reply:
        """A playlist, with delivery directives in `query`."""
        return await self.ask(
            "GET",
            f"{url}{'&' if '?' in url else '?'}{query}" if query else url,
            {"Accept-Encoding": coding},
            limit=MAX_PLAYLIST_BYTES,
        )

    async def media(self, ref: Ref, *, wait_s: float = 0.0) -> Reply:
        """A part, segment or init section; `wait_s` more time for one that does not exist yet."""
        headers = {"Accept-Encoding": "identity"}
        if ref.range is not None:
            headers["Range"] = ref.range
        return await self.ask("GET", ref.url, headers, limit=MAX_MEDIA_BYTES, wait_s=wait_s)

    async def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        limit: int = MAX_PLAYLIST_BYTES,
        wait_s: float = 0.0,
    ) -> Reply:
        """Any request; redirects are followed and counted. Never raises but when cancelled."""
        asked = {"Origin": "https://check.invalid", **headers}
        sent_s, target, redirects = time.monotonic(), url, 0
        try:
            async with asyncio.timeout(self._timeout_s + wait_s):
                while True:
                    reply = await self._once(method, target, asked, limit, sent_s, redirects)
                    place = reply.headers.get("location")
                    if not (300 <= reply.status < 400 and place) or redirects >= MAX_REDIRECTS:
                        break
                    target, redirects = resolve(target, place), redirects + 1
        except TimeoutError:
            reply = _none(
                method, url, sent_s, f"was not answered within {self._timeout_s + wait_s:g} s"
            )
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            reply = _none(method, url, sent_s, f"broke off ({exc or type(exc).__name__})")
        self.replies.append(replace(reply, body=b""))
        return reply

    async def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        limit: int,
        sent_s: float,
        redirects: int,
    ) -> Reply:
        if self._session is None:
            raise ValueError("the session is not open")
        async with self._session.request(
            method, url, headers=headers, allow_redirects=False
        ) as response:
            first_s = time.monotonic()
            body, error = bytearray(), None
            async for chunk in response.content.iter_chunked(_READ_BYTES):
                body += chunk
                if len(body) > limit:
                    error = f"has more than {limit} bytes"
                    break
            done_s = time.monotonic()
            found: dict[str, str] = {}
            for name, value in response.headers.items():
                lower = name.lower()
                found[lower] = f"{found[lower]}, {value}" if lower in found else value
            coding = found.get("content-encoding", "identity")
            plain = bytes(body)
            if coding != "identity" and method != "HEAD" and error is None:
                plain, error = decoded(plain, coding, limit)
            return Reply(
                method=method,
                url=url,
                status=response.status,
                headers=found,
                body=plain,
                encoded=coding != "identity",
                sent_s=sent_s,
                first_s=first_s,
                done_s=done_s,
                redirects=redirects,
                error=error,
            )


def decoded(body: bytes, coding: str, limit: int) -> tuple[bytes, str | None]:
    """The body without its coding, and why that cannot be had; never more than `limit` bytes."""
    if coding != "gzip":
        return body, f"has the Content-Encoding {coding[:40]!r}, which was not asked for"
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(body, limit + 1)
    except zlib.error:
        return b"", "says that it is gzip and is not"
    if len(unpacked) > limit:
        return b"", f"unpacks to more than {limit} bytes"
    if not unpacker.eof:
        return b"", "says that it is gzip and is not, or not all of it"
    return unpacked, None


def max_age_s(headers: Mapping[str, str]) -> int | None:
    """For how long a shared cache may keep it; None where nothing is said, 0 for not at all."""
    control = headers.get("cache-control", "").lower()
    if re.search(r"\b(?:no-store|no-cache|private)\b", control):
        return 0
    for name in ("s-maxage", "max-age"):
        match = re.search(rf'\b{name}="?([0-9]{{1,10}})', control)
        if match:
            return int(match[1])
    return None


def _none(method: str, url: str, sent_s: float, error: str) -> Reply:
    now_s = time.monotonic()
    return Reply(
        method=method,
        url=url,
        status=0,
        headers={},
        body=b"",
        encoded=False,
        sent_s=sent_s,
        first_s=now_s,
        done_s=now_s,
        redirects=0,
        error=error,
    )
