"""The life of one publish: it connects, its media flows, and its end cannot hang.

`open` answers the offer and starts the session's task, which connects within the configured time,
then pumps feedback and timers until the publisher leaves, its consent is lost or `end` is called.
The RTP goes, packet by packet, through a `Publish` (pure) to the `Outlet`. Every change of state is
reported once; the last is `closed`, after everything has been let go.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Literal

import structlog

from mediaserver.bus.messages import OpenSession, SessionEvent, SessionInfo
from mediaserver.config import WebRtcConfig
from mediaserver.ingest.answer import write_answer
from mediaserver.ingest.dtls import MAX_STREAMS
from mediaserver.ingest.ice import SharedPort
from mediaserver.ingest.metrics import SessionFigures
from mediaserver.ingest.offer import Offer
from mediaserver.ingest.outlet import Outlet
from mediaserver.ingest.publish import Publish
from mediaserver.ingest.rtcp import SenderReport
from mediaserver.ingest.rtcp_in import TimeEcho
from mediaserver.ingest.rtp import RtpPacket
from mediaserver.ingest.transport import PublishTransport, cancelled
from transcoder.values import AccessUnit, Kind

log = structlog.get_logger()

_IDLE_NS = 500_000_000
"""The timers look around at least this often."""
_SHORTEST_SLEEP_NS = 1_000_000

State = Literal["connecting", "connected", "media", "silent"]


class Session:
    """One publish. `report` hears of every change of state, `closed` last."""

    def __init__(
        self,
        order: OpenSession,
        offer: Offer,
        *,
        port: SharedPort,
        settings: WebRtcConfig,
        report: Callable[[SessionEvent], None],
    ) -> None:
        self._order = order
        self._offer = offer
        self._settings = settings
        self._report = report
        self._log = log.bind(session=order.session, show=order.show)
        self._state: State = "connecting"
        self._ended = asyncio.Event()
        self._reason = ""
        self._wake = asyncio.Event()
        self._asleep_until_ns = 0
        self._task: asyncio.Task[None] | None = None
        self._connected_ns = 0
        self._publish = Publish(
            offer.media,
            source=order.source,
            anchor=order.anchor,
            sender_ssrc=secrets.randbits(32),
            cname=secrets.token_hex(8),
            utc_us=lambda: time.time_ns() // 1000,
            max_bitrate_bps=settings.max_bitrate_bps,
            keyframe_interval_s=settings.keyframe_interval_s,
        )
        self._outlet = Outlet(
            order.au_socket,
            epoch=order.epoch,
            source=order.source,
            wish_keyframe=self._wish_keyframe,
        )
        self._transport = PublishTransport(offer, port, self)

    async def open(self) -> str:
        """Take a place on the port, start the session's task; returns the SDP answer."""
        await self._transport.open()
        self._outlet.start()
        self._task = asyncio.create_task(self._live())
        self._log.info("session_opened", codecs=[m.codec for m in self._offer.media])
        return write_answer(
            self._offer,
            ice=self._transport.ice_parameters,
            candidates=self._transport.candidates,
            fingerprints=self._transport.fingerprints,
            max_bitrate_bps=self._settings.max_bitrate_bps,
        )

    def route(self, au_socket: str) -> None:
        """Send the access units to another worker from now on."""
        self._outlet.route(au_socket)

    def end(self, reason: str) -> None:
        """Ask the session's task to end; the first reason counts."""
        if not self._ended.is_set():
            self._reason = reason
            self._ended.set()
            self._wake.set()

    async def close(self, reason: str) -> None:
        """End the session and wait until it is over; it is bound to be, soon."""
        self.end(reason)
        if self._task is not None:
            await asyncio.wait({self._task})

    def info(self) -> SessionInfo:
        """What main needs to adopt the session."""
        return SessionInfo(
            session=self._order.session,
            show=self._order.show,
            epoch=self._order.epoch,
            source=self._order.source,
            state=self._state,
            anchor=self._publish.anchor,
        )

    def host_moment(self, host_utc_us: int) -> int | None:
        """The tick captured when the host's clock read this; None where that is not known."""
        return self._publish.host_moment(host_utc_us, time.monotonic_ns())

    def figures(self) -> SessionFigures:
        """What the metrics show."""
        return SessionFigures(
            session=self._order.session,
            show=self._order.show,
            source=self._order.source,
            state=self._state,
            codecs={media.kind: media.codec for media in self._offer.media},
            tracks=self._publish.figures(),
            sent=self._outlet.sent,
            dropped=self._outlet.dropped,
            reanchored=self._publish.reanchored,
            stale=self._publish.stale,
            skew_ns=self._publish.skew_ns,
            rtt_s=self._rtt_s(),
        )

    def _rtt_s(self) -> float | None:
        """By RTCP where the publisher takes part, which tells more often, else by ICE."""
        by_rtcp = self._publish.rtt_s
        return self._transport.rtt_s if by_rtcp is None else by_rtcp

    def rtp(self, kind: Kind, packet: RtpPacket, arrival_ns: int) -> None:
        """A packet of a track came."""
        units = self._publish.rtp(kind, packet, arrival_ns)
        if units:
            self._deliver(units)
        if units or self._publish.unsettled:
            self._look_up()

    def sender_report(self, kind: Kind, report: SenderReport, arrival_ns: int) -> None:
        """A sender report of a track came."""
        self._publish.sender_report(kind, report, arrival_ns)

    def time_echo(self, echo: TimeEcho, arrival_ns: int) -> None:
        """The publisher echoes a reference time of ours."""
        self._publish.time_echo(echo, arrival_ns)

    def disconnected(self) -> None:
        """The transport is gone: the publisher has left, or its consent was lost."""
        lost = self._transport.consent_lost
        self.end("the publisher has vanished" if lost else "the publisher has left")

    async def _live(self) -> None:
        try:
            if await self._connect():
                self._connected_ns = time.monotonic_ns()
                self._enter("connected", "")
                await self._pump()
        except Exception:
            self.end("an internal error")
            self._log.exception("session_failed")
        finally:
            if not await self._transport.close():
                self._log.warning("session_close_late")
            await self._outlet.close()
            self._log.info("session_closed", reason=self._reason)
            self._tell("closed", self._reason)

    async def _connect(self) -> bool:
        """ICE and DTLS, within the configured time (RFC 9725 §4.2)."""
        connecting = asyncio.create_task(self._transport.connect())
        ended = asyncio.create_task(self._ended.wait())
        limit_s = self._settings.connect_timeout_s
        try:
            await asyncio.wait(
                {connecting, ended}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED
            )
            if not connecting.done():
                self.end(f"no connection within {limit_s:g} s")
            elif failure := connecting.result():
                self.end(failure)
            return not self._ended.is_set()
        finally:
            await cancelled(connecting)
            await cancelled(ended)

    async def _pump(self) -> None:
        """Send feedback and mind the timers until the session ends."""
        while not self._ended.is_set():
            now_ns = time.monotonic_ns()
            self._deliver(self._publish.poll(now_ns))
            for packet in self._publish.feedback(now_ns):
                await self._send(packet)
            self._watch(now_ns)
            silent_ns = None if self._state == "silent" else self._silent_ns()
            due_ns = self._publish.deadline_ns()
            self._asleep_until_ns = next_look_ns(now_ns, due_ns=due_ns, silent_ns=silent_ns)
            await self._sleep(max(self._asleep_until_ns - now_ns, _SHORTEST_SLEEP_NS))

    async def _sleep(self, duration_ns: int) -> None:
        """Until the time is over, an earlier deadline has come up, or the end."""
        self._wake.clear()
        if self._ended.is_set():
            return
        try:
            async with asyncio.timeout(duration_ns / 1e9):
                await self._wake.wait()
        except TimeoutError:
            return

    def _look_up(self) -> None:
        """Wake the pump where something has come due before it meant to wake."""
        deadline_ns = self._publish.deadline_ns()
        if deadline_ns is not None and deadline_ns < self._asleep_until_ns:
            self._wake.set()

    async def _send(self, packet: bytes) -> None:
        try:
            await self._transport.send_rtcp(packet)
        except ConnectionError:
            self.disconnected()

    def _watch(self, now_ns: int) -> None:
        """The media watchdog, and the bound on the publisher's SSRCs."""
        if self._state != "silent" and now_ns >= self._silent_ns():
            self._enter("silent", f"no frame for {self._settings.silent_after_s:g} s")
        if self._transport.streams > MAX_STREAMS:
            self.end("the publisher sends too many streams")

    def _silent_ns(self) -> int:
        """When the publish counts as silent unless a frame comes."""
        last_ns = self._publish.last_frame_ns or self._connected_ns
        return last_ns + round(self._settings.silent_after_s * 1e9)

    def _wish_keyframe(self) -> None:
        self._publish.wish_keyframe()
        self._look_up()

    def _deliver(self, units: Sequence[AccessUnit]) -> None:
        anchor = self._publish.anchor
        if not units or anchor is None:
            return
        for unit in units:
            self._outlet.send(unit, anchor)
        if self._state in ("connected", "silent"):
            self._enter("media", "")

    def _enter(self, state: Literal["connected", "media", "silent"], reason: str) -> None:
        self._state = state
        self._log.info("session_state", state=state, reason=reason)
        self._tell(state, reason)

    def _tell(self, state: Literal["connected", "media", "silent", "closed"], reason: str) -> None:
        self._report(SessionEvent(session=self._order.session, state=state, reason=reason))


def next_look_ns(now_ns: int, *, due_ns: int | None, silent_ns: int | None) -> int:
    """When the timers look around again: as something is due, as the publish falls silent (None:
    it has), and soon at the latest."""
    return min(at for at in (due_ns, silent_ns, now_ns + _IDLE_NS) if at is not None)
