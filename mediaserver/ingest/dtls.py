"""aiortc's DTLS transport with our reading of what it decrypts.

RTP and RTCP are read here once, and only as far as a publish needs them. Once connected, media goes
from the socket straight to `take`, past aiortc's queue and tasks: that halves what a packet costs.
Packets of formats that were not negotiated are dropped, as is what cannot be read.
"""

from collections.abc import Sequence
from typing import Protocol

import pylibsrtp
import structlog
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport, State
from aiortc.rtcicetransport import RTCIceTransport
from aiortc.rtp import is_rtcp

from mediaserver.ingest.offer import OfferedMedia
from mediaserver.ingest.rtcp import SenderReport
from mediaserver.ingest.rtcp_in import TimeEcho, read_rtcp
from mediaserver.ingest.rtp import ExtensionIds, RtpPacket, RtpReader
from mediaserver.ingest.stun import MAX_DATAGRAM_BYTES
from transcoder.values import Kind

log = structlog.get_logger()

MAX_STREAMS = 64
"""SSRCs of one publish; the packets of any further one are dropped."""


class MediaHandler(Protocol):
    """Who hears what was decrypted."""

    def rtp(self, kind: Kind, packet: RtpPacket, arrival_ns: int) -> None:
        """A packet of a track."""

    def sender_report(self, kind: Kind, report: SenderReport, arrival_ns: int) -> None:
        """A sender report of a track."""

    def time_echo(self, echo: TimeEcho, arrival_ns: int) -> None:
        """The publisher echoes a reference time of ours."""


class ArrivalClock(Protocol):
    """Who knows when the datagram came that is being handled."""

    arrival_ns: int
    authentic_ns: int
    """Set here: when a datagram came last that was in the publisher's keys."""

    def expect(self, ssrc: int) -> None:
        """The publisher has begun to send this stream."""


class MediaDtls(RTCDtlsTransport):
    """The DTLS and SRTP of one publish."""

    def __init__(
        self,
        ice: RTCIceTransport,
        certificate: RTCCertificate,
        *,
        media: Sequence[OfferedMedia],
        handler: MediaHandler,
        clock: ArrivalClock,
    ) -> None:
        super().__init__(ice, [certificate])
        self._media_handler = handler
        self._clock = clock
        self._reader = RtpReader(_extension_ids(media))
        self._formats: dict[int, Kind] = {}
        self._streams: dict[int, Kind] = {}
        self.refused_streams = 0
        """Packets of SSRCs past `MAX_STREAMS`."""
        self._unprotect: _Unprotect | None = None
        self.unauthentic = 0
        """Datagrams that were not encrypted with the publisher's keys, or came twice."""
        for item in media:
            self._formats[item.payload_type] = item.kind
            if item.rtx_payload_type is not None:
                self._formats[item.rtx_payload_type] = item.kind
            self._streams.update(dict.fromkeys(item.ssrcs, item.kind))

    @property
    def streams(self) -> int:
        """How many SSRCs the publisher has named or used; one past `MAX_STREAMS` is too many."""
        return len(self._streams) + bool(self.refused_streams)

    def take(self, data: bytes, arrival_ns: int) -> None:
        """A datagram of SRTP or SRTCP has come. What is not the publisher's is dropped; an error of
        ours ends the publish, as it would in aiortc's own task."""
        if self._rx_srtp is None or len(data) > MAX_DATAGRAM_BYTES:
            return
        if self._unprotect is None:
            self._unprotect = _Unprotect(self._rx_srtp)
        rtcp = is_rtcp(data)
        plain = self._unprotect(data, rtcp=rtcp)
        if plain is None:
            self.unauthentic += 1
            return
        self._clock.authentic_ns = arrival_ns
        try:
            if rtcp:
                self._read_rtcp(plain, arrival_ns)
            else:
                self._read_rtp(plain, arrival_ns)
        except Exception:
            log.exception("media_failed")
            self._set_state(State.CLOSED)

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        # The given arrival is the wall clock's, which may step.
        self._read_rtp(data, self._clock.arrival_ns)

    async def _handle_rtcp_data(self, data: bytes) -> None:
        self._read_rtcp(data, self._clock.arrival_ns)

    def _read_rtp(self, data: bytes, arrival_ns: int) -> None:
        try:
            packet = self._reader.read(data)
        except ValueError:
            return
        kind = self._formats.get(packet.payload_type)
        if kind is None:
            return
        if packet.ssrc not in self._streams:
            if len(self._streams) >= MAX_STREAMS:
                self.refused_streams += 1
                return
            self._streams[packet.ssrc] = kind
            self._clock.expect(packet.ssrc)
        self._media_handler.rtp(kind, packet, arrival_ns)

    def _read_rtcp(self, data: bytes, arrival_ns: int) -> None:
        for report in read_rtcp(data):
            if isinstance(report, TimeEcho):
                self._media_handler.time_echo(report, arrival_ns)
            elif (kind := self._streams.get(report.ssrc)) is not None:
                self._media_handler.sender_report(kind, report, arrival_ns)


class _Unprotect:
    """A libsrtp session's decryption without pylibsrtp's wrapping, which costs as much as the
    decryption. The session's own buffer is used."""

    def __init__(self, session: pylibsrtp.Session) -> None:
        self._session = session
        """Kept, since it frees what the next one points to."""
        self._srtp = session._srtp[0]
        self._cdata, self._buffer = session._cdata, session._buffer
        binding = vars(pylibsrtp)
        self._length = binding["ffi"].new("int *")
        self._rtp, self._rtcp = binding["lib"].srtp_unprotect, binding["lib"].srtp_unprotect_rtcp

    def __call__(self, data: bytes, *, rtcp: bool) -> bytes | None:
        """What `data`, which fits the buffer, decrypts to; None where it is not authentic."""
        length = self._length
        length[0] = size = len(data)
        self._buffer[0:size] = data
        unprotect = self._rtcp if rtcp else self._rtp
        if unprotect(self._srtp, self._cdata, length):
            return None
        plain: bytes = self._buffer[0 : length[0]]
        return plain


def _extension_ids(media: Sequence[OfferedMedia]) -> ExtensionIds:
    """The ids that were answered; RFC 8843 §10: they are the same on every bundled m-line."""

    def first(name: str) -> int | None:
        return next((n for m in media if (n := getattr(m, name)) is not None), None)

    simulcast = any(item.layers for item in media)
    return ExtensionIds(
        transport_cc=first("transport_cc_extension"),
        rid=first("rid_extension") if simulcast else None,
        repaired_rid=first("repaired_rid_extension") if simulcast else None,
    )
