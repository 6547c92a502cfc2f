"""The sequence parameter set: what x264 writes, what the standard allows, what strangers send."""

import av
import pytest
from av.codec.context import Flags
from hypothesis import given
from hypothesis import strategies as st

from transcoder.cmaf.avc import parameter_sets
from transcoder.cmaf.colour import Colour
from transcoder.cmaf.sps import Sps, parse_sps
from transcoder.errors import MediaError


def x264_sps(width: int, height: int, profile: str = "high", params: str = "") -> bytes:
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.thread_count = 1, 1  # type: ignore[assignment]
    encoder.flags |= Flags.global_header
    encoder.options = {"profile": profile, "preset": "ultrafast", "x264-params": params}
    encoder.open()
    return parameter_sets(encoder.extradata or b"")[0]


class Bits:
    """Writes the fields of a parameter set, for those that x264 does not make."""

    def __init__(self) -> None:
        self.text = ""

    def u(self, value: int, count: int) -> "Bits":
        self.text += f"{value:0{count}b}"
        return self

    def ue(self, *values: int) -> "Bits":
        for value in values:
            self.text += f"{value + 1:b}".rjust(2 * (value + 1).bit_length() - 1, "0")
        return self

    def nal(self, head: bytes) -> bytes:
        text = self.text + "1"
        text += "0" * (-len(text) % 8)
        return b"\x67" + head + int(text, 2).to_bytes(len(text) // 8, "big")


BASELINE = b"\x42\xc0\x1e"


@pytest.mark.parametrize(
    ("width", "height"),
    [(16, 16), (640, 360), (854, 480), (1280, 720), (720, 1280), (176, 98), (1920, 1080)],
)
def test_the_size_after_cropping(width: int, height: int) -> None:
    sps = parse_sps(x264_sps(width, height))
    assert (sps.width, sps.height) == (width, height)
    assert (sps.chroma_format, sps.luma_bits, sps.chroma_bits) == (1, 8, 8)


@pytest.mark.parametrize(
    ("profile", "codec"),
    [("baseline", "avc1.42C01F"), ("main", "avc1.4D401F"), ("high", "avc1.64001F")],
)
def test_the_codec_string(profile: str, codec: str) -> None:
    # With ultrafast x264 needs no tool of Main or High, but keeps the profile's own number.
    params = "level=3.1:8x8dct=1:cabac=1" if profile == "high" else "level=3.1"
    if profile == "main":
        params += ":cabac=1"
    assert parse_sps(x264_sps(1280, 720, profile, params)).codec_string == codec


def test_sample_aspect_and_colours() -> None:
    nal = x264_sps(
        720, 576, params="sar=16/11:colorprim=bt709:transfer=bt709:colormatrix=bt709:fullrange=on"
    )
    sps = parse_sps(nal)
    assert sps.sample_aspect == (16, 11)
    assert sps.colour == Colour(primaries=1, transfer=1, matrix=1, full_range=True)
    odd = parse_sps(x264_sps(720, 576, params="sar=37/41"))
    assert (odd.sample_aspect, odd.colour) == ((37, 41), None)


def frames(bits: Bits, *, interlaced: bool = False, crop: tuple[int, ...] = ()) -> Bits:
    """From max_num_ref_frames on: 40 by 30 (or 15 field) macroblocks."""
    bits.ue(1).u(0, 1).ue(39, 14 if interlaced else 29)
    bits.u(0, 2) if interlaced else bits.u(1, 1)
    bits.u(1, 1).u(bool(crop), 1)
    if crop:
        bits.ue(*crop)
    return bits.u(0, 1)


def test_interlaced_pictures_are_twice_as_high_and_cropped_in_fours() -> None:
    bits = frames(Bits().ue(0, 0, 0, 0), interlaced=True, crop=(1, 2, 3, 0))
    sps = parse_sps(bits.nal(BASELINE))
    assert (sps.width, sps.height) == (640 - 2 * 3, 480 - 4 * 3)


def test_picture_order_by_cycle_is_skipped() -> None:
    bits = Bits().ue(0, 0, 1).u(0, 1).ue(3, 4, 2, 5, 6)
    assert parse_sps(frames(bits).nal(BASELINE)).height == 480


def test_scaling_lists_are_skipped() -> None:
    bits = Bits().ue(0, 1, 0, 0).u(0, 1).u(1, 1)
    bits.u(1, 1).ue(*[0] * 16)  # every step is zero: sixteen of them
    bits.u(1, 1).ue(16)  # a step of -8 ends the list at once
    bits.u(0, 6)
    bits.ue(0, 2)
    sps = parse_sps(frames(bits).nal(b"\x64\x00\x1e"))
    assert (sps.chroma_format, sps.width, sps.height) == (1, 640, 480)


@pytest.mark.parametrize(
    ("nal", "words"),
    [
        (b"", "no H.264 sequence"),
        (b"\x68\x42\xc0\x1e\x80", "no H.264 sequence"),
        (b"\x67" + bytes(2000), "no H.264 sequence"),
        (b"\x67\x42\xc0\x1e", "too early"),
        (b"\x67\x42\xc0\x1e" + bytes(9), "too long"),
        (Bits().ue(0, 4).nal(b"\x64\x00\x1e"), "chroma format 4"),
        (Bits().ue(0, 1, 7).ue(0).nal(b"\x64\x00\x1e"), "bit depth"),
        (Bits().ue(0, 0, 1).u(0, 1).ue(0, 0, 256).nal(BASELINE), "cycle over 255"),
        (frames(Bits().ue(0, 0, 0, 0), crop=(400, 0, 0, 0)).nal(BASELINE), "picture of -160x480"),
    ],
)
def test_what_cannot_be_is_refused(nal: bytes, words: str) -> None:
    with pytest.raises(MediaError, match=words):
        parse_sps(nal)


@given(tail=st.binary(max_size=120), profile=st.sampled_from([66, 77, 100, 110, 244]))
def test_any_bytes_give_a_parameter_set_or_a_media_error(tail: bytes, profile: int) -> None:
    try:
        sps = parse_sps(bytes((0x67, profile)) + tail)
    except MediaError:
        return
    assert isinstance(sps, Sps)
    assert 0 < sps.width <= 16_384
    assert 0 < sps.height <= 16_384


@pytest.mark.parametrize(("params", "reorder"), [("bframes=0", 0), ("bframes=2:b-pyramid=0", 1)])
def test_what_it_says_of_the_order_of_pictures(params: str, reorder: int) -> None:
    sps = parse_sps(x264_sps(640, 360, "high", params + ":nal-hrd=cbr:vbv-maxrate=1:vbv-bufsize=1"))
    assert (sps.id, sps.progressive, sps.reorder_frames) == (0, True, reorder)


def test_interlaced_is_said() -> None:
    assert not parse_sps(x264_sps(640, 360, "main", "interlaced=1")).progressive


def test_what_is_torn_after_the_colours_is_left_unknown() -> None:
    bits = frames(Bits().ue(0, 0, 0, 0))
    bits.text = bits.text[:-1] + "1"  # vui_parameters_present_flag
    sps = parse_sps(bits.u(0, 4).u(0, 2).u(1, 1).ue(32).nal(BASELINE))
    assert (sps.height, sps.reorder_frames) == (480, None)


def test_the_number_of_a_set_is_bounded() -> None:
    with pytest.raises(MediaError, match="the number 32"):
        parse_sps(Bits().ue(32).nal(BASELINE))
