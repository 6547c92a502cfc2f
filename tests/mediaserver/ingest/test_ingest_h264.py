"""H.264 payloads: aiortc's packetiser is the oracle, any bytes are survived."""

from fractions import Fraction

import av
import pytest
from aiortc.codecs.h264 import H264Encoder
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.ingest.h264 import H264Depacketiser

SPS = bytes.fromhex("6742c01fda014016e84000")
PPS = bytes.fromhex("68ce3c80")
IDR = b"\x65\x88" + bytes(50)
SLICE = b"\x41\x9a" + bytes(50)
LATER_SLICE = b"\x41\x42" + bytes(50)


def annex_b(*nals: bytes) -> bytes:
    return b"".join(b"\0\0\0\1" + nal for nal in nals)


def stap_a(*nals: bytes) -> bytes:
    return b"\x78" + b"".join(len(nal).to_bytes(2, "big") + nal for nal in nals)


nal_units = st.lists(
    st.builds(
        lambda kind, body: bytes([0x60 | kind]) + body,
        st.sampled_from([1, 5, 6, 7, 8, 9]),
        st.binary(min_size=1, max_size=4000).filter(lambda b: b"\0\0" not in b),
    ),
    min_size=1,
    max_size=8,
)


@given(nal_units)
def test_what_the_packetiser_cut_is_put_together(nals: list[bytes]) -> None:
    payloads = H264Encoder._packetize(nals)
    frame = H264Depacketiser().frame(payloads)
    kinds = {nal[0] & 0x1F for nal in nals}
    if not kinds & {1, 5}:
        assert frame is None
        return
    assert frame is not None
    assert frame.keyframe == (5 in kinds)
    assert frame.data.endswith(annex_b(*nals))


def test_an_idr_without_parameter_sets_gets_the_last_ones() -> None:
    depacketiser = H264Depacketiser()
    assert depacketiser.frame([stap_a(SPS, PPS)]) is None
    frame = depacketiser.frame([IDR])
    assert frame is not None
    assert frame.data == annex_b(SPS, PPS, IDR)


def test_parameter_sets_with_their_idr_are_not_doubled() -> None:
    frame = H264Depacketiser().frame([SPS, PPS, IDR])
    assert frame is not None
    assert frame.data == annex_b(SPS, PPS, IDR)


def test_a_new_sps_replaces_the_old_one_of_its_id() -> None:
    depacketiser = H264Depacketiser()
    newer = SPS[:-1] + b"\x55"
    depacketiser.frame([SPS, PPS, IDR])
    depacketiser.frame([newer, PPS, IDR])
    frame = depacketiser.frame([IDR])
    assert frame is not None
    assert frame.data == annex_b(newer, PPS, IDR)


def test_the_slices_of_a_picture_stay_together() -> None:
    frame = H264Depacketiser().frame([SLICE, LATER_SLICE])
    assert frame is not None
    assert not frame.keyframe
    assert frame.data == annex_b(SLICE, LATER_SLICE)


@pytest.mark.parametrize(
    ("payload", "starts"),
    [
        (SPS, True),
        (stap_a(SPS, PPS), True),
        (IDR, True),
        (SLICE, True),
        (LATER_SLICE, False),
        (b"\x7c\x85" + IDR[1:], True),
        (b"\x7c\x05" + IDR[1:], False),
        (b"", False),
        (b"\x7c", False),
        (b"\x78\x00", False),
    ],
)
def test_where_a_frame_may_begin(payload: bytes, starts: bool) -> None:
    assert H264Depacketiser().starts_frame(payload) is starts


@pytest.mark.parametrize(
    "payloads",
    [
        [b"\x7c\x05abc"],  # a fragment without its beginning
        [b"\x7c\x85abc"],  # … without its end
        [b"\x7c\x85abc", SLICE],  # … broken off
        [b"\x7c\x85abc", b"\x7c\x85abc"],
        [b"\x7c"],
        [b"\x78\x00"],
        [b"\x78\x00\x09abc"],
        [b"\x1d\x00\x00"],  # FU-B
        [b"\x00\x00"],
    ],
)
def test_illegal_payloads_are_refused(payloads: list[bytes]) -> None:
    with pytest.raises(ValueError, match=r"NAL unit|STAP-A|FU-A"):
        H264Depacketiser().frame(payloads)


@given(st.lists(st.binary(max_size=64), max_size=8))
def test_any_bytes_are_a_frame_nothing_or_a_value_error(payloads: list[bytes]) -> None:
    depacketiser = H264Depacketiser()
    for payload in payloads:
        depacketiser.starts_frame(payload)
    try:
        frame = depacketiser.frame(payloads)
    except ValueError:
        return
    assert frame is None or frame.data.startswith(b"\0\0\0\1")


MAIN_SPS = bytes.fromhex("674d401feca02802dd80b5010101400000fa4000")
HIGH_SPS = bytes.fromhex("67640020acd9405005bb016a02020280000003008000001e478c1924")
SEI = b"\x06\x05\x04abcd\x80"
AUD = b"\x09\xf0"


def encoded(profile: str, *options: str) -> list[bytes]:
    """The NAL units of one IDR picture of 192x108 by libx264."""
    codec = av.CodecContext.create("libx264", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = 192, 108, "yuv420p"
    codec.time_base, codec.framerate = Fraction(1, 30), Fraction(30)
    codec.thread_count = 1
    codec.options = {"tune": "zerolatency", "profile": profile, "x264-params": ":".join(options)}
    frame = av.VideoFrame(192, 108, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.pts = 0
    packets = [*codec.encode(frame), *codec.encode(None)]
    return list(H264Encoder._split_bitstream(b"".join(map(bytes, packets))))


@pytest.mark.parametrize("profile", ["baseline", "main", "high"])
def test_the_size_is_what_the_sps_says_in_every_profile(profile: str) -> None:
    frame = H264Depacketiser().frame(H264Encoder._packetize(encoded(profile)))
    assert frame is not None
    assert (frame.keyframe, frame.size) == (True, (192, 108))


def test_an_idr_of_many_slices_with_delimiter_and_sei_in_packets_of_their_own() -> None:
    nals = encoded("high", "slices=4", "aud=1")
    assert sum(nal[0] & 0x1F == 5 for nal in nals) == 4
    depacketiser = H264Depacketiser()
    assert depacketiser.starts_frame(nals[0])
    frame = depacketiser.frame(nals)
    assert frame is not None
    assert frame.data == annex_b(*nals)
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    pictures = [*decoder.decode(av.Packet(frame.data)), *decoder.decode(None)]
    assert [(p.width, p.height) for p in pictures] == [(192, 108)]


def test_parameter_sets_with_a_marker_of_their_own_are_remembered() -> None:
    depacketiser = H264Depacketiser()
    assert [depacketiser.frame([nal]) for nal in (AUD, SEI, SPS, PPS)] == [None] * 4
    frame = depacketiser.frame([IDR])
    assert frame is not None
    assert frame.data == annex_b(SPS, PPS, IDR)


@pytest.mark.parametrize("sps", [MAIN_SPS, HIGH_SPS])
def test_main_and_high_are_taken_by_their_sps(sps: bytes) -> None:
    frame = H264Depacketiser().frame([stap_a(sps, PPS), IDR])
    assert frame is not None
    assert frame.size == (1280, 720)


def test_an_sps_that_cannot_be_read_says_no_size() -> None:
    frame = H264Depacketiser().frame([b"\x67\x64", PPS, IDR])
    assert frame is not None
    assert frame.size is None


@pytest.mark.parametrize(
    ("payload", "begins"),
    [
        (SPS, True),
        (stap_a(SPS, PPS), True),
        (b"\x7c\x85" + IDR[1:], True),
        (SLICE, False),
        (b"", False),
        (b"\x7c\x81" + SLICE[1:], False),
    ],
)
def test_how_a_keyframe_begins(payload: bytes, begins: bool) -> None:
    assert H264Depacketiser().begins_keyframe(payload) is begins
