"""HEVC byte forms, against what libx265 makes."""

import struct
from fractions import Fraction

import av
import pytest
from av.codec.context import Flags
from hypothesis import given
from hypothesis import strategies as st

from transcoder.cmaf.colour import Colour
from transcoder.cmaf.hevc import (
    annexb_to_hvcc,
    hevc_parameter_sets,
    hvcc_box,
    parse_hevc_sps,
)
from transcoder.errors import MediaError

CODE = b"\x00\x00\x00\x01"
VPS, SPS, PPS = b"\x40\x01\x0c", b"\x42\x01\x01", b"\x44\x01\xc0"
SEI, AUD, IDR, SLICE = b"\x4e\x01\x05", b"\x46\x01\x50", b"\x28\x01\xaf", b"\x02\x01\xd0"


def headers(width: int, height: int, params: str = "") -> bytes:
    context = av.CodecContext.create("libx265", "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base = Fraction(1, 30)
    context.color_primaries, context.color_trc, context.colorspace, context.color_range = 5, 6, 5, 2
    context.flags |= Flags.global_header
    context.options = {"preset": "ultrafast", "x265-params": f"log-level=none:{params}"}
    context.open()
    return bytes(context.extradata or b"")


@pytest.mark.parametrize("params", ["", "no-amp=1:ref=4:bframes=3", "scaling-list=default"])
@pytest.mark.parametrize("size", [(64, 48), (1280, 720), (1918, 1078)])
def test_an_encoders_own_headers(size: tuple[int, int], params: str) -> None:
    _, (sps_nal,), _ = hevc_parameter_sets(headers(*size, params))
    sps = parse_hevc_sps(sps_nal)
    assert (sps.width, sps.height) == size
    assert (sps.chroma_format, sps.luma_bits, sps.chroma_bits) == (1, 8, 8)
    assert sps.colour == Colour(primaries=5, transfer=6, matrix=5, full_range=True)
    assert sps.codec_string.startswith("hvc1.1.6.L")
    assert sps.codec_string.endswith(".90")


def test_the_configuration_record_holds_every_set() -> None:
    sets = hevc_parameter_sets(headers(64, 48))
    sps = parse_hevc_sps(sets[1][0])
    record = hvcc_box(sps, *sets)[8:]
    assert record[:2] == b"\x01\x01"
    assert record[12] == sps.level
    assert record[21:23] == bytes((1 << 3 | 1 << 2 | 3, 3))
    at = 23
    for kind, nals in zip((32, 33, 34), sets, strict=True):
        assert struct.unpack_from(">BH", record, at) == (0x80 | kind, len(nals))
        at += 3
        for nal in nals:
            assert record[at + 2 : at + 2 + len(nal)] == nal
            at += 2 + len(nal)
    assert at == len(record)


def test_only_slices_are_kept() -> None:
    stream = b"".join(CODE + nal for nal in (AUD, VPS, SPS, PPS, SEI, IDR, SLICE))
    assert annexb_to_hvcc(stream) == b"\x00\x00\x00\x03" + IDR + b"\x00\x00\x00\x03" + SLICE
    with pytest.raises(MediaError, match="no slice"):
        annexb_to_hvcc(CODE + AUD + CODE + SPS)


def test_each_set_once_and_every_kind() -> None:
    stream = CODE + VPS + CODE + SPS + CODE + PPS + CODE + SPS + CODE + PPS + b"\x01"
    assert hevc_parameter_sets(stream) == ([VPS], [SPS], [PPS, PPS + b"\x01"])
    with pytest.raises(MediaError, match="no VPS, SPS and PPS"):
        hevc_parameter_sets(CODE + SPS + CODE + PPS)


@given(data=st.binary(max_size=120))
def test_any_bytes_give_an_answer_or_a_media_error(data: bytes) -> None:
    for read in (annexb_to_hvcc, hevc_parameter_sets, parse_hevc_sps):
        try:
            read(data)
        except MediaError:
            continue


@given(at=st.integers(2, 40), byte=st.integers(0, 255), length=st.integers(3, 60))
def test_a_damaged_sps_gives_an_answer_or_a_media_error(at: int, byte: int, length: int) -> None:
    damaged = bytearray(GOOD_SPS)
    damaged[at % len(damaged)] = byte
    try:
        parse_hevc_sps(bytes(damaged[:length]))
    except MediaError:
        return


GOOD_SPS = hevc_parameter_sets(headers(64, 48))[1][0]
