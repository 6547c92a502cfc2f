"""H.264 byte forms."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.cmaf.avc import (
    annexb_to_avcc,
    avcc_box,
    holds_idr,
    nal_types,
    parameter_sets,
    split_annexb,
)
from transcoder.cmaf.sps import Sps
from transcoder.errors import MediaError

SPS, PPS = b"\x67\x64\x00\x1f", b"\x68\xeb"
AUD, SEI, FILLER = b"\x09\xf0", b"\x06\x05\x01\x80", b"\x0c\xff\x80"
IDR, SLICE = b"\x65\x88\x01", b"\x41\x9a\x02"


def annexb(*nals: bytes, code: bytes = b"\x00\x00\x00\x01") -> bytes:
    return b"".join(code + nal for nal in nals)


def avcc(*nals: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(nal)) + nal for nal in nals)


@pytest.mark.parametrize(
    ("data", "nals"),
    [
        (b"", []),
        (b"\x65\x88", []),
        (annexb(IDR), [IDR]),
        (annexb(IDR, SLICE, code=b"\x00\x00\x01"), [IDR, SLICE]),
        (annexb(IDR) + b"\x00\x00\x00" + annexb(SLICE), [IDR, SLICE]),
        (b"\xff" + annexb(IDR) + b"\x00\x00", [IDR]),
        (b"\x00\x00\x01\x00\x00\x01", []),
    ],
)
def test_a_byte_stream_is_split_at_its_start_codes(data: bytes, nals: list[bytes]) -> None:
    assert list(split_annexb(data)) == nals


def test_only_slices_are_kept() -> None:
    stream = annexb(AUD, SPS, PPS, SEI, IDR, SLICE, FILLER)
    assert annexb_to_avcc(stream) == avcc(IDR, SLICE)


def test_a_picture_without_slices_is_refused() -> None:
    with pytest.raises(MediaError, match="no slice"):
        annexb_to_avcc(annexb(AUD, SPS, PPS))


def test_the_first_parameter_sets_are_found() -> None:
    assert parameter_sets(annexb(SEI, SPS, PPS, b"\x67\x00", IDR)) == (SPS, PPS)
    for missing in (annexb(SPS, IDR), annexb(PPS), b""):
        with pytest.raises(MediaError, match="no SPS and PPS"):
            parameter_sets(missing)


def test_an_idr_is_found_wherever_it_is() -> None:
    assert holds_idr(avcc(SEI, IDR))
    assert not holds_idr(avcc(SLICE, SEI))
    assert list(nal_types(avcc(AUD, SEI, IDR))) == [9, 6, 5]


@pytest.mark.parametrize(
    "data", [b"\x00", b"\x00\x00\x00\x01", avcc(IDR)[:-1], avcc(IDR) + b"\x00\x00\x00\x00\x65"]
)
def test_a_malformed_sample_is_refused(data: bytes) -> None:
    with pytest.raises(MediaError, match="a video sample ends within"):
        holds_idr(data)


nal_unit = st.binary(max_size=40).map(lambda tail: b"\x65" + tail.replace(b"\x00", b"\x01"))


@given(nals=st.lists(nal_unit, min_size=1, max_size=6), long=st.booleans())
def test_slices_survive_the_change_of_form(nals: list[bytes], long: bool) -> None:
    code = b"\x00\x00\x00\x01" if long else b"\x00\x00\x01"
    assert annexb_to_avcc(annexb(*nals, code=code)) == avcc(*nals)


@given(data=st.binary(max_size=200))
def test_any_bytes_give_samples_or_a_media_error(data: bytes) -> None:
    for reader in (annexb_to_avcc, parameter_sets, holds_idr):
        try:
            reader(data)
        except MediaError:
            continue


@pytest.mark.parametrize(("profile", "tail"), [(66, b""), (77, b""), (100, b"\xfd\xf8\xf8\x00")])
def test_the_configuration_record(profile: int, tail: bytes) -> None:
    sps = Sps(
        profile=profile,
        constraints=0xC0,
        level=31,
        chroma_format=1,
        luma_bits=8,
        chroma_bits=8,
        width=16,
        height=16,
        sample_aspect=None,
        colour=None,
    )
    record = avcc_box(sps, [SPS], [PPS])[8:]
    assert record == (
        bytes((1, profile, 0xC0, 31, 0xFF, 0xE1)) + b"\x00\x04" + SPS + b"\x01\x00\x02" + PPS + tail
    )
