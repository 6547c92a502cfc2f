"""A WHIP endpoint that receives with aiortc: the peer of the demo host's tests."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)

from mediaserver.demo.whip import WhipClient

KEY = "a-host-key-for-tests"


class WhipReceiver:
    """Answers publishes, keeps their tracks, and notes who ended."""

    def __init__(self) -> None:
        self.refusals: list[int] = []
        """Statuses to answer the next POSTs with, first first."""
        self.offers: list[str] = []
        self.deleted: list[str] = []
        self.peers: list[RTCPeerConnection] = []
        self.tracks: asyncio.Queue[MediaStreamTrack] = asyncio.Queue()
        self.ended = asyncio.Event()
        self.answer: str | None = None
        """Overrides the body of the next answers."""

    async def post(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.Response(status=401)
        assert request.content_type == "application/sdp"
        self.offers.append(await request.text())
        if self.refusals:
            return web.Response(status=self.refusals.pop(0))
        body = self.answer if self.answer is not None else await self._answer(self.offers[-1])
        return web.Response(
            status=201,
            text=body,
            content_type="application/sdp",
            headers={"Location": f"/whip/resource-{len(self.offers)}"},
        )

    async def delete(self, request: web.Request) -> web.Response:
        self.deleted.append(request.match_info["name"])
        self.ended.set()
        return web.Response()

    async def _answer(self, offer: str) -> str:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.peers.append(peer)
        peer.on("track", self.tracks.put_nowait)
        await peer.setRemoteDescription(RTCSessionDescription(sdp=offer, type="offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return str(peer.localDescription.sdp)

    async def close(self) -> None:
        for peer in self.peers:
            await peer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[WhipReceiver]:
    made = WhipReceiver()
    yield made
    await made.close()


@pytest.fixture
async def endpoint(receiver: WhipReceiver) -> AsyncIterator[str]:
    """The address of the receiver's WHIP endpoint."""
    app = web.Application()
    app.router.add_post("/whip", receiver.post)
    app.router.add_delete("/whip/{name}", receiver.delete)
    async with TestServer(app) as server:
        yield str(server.make_url("/whip"))


@pytest.fixture
async def client(endpoint: str) -> AsyncIterator[WhipClient]:
    async with aiohttp.ClientSession() as http:
        yield WhipClient(http=http, endpoint=endpoint, token=KEY)
