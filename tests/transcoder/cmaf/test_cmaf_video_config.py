"""What an init section and a playlist say of the video follows from the encoder's own headers."""

from fractions import Fraction

import av
import pytest
from av.codec.context import Flags

from transcoder.cmaf.avc import parameter_sets
from transcoder.cmaf.reader import read_boxes
from transcoder.cmaf.sps import parse_sps
from transcoder.cmaf.video_config import av1_config, avc_config, hevc_config
from transcoder.errors import MediaError


def sets(*, sample_aspect: Fraction = Fraction(1)) -> tuple[bytes, bytes]:
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = 640, 360, "yuv420p"
    context.time_base = Fraction(1, 30)
    context.sample_aspect_ratio = sample_aspect
    context.color_primaries, context.color_trc, context.colorspace, context.color_range = 5, 6, 5, 2
    context.flags |= Flags.global_header
    context.options = {"preset": "ultrafast", "profile": "baseline"}
    context.open()
    return parameter_sets(context.extradata or b"")


def test_size_profile_and_colour_are_the_encoders() -> None:
    sps, pps = sets(sample_aspect=Fraction(4, 3))
    config = avc_config([sps], [pps])
    assert config.codec_string == parse_sps(sps).codec_string
    assert (config.width, config.height, config.shown_width) == (640, 360, 853)
    (entry,) = read_boxes(config.sample_entry)
    assert entry.kind == "avc1"
    assert entry.payload[24:28] == (640).to_bytes(2, "big") + (360).to_bytes(2, "big")
    assert [box.kind for box in entry.children] == ["avcC", "colr", "pasp"]
    assert entry.need("colr").payload == b"nclx" + bytes((0, 5, 0, 6, 0, 5, 0x80))
    assert entry.need("pasp").payload == bytes((0, 0, 0, 4, 0, 0, 0, 3))


def test_several_sets_are_all_there() -> None:
    sps, pps = sets()
    (entry,) = read_boxes(avc_config([sps], [pps, pps + b"\x01", b"\x68\x02"]).sample_entry)
    record = entry.need("avcC").payload
    assert record[5] == 0xE1
    assert record[8 + len(sps)] == 3
    assert record.endswith(b"\x00\x02\x68\x02")


def test_what_cannot_be_a_track_is_refused() -> None:
    sps, pps = sets()
    for wrong in (([], [pps]), ([sps], []), ([sps] * 32, [pps]), ([sps], [pps] * 256)):
        with pytest.raises(MediaError, match="parameter set"):
            avc_config(*wrong)
    with pytest.raises(MediaError, match="parameter set"):
        hevc_config([], [], [])
    with pytest.raises(MediaError, match="sequence header"):
        av1_config(b"\x12\x00")
