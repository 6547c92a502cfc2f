"""The init section, box by box."""

import pytest

from transcoder.cmaf.aac import esds_box
from transcoder.cmaf.avc import avcc_box
from transcoder.cmaf.movie import AudioTrack, VideoTrack, init_bytes
from transcoder.cmaf.reader import Box, read_boxes
from transcoder.cmaf.runs import read_init
from transcoder.cmaf.sps import Colour, Sps
from transcoder.errors import MediaError

ASC = bytes.fromhex("119056e500")
SPS_NAL, PPS_NAL = b"\x67\x64\x00\x1f\xac", b"\x68\xeb\xef"


def sps(*, sample_aspect: tuple[int, int] | None = None, colour: Colour | None = None) -> Sps:
    return Sps(
        profile=100,
        constraints=0,
        level=31,
        chroma_format=1,
        luma_bits=8,
        chroma_bits=8,
        width=640,
        height=360,
        sample_aspect=sample_aspect,
        colour=colour,
    )


def made(video: Sps, asc: bytes = ASC) -> bytes:
    track = VideoTrack(sps=video, sps_nal=SPS_NAL, pps_nal=PPS_NAL)
    return init_bytes(track, AudioTrack(asc=asc, rate_hz=48_000))


def entry(data: bytes, trak: int) -> Box:
    moov = read_boxes(data)[1]
    return list(moov.all("trak"))[trak].need("mdia", "minf", "stbl", "stsd").children[0]


def test_the_top_boxes_and_brands() -> None:
    ftyp, moov = read_boxes(made(sps()))
    assert ftyp.kind == "ftyp"
    assert ftyp.payload == b"iso6\x00\x00\x00\x00iso6mp41aid3"
    assert [box.kind for box in moov.children] == ["mvhd", "trak", "trak", "mvex"]
    assert [box.kind for box in moov.need("mvex").children] == ["trex", "trex"]


def test_the_sample_tables_are_empty_and_there_are_no_edits() -> None:
    for trak in read_boxes(made(sps()))[1].all("trak"):
        assert [box.kind for box in trak.children] == ["tkhd", "mdia"]
        table = trak.need("mdia", "minf", "stbl")
        assert [box.kind for box in table.children] == ["stsd", "stts", "stsc", "stsz", "stco"]
        for box in table.children[1:]:
            assert not any(box.payload)


def test_the_sample_entries_carry_the_codecs_headers() -> None:
    data = made(sps())
    video, audio = entry(data, 0), entry(data, 1)
    assert (video.kind, audio.kind) == ("avc1", "mp4a")
    assert video.payload[24:28] == (640).to_bytes(2, "big") + (360).to_bytes(2, "big")
    assert avcc_box(sps(), SPS_NAL, PPS_NAL).endswith(video.need("avcC").payload)
    assert esds_box(ASC).endswith(audio.need("esds").payload)
    assert audio.payload[16:20] == b"\x00\x02\x00\x10"
    assert [box.kind for box in video.children] == ["avcC"]


def test_mono_is_said_in_the_sample_entry() -> None:
    assert entry(made(sps(), bytes.fromhex("1188")), 1).payload[16:18] == b"\x00\x01"


def test_what_is_known_of_colours_and_samples_is_written() -> None:
    colour = Colour(primaries=1, transfer=1, matrix=6, full_range=True)
    data = made(sps(sample_aspect=(4, 3), colour=colour))
    video = entry(data, 0)
    assert video.need("colr").payload == b"nclx" + bytes((0, 1, 0, 1, 0, 6, 0x80))
    assert video.need("pasp").payload == bytes((0, 0, 0, 4, 0, 0, 0, 3))
    header = next(read_boxes(data)[1].all("trak")).need("tkhd").payload
    assert header[-8:] == (853 << 16).to_bytes(4, "big") + (360 << 16).to_bytes(4, "big")


def test_the_tracks_read_back() -> None:
    video, audio = read_init(made(sps()))
    assert (video.track, video.handler, video.timescale) == (1, "vide", 90_000)
    assert (audio.track, audio.handler, audio.timescale) == (2, "soun", 48_000)
    assert not video.edits
    assert not audio.edits


def test_a_broken_audio_configuration_is_refused() -> None:
    with pytest.raises(MediaError):
        made(sps(), b"")
