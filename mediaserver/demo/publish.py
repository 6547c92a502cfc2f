"""One publish of the demo: from the offer to the loss of the connection or the wish to stop."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import aiohttp
import structlog
from aiortc import (
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)

from mediaserver.demo.source import PacketTrack
from mediaserver.demo.whip import WhipClient, WhipResource
from mediaserver.errors import BusError, PublishRefused

log = structlog.get_logger()

CONNECT_TIMEOUT_S = 10.0
SILENT_AFTER_S = 5.0
"""Without a receiver report for this long (they come each second) the server has lost us. ICE
consent (RFC 7675) would tell after 30 s only."""
_WATCH_EVERY_S = 0.5
_CLOSE_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What the demo sends."""

    width: int
    height: int
    frames_per_second: int


class Source(Protocol):
    """What is published: a track of encoded pictures and one of encoded sound."""

    @property
    def picture(self) -> PacketTrack:
        """H.264."""

    @property
    def sound(self) -> PacketTrack:
        """Opus."""

    def start(self) -> None:
        """Go live: the connection is there."""

    async def stop(self) -> None:
        """End the tracks."""


class Publish:
    """One life of the demo on air. `run` it once."""

    def __init__(
        self, *, client: WhipClient, source: Source, silent_after_s: float | None = None
    ) -> None:
        """`silent_after_s` is how long the server may not report before the connection counts as
        lost; without it `SILENT_AFTER_S`."""
        self._client = client
        self._source = source
        self._silent_after_s = silent_after_s
        self.connected = False

    async def run(self) -> None:
        """Go on air and stay there. Cancelling it ends the show with a DELETE; a loss does not, so
        that the next publish goes on in the same media epoch, and viewers stay.

        Raises `PublishRefused` when the server refuses, `BusError` when the connection is lost or
        never comes about, and the errors of `WhipClient.publish`.
        """
        async with _peer() as peer:
            for track in (self._source.picture, self._source.sound):
                peer.addTransceiver(track, direction="sendonly")
            _prefer_h264(peer)
            await peer.setLocalDescription(await peer.createOffer())
            resource = await self._client.publish(peer.localDescription.sdp)
            try:
                answer = RTCSessionDescription(sdp=resource.answer, type="answer")
                await self._stay_on_air(peer, answer)
            except asyncio.CancelledError:
                await self._end(resource)
                raise
            finally:
                await self._source.stop()
                log.info("demo_off_air", dropped_packets=self._source.picture.dropped)

    async def _stay_on_air(self, peer: RTCPeerConnection, answer: RTCSessionDescription) -> None:
        watch = _Watch(peer, self._silent_after_s or SILENT_AFTER_S)
        try:
            await peer.setRemoteDescription(answer)
        except ValueError as exc:
            raise PublishRefused(
                502, "whip_answer_invalid", "The server's answer cannot be used."
            ) from exc
        try:
            await asyncio.wait_for(watch.connected(), CONNECT_TIMEOUT_S)
        except TimeoutError:
            raise BusError("no media connection to the server came about") from None
        self.connected = True
        log.info("demo_on_air")
        self._source.start()
        await watch.lost()

    async def _end(self, resource: WhipResource) -> None:
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await self._client.end(resource)
        except (PublishRefused, aiohttp.ClientError, OSError) as exc:
            log.info("demo_delete_failed", error=str(exc) or type(exc).__name__)


class _Watch:
    """Follows a peer connection's life."""

    def __init__(self, peer: RTCPeerConnection, silent_after_s: float) -> None:
        self._peer, self._silent_after_s = peer, silent_after_s
        self._changed = asyncio.Event()
        peer.on("connectionstatechange", self._changed.set)

    async def connected(self) -> None:
        while self._peer.connectionState != "connected":
            if self._peer.connectionState in ("failed", "closed"):
                raise BusError("the media connection to the server failed")
            self._changed.clear()
            await self._changed.wait()

    async def lost(self) -> None:
        """Raise `BusError` once the connection has failed or receiver reports stay away."""
        heard, count = time.monotonic(), 0
        while self._peer.connectionState == "connected":
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _WATCH_EVERY_S)
            if (reports := await self._reports()) != count:
                heard, count = time.monotonic(), reports
            elif time.monotonic() - heard > self._silent_after_s:
                raise BusError(f"the server has not reported for {self._silent_after_s:g} s")
        raise BusError("the media connection to the server is lost")

    async def _reports(self) -> int:
        """Changes with every receiver report: the time of the newest, in microseconds."""
        newest = 0
        for sender in self._peer.getSenders():
            for stats in (await sender.getStats()).values():
                if stats.type == "remote-inbound-rtp":
                    newest = max(newest, int(stats.timestamp.timestamp() * 1_000_000))
        return newest


@contextlib.asynccontextmanager
async def _peer() -> AsyncIterator[RTCPeerConnection]:
    """A peer connection without STUN servers, closed in bounded time."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        yield peer
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await peer.close()


def _prefer_h264(peer: RTCPeerConnection) -> None:
    for transceiver in peer.getTransceivers():
        if transceiver.kind == "video":
            codecs = RTCRtpSender.getCapabilities("video").codecs
            legal = [c for c in codecs if c.mimeType in ("video/H264", "video/rtx")]
            transceiver.setCodecPreferences(legal)
