"""AV1 byte forms, against what SVT-AV1 makes."""

from fractions import Fraction
from typing import Any

import av
import pytest
from av.codec.context import Flags
from hypothesis import given
from hypothesis import strategies as st

import transcoder.encoders.opening  # it quiets SVT-AV1
from transcoder.cmaf.av1 import (
    av1_sample,
    av1c_box,
    parse_sequence_header,
    sequence_header_of,
    split_obus,
)
from transcoder.cmaf.colour import Colour
from transcoder.errors import MediaError

assert transcoder.encoders.opening
DELIMITER, PADDING = b"\x12\x00", b"\x7a\x01\x80"


def headers(width: int, height: int, **colour: int) -> bytes:
    context: Any = av.CodecContext.create("libsvtav1", "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base = context.framerate = Fraction(1, 30)
    context.framerate = Fraction(30)
    for name, value in colour.items():
        setattr(context, name, value)
    context.flags |= Flags.global_header
    context.options = {"preset": "12", "svtav1-params": "pred-struct=1:lp=1"}
    context.open()
    return bytes(context.extradata or b"")


BT709 = {"color_primaries": 1, "color_trc": 1, "colorspace": 1, "color_range": 1}
BT601_FULL = {"color_primaries": 5, "color_trc": 6, "colorspace": 5, "color_range": 2}
GOOD = sequence_header_of(headers(64, 64, **BT709))


@pytest.mark.parametrize("size", [(64, 64), (640, 360), (1918, 1078)])
def test_an_encoders_own_header(size: tuple[int, int]) -> None:
    header = parse_sequence_header(sequence_header_of(headers(*size, **BT709)))
    assert (header.width, header.height) == size
    assert (header.profile, header.bit_depth, header.monochrome) == (0, 8, False)
    assert header.subsampling == (True, True)
    assert header.colour == Colour(primaries=1, transfer=1, matrix=1, full_range=False)
    assert header.codec_string == f"av01.0.{header.level:02d}M.08"


def test_other_colours_are_in_the_codec_string() -> None:
    header = parse_sequence_header(sequence_header_of(headers(64, 64, **BT601_FULL)))
    assert header.colour == Colour(primaries=5, transfer=6, matrix=5, full_range=True)
    assert header.codec_string.endswith(f"M.08.0.11{header.chroma_position}.05.06.05.1")


def test_colours_that_are_not_stated() -> None:
    header = parse_sequence_header(sequence_header_of(headers(64, 64)))
    assert header.colour is None
    assert header.codec_string.count(".") == 3


def test_the_configuration_record() -> None:
    header = parse_sequence_header(GOOD)
    record = av1c_box(header, GOOD)[8:]
    assert record[0] == 0x81
    assert (record[1], record[3]) == (header.level, 0)
    assert record[2] >> 2 == 0b000011
    assert record[4:] == GOOD
    assert sequence_header_of(record) == GOOD


def test_delimiters_and_padding_are_dropped() -> None:
    frame = b"\x32\x03abc"
    assert av1_sample(DELIMITER + GOOD + frame + PADDING) == GOOD + frame
    assert [kind for kind, _ in split_obus(DELIMITER + frame)] == [2, 6]
    with pytest.raises(MediaError, match="no AV1 unit"):
        av1_sample(DELIMITER + PADDING)


@pytest.mark.parametrize("data", [b"\x30abc", b"\x32\x05abc", b"\x32" + b"\xff" * 6, b"\x92\x00"])
def test_malformed_units_are_refused(data: bytes) -> None:
    with pytest.raises(MediaError, match="an AV1 unit"):
        av1_sample(data)


@given(data=st.binary(max_size=60))
def test_any_bytes_give_an_answer_or_a_media_error(data: bytes) -> None:
    for read in (av1_sample, sequence_header_of, parse_sequence_header):
        try:
            read(data)
        except MediaError:
            continue


@given(body=st.binary(max_size=40))
def test_any_header_gives_an_answer_or_a_media_error(body: bytes) -> None:
    try:
        parse_sequence_header(b"\x0a" + bytes((len(body),)) + body)
    except MediaError:
        return
