"""A publish over a bad line on a virtual clock: how many of its pictures leave the ingest in time.

The sender is one as `bench.ingest.publisher` is: it sends the clip, reports each second, answers
requests for lost packets (RFC 4588) and makes no keyframe when asked. Between it and the ingest's
pure core lie the two links of a profile. Neither process, socket nor real time takes part, so the
same seed gives the same outcome on any machine.
"""

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import av
from aiortc.codecs.h264 import H264Encoder
from aiortc.rtp import RTP_HISTORY_SIZE, RtcpPacket, RtcpRtpfbPacket

from bench.faults.link import Link
from bench.faults.profiles import Profile
from bench.ingest.clip import BLOCKS, FPS, FRAMES, Clip
from mediaserver.demo import tone
from mediaserver.demo.encoders import OPUS_SAMPLES
from mediaserver.ingest.offer import OfferedMedia
from mediaserver.ingest.publish import Publish
from mediaserver.ingest.rtcp import SenderReport
from mediaserver.ingest.rtp import RtpPacket
from transcoder.decode import ShowGate
from transcoder.profiles import Profile as EncoderProfile
from transcoder.values import TICKS_PER_SECOND, AccessUnit, Kind

SECOND_NS = 1_000_000_000
_START_NS = 1_000 * SECOND_NS
_NTP_SECONDS = 4_000_000_000
_TAIL_NS = 2 * SECOND_NS
_STEP_NS = 1_000_000
"""The ingest's timer is no finer."""
_OVERHEAD_BYTES = 12 + 10
"""An RTP header and SRTP's tag."""
_REPORT_BYTES = 40
_HOLD_NS = EncoderProfile().hold_ms * 1_000_000
"""The least that a worker waits for what is late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftIngest:
    """What became of a publish's pictures."""

    sent: int
    left: int
    """Those that the ingest handed on at all."""
    shown_ns: tuple[int, ...]
    """The times of those that a decoder can show and that were not too late for their slot."""
    lost: int
    """Datagrams that the line lost, of those sent."""

    @property
    def share(self) -> float:
        """Which share of the pictures could be shown in its slot."""
        return len(self.shown_ns) / self.sent

    def freezes(self, over_s: float) -> int:
        """How many pauses there were between two pictures over so many seconds."""
        steps = (after - before for before, after in itertools.pairwise(self.shown_ns))
        return sum(step > over_s * SECOND_NS for step in steps)


class VirtualLine:
    """One publish of `media` through one profile. `run` it once."""

    def __init__(
        self, clip: Clip, media: Sequence[OfferedMedia], profile: Profile, *, seed: int
    ) -> None:
        self._clip, self._profile = clip, profile
        self._media = {item.kind: item for item in media}
        self._up, self._down = Link(seed=seed), Link(seed=seed + 1)
        self._publish = Publish(
            media, source=1, anchor=None, sender_ssrc=1, cname="c", utc_us=lambda: 0
        )
        self._gate = ShowGate()
        self._now_ns = _START_NS
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._history: dict[int, RtpPacket] = {}
        """Of the pictures' packets, by sequence number."""
        self._numbers: dict[str, int] = {"video": 65_000, "audio": 0, "rtx": 0}
        self._due_ns: int | None = None
        """When the ingest has something to do by itself."""
        self._sent = self._left = 0
        self._shown_ns: list[int] = []

    def run(self, seconds: int) -> LeftIngest:
        """Publish for so long."""
        for second in range(seconds):
            base_ns = _START_NS + second * SECOND_NS
            for n in range(second * FPS, (second + 1) * FPS):
                self._at(_START_NS + n * SECOND_NS // FPS, partial(self._picture, n))
            for n in range(second * 50, (second + 1) * 50):
                self._at(_START_NS + n * SECOND_NS // 50, partial(self._sound, n))
            self._at(base_ns + 1, partial(self._reports, second))
        end_ns = _START_NS + seconds * SECOND_NS + _TAIL_NS
        while self._events and self._events[0][0] < end_ns:
            self._now_ns, _, act = heapq.heappop(self._events)
            act()
        return LeftIngest(
            sent=self._sent, left=self._left, shown_ns=tuple(self._shown_ns), lost=self._up.lost
        )

    def _at(self, at_ns: int, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (at_ns, next(self._order), act))

    # the sender

    def _picture(self, n: int) -> None:
        packet = av.Packet(self._clip.pictures[n % FRAMES])
        packet.pts, packet.time_base = n * TICKS_PER_SECOND // FPS, Fraction(1, TICKS_PER_SECOND)
        payloads = H264Encoder._packetize(H264Encoder._split_bitstream(bytes(packet)))
        self._sent += 1
        for place, payload in enumerate(payloads):
            last = place == len(payloads) - 1
            self._send("video", n * TICKS_PER_SECOND // FPS, payload, marker=last)

    def _sound(self, n: int) -> None:
        self._send("audio", n * OPUS_SAMPLES, self._clip.sounds[n % BLOCKS], marker=False)

    def _send(self, kind: Kind, timestamp: int, payload: bytes, *, marker: bool) -> None:
        number = self._numbers[kind] = (self._numbers[kind] + 1) & 0xFFFF
        media = self._media[kind]
        packet = RtpPacket(
            media.payload_type, int(marker), number, timestamp & 0xFFFFFFFF, media.ssrcs[0], payload
        )
        if kind == "video":
            self._history[number] = packet
            self._history.pop((number - RTP_HISTORY_SIZE) & 0xFFFF, None)
        self._carry(kind, packet)

    def _resend(self, number: int) -> None:
        found, media = self._history.get(number), self._media["video"]
        if found is None or media.rtx_payload_type is None:
            return
        self._numbers["rtx"] += 1
        payload = number.to_bytes(2, "big") + found.payload
        again = RtpPacket(
            media.rtx_payload_type, found.marker, self._numbers["rtx"] & 0xFFFF,
            found.timestamp, media.ssrcs[-1], payload,
        )  # fmt: skip
        self._carry("video", again)

    def _reports(self, second: int) -> None:
        ntp = (_NTP_SECONDS + second) << 32
        rates: tuple[tuple[Kind, int], ...] = (
            ("video", TICKS_PER_SECOND), ("audio", tone.SAMPLE_RATE),
        )  # fmt: skip
        for kind, rate in rates:
            report = SenderReport(ntp=ntp, rtp=second * rate & 0xFFFFFFFF)
            self._travel(self._up, _REPORT_BYTES, partial(self._report, kind, report))

    def _report(self, kind: Kind, report: SenderReport) -> None:
        self._publish.sender_report(kind, report, self._now_ns)

    # the line

    def _carry(self, kind: Kind, packet: RtpPacket) -> None:
        def arrive() -> None:
            self._note(self._publish.rtp(kind, packet, self._now_ns))
            self._answer()

        self._travel(self._up, len(packet.payload) + _OVERHEAD_BYTES, arrive)

    def _travel(self, link: Link, size: int, arrive: Callable[[], None]) -> None:
        elapsed_s = (self._now_ns - _START_NS) / SECOND_NS
        impairment = self._profile.impairment(elapsed_s, from_publisher=link is self._up)
        at_ns = link.schedule(size, self._now_ns, impairment)
        if at_ns is not None:
            self._at(at_ns, arrive)

    # the ingest

    def _answer(self) -> None:
        """Send what is due, and come back when more is."""
        for data in self._publish.feedback(self._now_ns):
            self._travel(self._down, len(data), partial(self._asked, data))
        deadline_ns = self._publish.deadline_ns()
        if deadline_ns is not None and (self._due_ns is None or deadline_ns < self._due_ns):
            self._due_ns = max(deadline_ns, self._now_ns + _STEP_NS)
            self._at(self._due_ns, partial(self._due, self._due_ns))

    def _due(self, at_ns: int) -> None:
        if at_ns == self._due_ns:
            self._due_ns = None
            self._note(self._publish.poll(self._now_ns))
            self._answer()

    def _asked(self, data: bytes) -> None:
        for packet in RtcpPacket.parse(data):
            if isinstance(packet, RtcpRtpfbPacket):
                for number in packet.lost:
                    self._resend(number)

    def _note(self, units: Sequence[AccessUnit]) -> None:
        anchor = self._publish.anchor
        for unit in units:
            if unit.kind != "video" or anchor is None:
                continue
            self._left += 1
            due_ns = anchor.monotonic_ns + unit.pts * SECOND_NS // TICKS_PER_SECOND
            verdict = self._gate.admit(
                keyframe=unit.keyframe, damaged=unit.damaged, now_ns=self._now_ns
            )
            if verdict == "show" and self._now_ns <= due_ns + _HOLD_NS:
                self._shown_ns.append(due_ns)
