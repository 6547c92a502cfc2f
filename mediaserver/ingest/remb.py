"""The bit rate to allow a publisher that knows no transport-wide feedback (goog-remb). Pure.

Loss-based (draft-ietf-rmcat-gcc-02 §6): what is configured, less while real packets are lost.
"""

from collections.abc import Iterable
from typing import Protocol

from aiortc.rtp import RTCP_PSFB, RTCP_PSFB_APP, pack_remb_fci, pack_rtcp_packet

_FLOOR_BPS = 200_000
"""Below this there is no picture to speak of."""
_HEAVY, _LIGHT = 0.10, 0.02
_GROWTH = 1.08


class Received(Protocol):
    """What is read of a track's figures; all of it only grows."""

    @property
    def packets(self) -> int: ...
    @property
    def received_bytes(self) -> int: ...
    @property
    def lost(self) -> int: ...
    @property
    def recovered(self) -> int: ...


class AllowedRate:
    """One publish's rate, judged once a second."""

    def __init__(self, *, max_bitrate_bps: int) -> None:
        self._max_bps = max_bitrate_bps
        self._floor_bps = min(_FLOOR_BPS, max_bitrate_bps)
        self._before = (0, 0, 0)
        self._before_ns: int | None = None
        self.bps = max_bitrate_bps

    def judge(self, tracks: Iterable[Received], now_ns: int) -> int:
        """The rate from now on. Packets that were repaired count as lost: at first they were. A
        reduction starts at what was received, since what is allowed in vain is no measure."""
        each = list(tracks)
        missed = sum(track.lost + track.recovered for track in each)
        totals = (sum(t.packets for t in each), missed, sum(t.received_bytes for t in each))
        packets, lost, octets = (now - then for now, then in zip(totals, self._before, strict=True))
        elapsed_s = (now_ns - self._before_ns) / 1e9 if self._before_ns is not None else 0.0
        self._before, self._before_ns = totals, now_ns
        share = lost / (packets + lost) if packets + lost > 0 else 0.0
        if share > _HEAVY and elapsed_s > 0:
            base_bps = min(float(self.bps), octets * 8 / elapsed_s * _GROWTH)
            self.bps = max(int(base_bps * (1 - share / 2)), self._floor_bps)
        elif share < _LIGHT and packets:
            self.bps = min(int(self.bps * _GROWTH), self._max_bps)
        return self.bps


def remb(*, sender_ssrc: int, bps: int, ssrcs: list[int]) -> bytes:
    """The message (draft-alvestrand-rmcat-remb-03 §2.2); at most 255 SSRCs."""
    body = sender_ssrc.to_bytes(4, "big") + bytes(4) + pack_remb_fci(bps, ssrcs[:255])
    return pack_rtcp_packet(RTCP_PSFB, RTCP_PSFB_APP, body)
