"""The AudioSpecificConfig and its descriptors."""

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.cmaf.aac import AudioSpecificConfig, audio_codec_string, esds_box, parse_asc
from transcoder.errors import MediaError


@pytest.mark.parametrize(
    ("asc", "expected"),
    [
        ("1190", (2, 48_000, 2)),
        ("1188", (2, 48_000, 1)),
        ("119056e500", (2, 48_000, 2)),
        ("1210", (2, 44_100, 2)),
        ("17805de820", (2, 48_080, 4)),
        ("f94620", (42, 48_000, 1)),
    ],
)
def test_the_head_of_a_configuration(asc: str, expected: tuple[int, int, int]) -> None:
    object_type, rate_hz, channels = expected
    assert parse_asc(bytes.fromhex(asc)) == AudioSpecificConfig(
        object_type=object_type, rate_hz=rate_hz, channels=channels
    )


def test_the_codec_string_of_the_encoder() -> None:
    encoder = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", "fltp"
    encoder.open()
    assert audio_codec_string(encoder.extradata or b"") == "mp4a.40.2"


@pytest.mark.parametrize("asc", [b"", b"\x11", b"\x16\xf0", bytes(65)])
def test_what_cannot_be_is_refused(asc: bytes) -> None:
    with pytest.raises(MediaError):
        parse_asc(asc)


@given(asc=st.binary(max_size=70))
def test_any_bytes_give_a_configuration_or_a_media_error(asc: bytes) -> None:
    try:
        parse_asc(asc)
    except MediaError:
        return


def test_the_descriptors_nest() -> None:
    asc = bytes.fromhex("1190")
    payload = esds_box(asc)[12:]
    assert payload.hex(" ") == (
        "03 19 00 00 00"  # ES_Descriptor, no id, no flags
        " 04 11 40 15 00 00 00 00 00 00 00 00 00 00 00"  # DecoderConfigDescriptor, MPEG-4 audio
        " 05 02 11 90"  # DecoderSpecificInfo
        " 06 01 02"  # SLConfigDescriptor, MP4
    )
