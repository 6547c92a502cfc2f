"""One publish's ICE and DTLS: aiortc's transports on our port, with our receivers behind them.

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
    RTCDtlsTransport,
)
from aiortc.rtcicetransport import (
    RTCIceCandidate,
    RTCIceGatherer,
    RTCIceParameters,
    RTCIceTransport,
)
from aiortc.rtcrtpparameters import (
    RTCRtpCodecParameters,
    RTCRtpDecodingParameters,
    RTCRtpHeaderExtensionParameters,
    RTCRtpReceiveParameters,
)
from aiortc.rtp import AnyRtcpPacket, RtcpSrPacket, RtpPacket

from mediaserver.ingest.ice import PortConnection, SharedPort
from mediaserver.ingest.offer import MID_EXTENSION, Offer, OfferedMedia
from mediaserver.ingest.rtcp import SenderReport
from transcoder.values import Kind

_CLOSE_TIMEOUT_S = 2.0


class Handler(Protocol):
    """Who hears what comes over a transport."""

    def rtp(self, kind: Kind, packet: RtpPacket, arrival_ns: int) -> None:
        """A packet of a track, decrypted."""

    def sender_report(self, kind: Kind, report: SenderReport, arrival_ns: int) -> None:
        """A sender report of a track."""

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
        self._dtls = RTCDtlsTransport(self._ice, [RTCCertificate.generateCertificate()])
        self._dtls._set_role("client" if offer.dtls_client else "server")
        self._dtls.on("statechange", self._dtls_changed)
        for media in offer.media:
            receiver = _Receiver(media.kind, handler, self._connection)
            self._dtls._register_rtp_receiver(receiver, _receive_parameters(media))

    @property
    def consent_lost(self) -> bool:
        """True when the publisher has stopped answering checks."""
        return self._connection.closing

    @property
    def streams(self) -> int:
        """How many SSRCs the publisher has used."""
        return len(self._dtls._rtp_router.ssrc_table)

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
        return None if self._dtls.state == "connected" else "DTLS has failed"

    async def send_rtcp(self, packet: bytes) -> None:
        """Send one RTCP packet, encrypted. Raises `ConnectionError` when not connected."""
        await self._dtls._send_rtp(packet)

    async def close(self) -> bool:
        """Say goodbye and let go; False where that took too long and was cut short."""
        self._dtls.remove_all_listeners()
        pump = self._dtls._task
        stopping = asyncio.create_task(self._stop())
        _done, late = await asyncio.wait({stopping}, timeout=_CLOSE_TIMEOUT_S)
        await cancelled(stopping)
        if pump is not None:
            await cancelled(pump)
        return not late

    async def _stop(self) -> None:
        await self._dtls.stop()
        await self._ice.stop()

    def _dtls_changed(self) -> None:
        if self._dtls.state == "closed":
            self._handler.disconnected()


class _Receiver:
    """What aiortc's DTLS transport calls with the packets of one track."""

    def __init__(self, kind: Kind, handler: Handler, connection: PortConnection) -> None:
        self._kind: Kind = kind
        self._handler = handler
        self._connection = connection

    async def _handle_rtp_packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        # The given arrival is the wall clock's, which may step.
        self._handler.rtp(self._kind, packet, self._connection.arrival_ns)

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpSrPacket):
            info = packet.sender_info
            report = SenderReport(ntp=info.ntp_timestamp, rtp=info.rtp_timestamp)
            self._handler.sender_report(self._kind, report, self._connection.arrival_ns)

    def _handle_disconnect(self) -> None:
        self._handler.disconnected()


def _receive_parameters(media: OfferedMedia) -> RTCRtpReceiveParameters:
    payload_types = [media.payload_type]
    if media.rtx_payload_type is not None:
        payload_types.append(media.rtx_payload_type)
    extensions = []
    if media.mid_extension is not None:
        extensions.append(
            RTCRtpHeaderExtensionParameters(id=media.mid_extension, uri=MID_EXTENSION)
        )
    return RTCRtpReceiveParameters(
        codecs=[
            RTCRtpCodecParameters(
                mimeType=f"{media.kind}/{media.name}",
                clockRate=media.clock_rate,
                payloadType=payload_type,
            )
            for payload_type in payload_types
        ],
        headerExtensions=extensions,
        muxId=media.mid,
        encodings=[
            RTCRtpDecodingParameters(ssrc=ssrc, payloadType=media.payload_type)
            for ssrc in media.ssrcs
        ],
    )


async def cancelled(task: "asyncio.Future[Any]") -> None:
    """Cancel a task that may be over, and wait for its end; what it raised is of no interest."""
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
