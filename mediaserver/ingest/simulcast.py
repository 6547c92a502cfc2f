"""A simulcast (RFC 8853): up to three layers of one picture come, the best of them goes on. Pure.

Each layer has a receiver of its own. The best is the largest picture of those whose packets come;
the stream goes over to another layer at a keyframe of that layer, so it never breaks:

* At the start the first frames of all layers are kept for a quarter of a second, so that the show
  begins with the best and not with the quickest.
* When the layer in use falls silent (browsers pause the large ones where the line is thin), the
  best of the others is asked for a keyframe, and leads from then on.
* A better layer must have come for a second before it is asked for one.

Only the layer in use and the one that is wanted get requests for packets and keyframes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from aiortc.rtp import RtcpReceiverInfo

from mediaserver.ingest import rtcp
from mediaserver.ingest.frames import EncodedFrame
from mediaserver.ingest.offer import OfferedMedia
from mediaserver.ingest.receiver import TrackFigures, TrackReceiver
from mediaserver.ingest.rtp import RtpPacket

_START_NS = 250_000_000
_MAX_KEPT_FRAMES = 64
"""Frames that a layer keeps at the start. When full, the start is over."""
_SILENT_NS = 400_000_000
_STEADY_NS = 1_000_000_000
_WISH_AGAIN_NS = 10_000_000_000
_MAX_SSRCS = 16
"""SSRCs whose layer is remembered; the oldest is forgotten first."""


class _Layer:
    """One layer with what its choice depends on."""

    def __init__(self, rid: str, receiver: TrackReceiver) -> None:
        self.rid = rid
        self.receiver = receiver
        self.last_ns: int | None = None
        """When its last packet came."""
        self.since_ns = 0
        """Since when its packets have come without a pause."""
        self.area = 0
        """Of its picture; 0 before its first keyframe."""
        self.kept: list[EncodedFrame] = []
        self.wished_ns: int | None = None

    def note(self, now_ns: int) -> None:
        """A packet of the layer has come."""
        if not self.flows(now_ns):
            self.since_ns = now_ns
        self.last_ns = now_ns

    def flows(self, now_ns: int) -> bool:
        """Whether the publisher sends the layer."""
        return self.last_ns is not None and now_ns - self.last_ns < _SILENT_NS

    def keep(self, frames: Sequence[EncodedFrame]) -> None:
        """Keep frames from a keyframe on."""
        self.kept += [frame for frame in frames if self.kept or frame.keyframe]


@dataclass(frozen=True, slots=True)
class _Taken:
    """Packets of a layer, and what became of those that were missing."""

    packets: int = 0
    lost: int = 0
    recovered: int = 0

    @classmethod
    def of(cls, layer: _Layer) -> Self:
        figures = layer.receiver.figures()
        return cls(figures.packets, figures.lost, figures.recovered)

    def __add__(self, other: "_Taken") -> "_Taken":
        return _Taken(
            self.packets + other.packets,
            self.lost + other.lost,
            self.recovered + other.recovered,
        )

    def __sub__(self, other: "_Taken") -> "_Taken":
        return self + _Taken(-other.packets, -other.lost, -other.recovered)


class SimulcastReceiver:
    """The receiving end of a simulcast track, in the shape of a `TrackReceiver`."""

    def __init__(
        self, media: OfferedMedia, *, sender_ssrc: int, keyframe_interval_ns: int = 0
    ) -> None:
        self.media = media
        self.restarts = 0
        """How often another SSRC, and so another RTP clock, has taken the lead."""
        self._layers = {
            rid: _Layer(
                rid,
                TrackReceiver(
                    media, sender_ssrc=sender_ssrc, keyframe_interval_ns=keyframe_interval_ns
                ),
            )
            for rid in media.layers
        }
        self._rids: dict[int, str] = {}
        self._used: _Layer | None = None
        self._restarts_seen = 0
        self._start_ns: int | None = None
        self._frames = self._keyframes = self._damaged = 0
        self._keyframe_ns: int | None = None
        self._keyframe_interval_s: float | None = None
        self._look_ns: int | None = None
        self._in_use = _Taken()
        """Of the layers in use, each for its time."""
        self._since = _Taken()
        """What the layer in use had when it came into use."""

    @property
    def report(self) -> rtcp.SenderReport | None:
        """The newest sender report of the layer in use."""
        return None if self._used is None else self._used.receiver.report

    @property
    def deadline_ns(self) -> int | None:
        """When `poll` or `feedback` has something to do."""
        deadlines = [layer.receiver.deadline_ns for layer in self._asked()]
        deadlines.append(self._look_ns)
        return min((at for at in deadlines if at is not None), default=None)

    @property
    def ssrcs(self) -> list[int]:
        """The layers' SSRCs."""
        return [ssrc for layer in self._layers.values() for ssrc in layer.receiver.ssrcs]

    @property
    def unsettled(self) -> bool:
        """Layers come and go by time alone, so there is always something to wait for."""
        return True

    def rtp(self, packet: RtpPacket, now_ns: int) -> Sequence[EncodedFrame]:
        """Take a packet of any layer; returns the frames of the layer in use that it completes."""
        layer = self._layer_of(packet)
        if layer is None:
            return ()
        if self._start_ns is None:
            self._start_ns = now_ns
            self._look_ns = now_ns + _START_NS
        if packet.payload_type == self.media.payload_type:
            layer.note(now_ns)
        return self._chosen(layer, layer.receiver.rtp(packet, now_ns), now_ns)

    def poll(self, now_ns: int) -> Sequence[EncodedFrame]:
        """Mind the time; returns frames of one layer only."""
        if self._used is None and self._start_over(now_ns) and (begun := self._begun()):
            return begun
        self._look(now_ns)
        for layer in self._in_order():
            frames = self._chosen(layer, layer.receiver.poll(now_ns), now_ns)
            if frames:
                return frames  # what the others have waits for the next time
        return ()

    def round_trip(self, round_trip_ns: int) -> None:
        """The line's round trip has been measured."""
        for layer in self._layers.values():
            layer.receiver.round_trip(round_trip_ns)

    def wish_keyframe(self) -> None:
        """The decoder needs a keyframe to go on."""
        for layer in self._asked():
            layer.receiver.wish_keyframe()

    def sender_report(self, report: rtcp.SenderReport, now_ns: int) -> bool:
        """A sender report came; returns whether it is of the layer in use."""
        layer = self._layers.get(self._rids.get(report.ssrc, ""))
        if layer is None:
            return False
        return layer.receiver.sender_report(report, now_ns) and layer is self._used

    def feedback(self, now_ns: int) -> list[bytes]:
        """The requests of the layers in use and wanted."""
        return [p for layer in self._asked() for p in layer.receiver.feedback(now_ns)]

    def report_blocks(self, now_ns: int) -> list[RtcpReceiverInfo]:
        """A block for each layer."""
        layers = self._layers.values()
        return [block for layer in layers for block in layer.receiver.report_blocks(now_ns)]

    def figures(self) -> TrackFigures:
        """Bytes and requests of all layers; packets and losses of the layer in use, since nobody
        repairs the others; frames of what went on."""
        all_layers = [layer.receiver.figures() for layer in self._layers.values()]
        used = self._used.receiver.figures() if self._used is not None else None
        taken = self._taken()

        def total(name: str) -> int:
            return sum(getattr(each, name) for each in all_layers)

        return TrackFigures(
            packets=taken.packets,
            received_bytes=total("received_bytes"),
            frames=self._frames,
            keyframes=self._keyframes,
            damaged=self._damaged,
            malformed=total("malformed"),
            late=total("late"),
            lost=taken.lost,
            recovered=taken.recovered,
            nacks=total("nacks"),
            plis=total("plis"),
            jitter_s=used.jitter_s if used is not None else 0.0,
            width=used.width if used is not None else 0,
            height=used.height if used is not None else 0,
            keyframe_interval_s=self._keyframe_interval_s,
            layer=self._used.rid if self._used is not None else "",
        )

    def _layer_of(self, packet: RtpPacket) -> _Layer | None:
        """Packets name their layer until we have reported on their SSRC (RFC 8852 §3.3)."""
        rid = packet.repaired_rid or packet.rid
        if rid is None and packet.ssrc not in self._rids:
            rid = self._lacking(packet)
        if rid is None:
            return self._layers.get(self._rids.get(packet.ssrc, ""))
        if rid in self._layers and self._rids.get(packet.ssrc) != rid:
            while len(self._rids) >= _MAX_SSRCS:
                del self._rids[next(iter(self._rids))]
            self._rids[packet.ssrc] = rid
        return self._layers.get(rid)

    def _lacking(self, packet: RtpPacket) -> str | None:
        """The layer that asked for a retransmission which does not name its own (OBS)."""
        if packet.payload_type != self.media.rtx_payload_type:
            return None
        lacking = (layer.rid for layer in self._asked() if layer.receiver.lacks(packet))
        return next(lacking, None)

    def _chosen(
        self, layer: _Layer, frames: Sequence[EncodedFrame], now_ns: int
    ) -> Sequence[EncodedFrame]:
        """What goes on of these frames of a layer; goes over to it where it is the one wanted."""
        for frame in frames:
            if frame.size is not None:
                layer.area = frame.size[0] * frame.size[1]
        if self._used is None:
            layer.keep(frames)
            over = self._start_over(now_ns) or len(layer.kept) >= _MAX_KEPT_FRAMES
            return self._begun() if over else ()
        if layer is not self._used:
            place = next((n for n, frame in enumerate(frames) if frame.keyframe), None)
            if place is None or layer is not self._wanted(now_ns):
                return ()
            frames = frames[place:]
            self._use(layer)
        if layer.receiver.restarts != self._restarts_seen:
            self._restarts_seen = layer.receiver.restarts
            self.restarts += 1
        return self._counted(frames)

    def _start_over(self, now_ns: int) -> bool:
        return self._start_ns is not None and now_ns - self._start_ns >= _START_NS

    def _begun(self) -> Sequence[EncodedFrame]:
        """Go on with the best layer that has a keyframe, and with what was kept of it."""
        best = max((each for each in self._layers.values() if each.kept), key=_area, default=None)
        if best is None:
            self._look_ns = None  # the first keyframe decides
            return ()
        kept = best.kept
        self._use(best)
        self.restarts = 0
        for layer in self._layers.values():
            layer.kept = []
        return self._counted(kept)

    def _taken(self) -> _Taken:
        """Packets and losses of the layers in use, each for its time; they only grow."""
        if self._used is None:
            return self._in_use
        return self._in_use + _Taken.of(self._used) - self._since

    def _use(self, layer: _Layer) -> None:
        if self._used is not None:
            self._in_use, self._since = self._taken(), _Taken.of(layer)
        self._used = layer
        self._restarts_seen = layer.receiver.restarts
        self.restarts += 1

    def _counted(self, frames: Sequence[EncodedFrame]) -> Sequence[EncodedFrame]:
        for frame in frames:
            self._frames += 1
            self._damaged += frame.damaged
            if frame.keyframe:
                self._keyframes += 1
                if self._keyframe_ns is not None:
                    since_ns = frame.arrival_ns - self._keyframe_ns
                    self._keyframe_interval_s = max(since_ns, 0) / 1e9
                self._keyframe_ns = frame.arrival_ns
        return frames

    def _look(self, now_ns: int) -> None:
        """Ask for a keyframe of the layer that should be used, where it is not the one in use."""
        if self._used is None:
            return
        silent_ns = (self._used.last_ns or 0) + _SILENT_NS
        self._look_ns = silent_ns if silent_ns > now_ns else now_ns + _SILENT_NS
        wanted = self._wanted(now_ns)
        for layer in self._layers.values():
            if layer is not wanted:
                layer.wished_ns = None
        if wanted is None or wanted is self._used:
            return
        if wanted.wished_ns is None or now_ns - wanted.wished_ns > _WISH_AGAIN_NS:
            wanted.wished_ns = now_ns
            wanted.receiver.wish_keyframe()

    def _wanted(self, now_ns: int) -> _Layer | None:
        """The layer that should be used now; None while none comes."""
        used = self._used
        coming = [layer for layer in self._layers.values() if layer.flows(now_ns)]
        if used in coming:
            coming = [
                each for each in coming if now_ns - each.since_ns >= _STEADY_NS or each is used
            ]
        best = max(coming, key=_area, default=None)
        if used is not None and best is not None and used in coming and best.area == used.area:
            return used
        return best

    def _asked(self) -> list[_Layer]:
        """The layers that get requests: in use, wanted, and any whose picture is not known yet."""
        return [
            layer
            for layer in self._layers.values()
            if layer is self._used or layer.wished_ns is not None or not layer.area
        ]

    def _in_order(self) -> list[_Layer]:
        return sorted(self._layers.values(), key=lambda layer: layer is not self._used)


def _area(layer: _Layer) -> int:
    return layer.area
