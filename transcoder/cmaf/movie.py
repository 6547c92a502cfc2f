"""The init section: `ftyp` and a `moov` without samples (ISO/IEC 14496-12 §4.3, §8).

Two tracks, video first, muxed. There is no edit list: the samples' own times are the media
timeline. The brands are `iso6` (version 1 `tfdt`, default-base-is-moof) and `aid3` (event messages
that are ID3 tags); the CMAF brands promise one track a file, which these are not.
"""

import struct
from dataclasses import dataclass

from transcoder.cmaf.aac import esds_box, parse_asc
from transcoder.cmaf.boxes import box, full_box
from transcoder.cmaf.emsg import ID3_BRAND
from transcoder.cmaf.video_config import VideoConfig
from transcoder.values import TICKS_PER_SECOND

VIDEO_TRACK = 1
AUDIO_TRACK = 2

_UNITY_MATRIX = struct.pack(">9I", 0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000)
_UNDETERMINED_LANGUAGE = 0x55C4
"""``und`` in three times five bits (§8.4.2.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioTrack:
    """What the movie says of the audio."""

    asc: bytes
    rate_hz: int


def init_bytes(video: VideoConfig, audio: AudioTrack) -> bytes:
    """The init section of a muxed rendition. Raises `MediaError` for a malformed `asc`."""
    ftyp = box(b"ftyp", b"iso6", struct.pack(">I", 0), b"iso6", b"mp41", ID3_BRAND)
    return ftyp + box(
        b"moov",
        _mvhd(),
        _video_trak(video),
        _audio_trak(audio),
        box(b"mvex", _trex(VIDEO_TRACK), _trex(AUDIO_TRACK)),
    )


def _video_trak(video: VideoConfig) -> bytes:
    return box(
        b"trak",
        _tkhd(VIDEO_TRACK, width=video.shown_width, height=video.height, volume=0),
        _mdia(
            timescale=TICKS_PER_SECOND,
            handler=b"vide",
            name=b"Video",
            media_header=full_box(b"vmhd", 0, 1, bytes(8)),
            sample_entry=video.sample_entry,
        ),
    )


def _audio_trak(audio: AudioTrack) -> bytes:
    return box(
        b"trak",
        _tkhd(AUDIO_TRACK, width=0, height=0, volume=0x100),
        _mdia(
            timescale=audio.rate_hz,
            handler=b"soun",
            name=b"Audio",
            media_header=full_box(b"smhd", 0, 0, bytes(4)),
            sample_entry=_mp4a(audio),
        ),
    )


def _mvhd() -> bytes:
    """MovieHeaderBox (§8.2.2), of unknown duration."""
    return full_box(
        b"mvhd",
        0,
        0,
        struct.pack(">4I", 0, 0, TICKS_PER_SECOND, 0),
        struct.pack(">IH", 0x1_0000, 0x100),
        bytes(10),
        _UNITY_MATRIX,
        bytes(24),
        struct.pack(">I", AUDIO_TRACK + 1),
    )


def _tkhd(track: int, *, width: int, height: int, volume: int) -> bytes:
    """TrackHeaderBox (§8.3.2), enabled and in the movie; sides are 16.16 fixed point."""
    return full_box(
        b"tkhd",
        0,
        3,
        struct.pack(">5I", 0, 0, track, 0, 0),
        bytes(8),
        struct.pack(">4H", 0, 0, volume, 0),
        _UNITY_MATRIX,
        struct.pack(">2I", width << 16, height << 16),
    )


def _mdia(
    *, timescale: int, handler: bytes, name: bytes, media_header: bytes, sample_entry: bytes
) -> bytes:
    mdhd = struct.pack(">4I2H", 0, 0, timescale, 0, _UNDETERMINED_LANGUAGE, 0)
    own_file = full_box(b"url ", 0, 1)
    return box(
        b"mdia",
        full_box(b"mdhd", 0, 0, mdhd),
        full_box(b"hdlr", 0, 0, bytes(4), handler, bytes(12), name, b"\x00"),
        box(
            b"minf",
            media_header,
            box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), own_file)),
            _empty_stbl(sample_entry),
        ),
    )


def _empty_stbl(sample_entry: bytes) -> bytes:
    """SampleTableBox (§8.5.1) with one sample entry and no samples: those are in fragments."""
    return box(
        b"stbl",
        full_box(b"stsd", 0, 0, struct.pack(">I", 1), sample_entry),
        full_box(b"stts", 0, 0, bytes(4)),
        full_box(b"stsc", 0, 0, bytes(4)),
        full_box(b"stsz", 0, 0, bytes(8)),
        full_box(b"stco", 0, 0, bytes(4)),
    )


def _mp4a(audio: AudioTrack) -> bytes:
    """MP4AudioSampleEntry (ISO/IEC 14496-14 §5.6) of 16-bit samples."""
    channels = parse_asc(audio.asc).channels
    head = struct.pack(">6xH8x2H4xI", 1, channels, 16, audio.rate_hz << 16)
    return box(b"mp4a", head, esds_box(audio.asc))


def _trex(track: int) -> bytes:
    """TrackExtendsBox (§8.8.3); every fragment states its own defaults."""
    return full_box(b"trex", 0, 0, struct.pack(">5I", track, 1, 0, 0, 0))
