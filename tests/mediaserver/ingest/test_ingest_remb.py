"""The rate that is allowed to publishers without transport-wide feedback."""

from dataclasses import dataclass

from aiortc.rtp import RtcpPacket, RtcpPsfbPacket, unpack_remb_fci
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.ingest.remb import AllowedRate, remb

SECOND = 1_000_000_000
MAX_BPS = 4_000_000


@dataclass
class Line:
    """A line of so many b/s, on which a publisher sends what it may."""

    rate: AllowedRate
    packets: int = 0
    received_bytes: int = 0
    lost: int = 0
    recovered: int = 0
    now_ns: int = 0

    def second(self, share: float, *, bps: int | None = None) -> int:
        sent = (bps or self.rate.bps) // 8 // 1000
        missed = round(sent * share)
        self.packets += sent - missed
        self.received_bytes += (sent - missed) * 1000
        self.recovered += missed // 2
        self.lost += missed - missed // 2
        self.now_ns += SECOND
        return self.rate.judge([self], self.now_ns)


def test_a_clean_line_is_allowed_what_is_configured() -> None:
    line = Line(AllowedRate(max_bitrate_bps=MAX_BPS))
    assert {line.second(0.0) for _ in range(10)} == {MAX_BPS}


def test_light_loss_changes_nothing() -> None:
    line = Line(AllowedRate(max_bitrate_bps=MAX_BPS))
    assert {line.second(0.05) for _ in range(10)} == {MAX_BPS}


def test_heavy_loss_reduces_at_once_from_what_was_received_and_never_below_the_floor() -> None:
    line = Line(AllowedRate(max_bitrate_bps=MAX_BPS))
    line.second(0.0, bps=1_000_000)
    rates = [line.second(0.3, bps=1_000_000)]
    assert rates[0] < 700_000
    rates += [line.second(0.5) for _ in range(30)]
    assert rates[-1] == 200_000
    assert rates == sorted(rates, reverse=True)


def test_it_comes_back_when_the_loss_is_over() -> None:
    line = Line(AllowedRate(max_bitrate_bps=MAX_BPS))
    for _ in range(20):
        line.second(0.5)
    rates = [line.second(0.0) for _ in range(60)]
    assert rates == sorted(rates)
    assert rates[-1] == MAX_BPS


def test_a_silent_publisher_changes_nothing() -> None:
    line = Line(AllowedRate(max_bitrate_bps=MAX_BPS))
    line.second(0.0)
    before = line.second(0.4)
    assert line.rate.judge([line], line.now_ns + SECOND) == before


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 10**8)), max_size=50))
def test_it_stays_between_floor_and_configuration(seconds: list[tuple[float, int]]) -> None:
    line = Line(AllowedRate(max_bitrate_bps=MAX_BPS))
    for share, bps in seconds:
        assert 200_000 <= line.second(share, bps=bps) <= MAX_BPS


def test_a_small_configured_rate_is_its_own_floor() -> None:
    line = Line(AllowedRate(max_bitrate_bps=100_000))
    assert {line.second(0.5) for _ in range(5)} == {100_000}


@given(st.integers(1, 2**40), st.lists(st.integers(0, 0xFFFFFFFF), max_size=4))
def test_the_message_is_what_aiortc_reads(bps: int, ssrcs: list[int]) -> None:
    (parsed,) = RtcpPacket.parse(remb(sender_ssrc=9, bps=bps, ssrcs=ssrcs))
    assert isinstance(parsed, RtcpPsfbPacket)
    assert (parsed.fmt, parsed.ssrc, parsed.media_ssrc) == (15, 9, 0)
    read, told = unpack_remb_fci(parsed.fci)
    assert told == ssrcs
    assert bps * 0.99 <= read <= bps
