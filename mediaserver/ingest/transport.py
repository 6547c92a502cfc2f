"""One publish's ICE and DTLS: aiortc's transports on our port, with our reading of the media.

Life: `open` takes a place on the port, `connect` shakes hands, `close` lets go in bounded time.
Incoming packets go to the `Handler`; its `disconnected` is called when the publisher leaves or its
consent is lost (RFC 7675).
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from aiortc.rtcdtlstransport import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
)
from aiortc.rtcicetransport import (
    RTCIceCandidate,
    RTCIceGatherer,
    RTCIceParameters,
    RTCIceTransport,
)

from mediaserver.ingest.dtls import MediaDtls, MediaHandler
from mediaserver.ingest.ice import PortConnection, SharedPort
from mediaserver.ingest.offer import Offer

_CLOSE_TIMEOUT_S = 2.0


class Handler(MediaHandler, Protocol):
    """Who hears what comes over a transport."""

    def disconnected(self) -> None:
        """Nothing more will come."""


class PublishTransport:
    """The transports of one publish."""

    def __init__(self, offer: Offer, port: SharedPort, handler: Handler) -> None:
        self._offer = offer
        self._handler = handler
        self._connection = PortConnection(port)
        gatherer = RTCIceGatherer(iceServers=[])
        gatherer._connection = self._connection
        self._ice = RTCIceTransport(gatherer)
        self._dtls = MediaDtls(
            self._ice,
            RTCCertificate.generateCertificate(),
            media=offer.media,
            handler=handler,
            clock=self._connection,
        )
        self._dtls._set_role("client" if offer.dtls_client else "server")
        self._dtls.on("statechange", self._dtls_changed)

    @property
    def consent_lost(self) -> bool:
        """True when the publisher has stopped answering checks."""
        return self._connection.closing

    @property
    def rtt_s(self) -> float | None:
        """The round-trip time to the publisher by our consent checks, smoothed; None before one."""
        return self._connection.consent.rtt_s

    @property
    def streams(self) -> int:
        """How many SSRCs the publisher has used."""
        return self._dtls.streams

    @property
    def ice_parameters(self) -> RTCIceParameters:
        """Our user name fragment and password."""
        return self._ice.iceGatherer.getLocalParameters()

    @property
    def candidates(self) -> Sequence[RTCIceCandidate]:
        """Where we are reached, after `open`."""
        return self._ice.iceGatherer.getLocalCandidates()

    @property
    def fingerprints(self) -> Sequence[RTCDtlsFingerprint]:
        """Of our certificate."""
        return self._dtls.getLocalParameters().fingerprints

    async def open(self) -> None:
        """Take a place on the port."""
        await self._ice.iceGatherer.gather()
        for media in self._offer.media:
            for ssrc in media.ssrcs:
                self._connection.expect(ssrc)

    async def connect(self) -> str | None:
        """ICE and DTLS; returns why it cannot be, or None when connected. Takes as long as the
        publisher does: the caller sets the limit."""
        offer = self._offer
        await self._ice.start(
            RTCIceParameters(usernameFragment=offer.ice_ufrag, password=offer.ice_password)
        )
        if self._ice.state != "completed":
            return "ICE has failed"
        await self._dtls.start(RTCDtlsParameters(fingerprints=list(offer.fingerprints)))
        if self._dtls.state != "connected":
            return "DTLS has failed"
        self._connection.take_srtp = self._dtls.take
        return None

    async def send_rtcp(self, packet: bytes) -> None:
        """Send one RTCP packet, encrypted. Raises `ConnectionError` when not connected."""
        await self._dtls._send_rtp(packet)

    async def close(self) -> bool:
        """Say goodbye and let go; False where that took too long and was cut short."""
        self._connection.take_srtp = None
        self._dtls.remove_all_listeners()
        pump = self._dtls._task
        stopping = asyncio.create_task(self._stop())
        _done, late = await asyncio.wait({stopping}, timeout=_CLOSE_TIMEOUT_S)
        await cancelled(stopping)
        if pump is not None:
            await cancelled(pump)
        self._free()
        return not late

    def _free(self) -> None:
        """Let go of OpenSSL's and libsrtp's memory at once: aiortc's objects are a circle of
        references, which the garbage collector may leave alone for many a publish."""
        for name in ("_ssl", "_rx_srtp", "_tx_srtp", "_unprotect"):
            setattr(self._dtls, name, None)

    async def _stop(self) -> None:
        await self._dtls.stop()
        await self._ice.stop()

    def _dtls_changed(self) -> None:
        if self._dtls.state == "closed":
            self._handler.disconnected()


async def cancelled(task: "asyncio.Future[Any]") -> None:
    """Cancel a task that may be over, and wait for its end; what it raised is of no interest."""
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
