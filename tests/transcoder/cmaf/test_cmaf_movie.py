"""The init section, box by box."""

import pytest

from transcoder.cmaf.aac import esds_box
from transcoder.cmaf.boxes import box
from transcoder.cmaf.movie import AudioTrack, init_bytes
from transcoder.cmaf.reader import Box, read_boxes
from transcoder.cmaf.runs import read_init
from transcoder.cmaf.video_config import VideoConfig
from transcoder.errors import MediaError

ASC = bytes.fromhex("119056e500")
VIDEO = VideoConfig(
    codec_string="avc1.64001F",
    width=640,
    height=360,
    shown_width=853,
    sample_entry=box(b"avc1", bytes(78), box(b"avcC", b"record")),
)


def made(asc: bytes = ASC) -> bytes:
    return init_bytes(VIDEO, AudioTrack(asc=asc, rate_hz=48_000))


def entry(data: bytes, trak: int) -> Box:
    moov = read_boxes(data)[1]
    return list(moov.all("trak"))[trak].need("mdia", "minf", "stbl", "stsd").children[0]


def test_the_top_boxes_and_brands() -> None:
    ftyp, moov = read_boxes(made())
    assert ftyp.kind == "ftyp"
    assert ftyp.payload == b"iso6\x00\x00\x00\x00iso6mp41aid3"
    assert [box.kind for box in moov.children] == ["mvhd", "trak", "trak", "mvex"]
    assert [box.kind for box in moov.need("mvex").children] == ["trex", "trex"]


def test_the_sample_tables_are_empty_and_there_are_no_edits() -> None:
    for trak in read_boxes(made())[1].all("trak"):
        assert [box.kind for box in trak.children] == ["tkhd", "mdia"]
        table = trak.need("mdia", "minf", "stbl")
        assert [box.kind for box in table.children] == ["stsd", "stts", "stsc", "stsz", "stco"]
        for child in table.children[1:]:
            assert not any(child.payload)


def test_the_sample_entries_carry_the_codecs_headers() -> None:
    data = made()
    video, audio = entry(data, 0), entry(data, 1)
    assert (video.kind, audio.kind) == ("avc1", "mp4a")
    assert video.need("avcC").payload == b"record"
    assert esds_box(ASC).endswith(audio.need("esds").payload)
    assert audio.payload[16:20] == b"\x00\x02\x00\x10"


def test_the_track_is_as_large_as_it_is_shown() -> None:
    header = next(read_boxes(made())[1].all("trak")).need("tkhd").payload
    assert header[-8:] == (853 << 16).to_bytes(4, "big") + (360 << 16).to_bytes(4, "big")


def test_mono_is_said_in_the_sample_entry() -> None:
    assert entry(made(bytes.fromhex("1188")), 1).payload[16:18] == b"\x00\x01"


def test_the_tracks_read_back() -> None:
    video, audio = read_init(made())
    assert (video.track, video.handler, video.timescale) == (1, "vide", 90_000)
    assert (audio.track, audio.handler, audio.timescale) == (2, "soun", 48_000)
    assert not video.edits
    assert not audio.edits


def test_a_broken_audio_configuration_is_refused() -> None:
    with pytest.raises(MediaError):
        made(b"")
