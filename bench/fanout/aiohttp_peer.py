"""The peer: LL-HLS on plain aiohttp, as good as it gets.

uvloop, the low-level server without a router, no access log, bodies made beforehand, one future
that all blocked requests of a step share, no task or timer of its own for a viewer. It is started
as ``python -m bench.fanout.aiohttp_peer FEED PORT``.
"""

import asyncio
import gc
import struct
import sys
from collections import deque

import uvloop
from aiohttp import web

_STEP = struct.Struct("<QQIIII")
_KEPT = 128
_CORS = {"Access-Control-Allow-Origin": "*"}
_PLAYLIST = {
    "Content-Type": "application/vnd.apple.mpegurl",
    "Cache-Control": "public, max-age=12",
    **_CORS,
}
_MEDIA = {"Content-Type": "video/mp4", "Cache-Control": "public, max-age=86400", **_CORS}


class Origin:
    """The newest playlist, the last parts, and one future for those who wait."""

    def __init__(self) -> None:
        self._edge = (0, 0)
        self._playlist = b""
        self._parts: dict[str, bytes] = {}
        self._names: deque[str] = deque()
        self._next: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer a GET of a playlist or a part."""
        path = request.path
        if path.endswith("/media.m3u8"):
            query = request.query
            if "_HLS_msn" in query:
                wanted = (int(query["_HLS_msn"]), int(query.get("_HLS_part", "0")))
                while wanted > self._edge:
                    await self._next
            return web.Response(body=self._playlist, headers=_PLAYLIST)
        data = self._parts.get(path[path.rfind("/") + 1 :])
        if data is None:
            return web.Response(status=404)
        return web.Response(body=data, headers=_MEDIA)

    def step(self, number: int, edge: tuple[int, int], playlist: bytes, part: bytes) -> None:
        """A new part is there."""
        name = f"part-{number}.m4s"
        self._parts[name] = part
        self._names.append(name)
        if len(self._names) > _KEPT:
            del self._parts[self._names.popleft()]
        self._playlist, self._edge = playlist, edge
        self._next.set_result(None)
        self._next = asyncio.get_running_loop().create_future()


async def serve(feed: str, port: int) -> None:
    """Serve until the feeder is gone."""
    origin = Origin()
    reader, _ = await asyncio.open_unix_connection(feed)
    server = web.Server(origin.handle, access_log=None, keepalive_timeout=75.0)
    await asyncio.get_running_loop().create_server(server, "127.0.0.1", port, backlog=4096)
    try:
        while True:
            head = _STEP.unpack(await reader.readexactly(_STEP.size))
            number, msn, index, playlist, part, frame = head
            text = await reader.readexactly(playlist)
            data = await reader.readexactly(part)
            await reader.readexactly(frame)
            origin.step(number, (msn, index), text, data)
    except asyncio.IncompleteReadError:
        return


if __name__ == "__main__":
    gc.freeze()
    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))
