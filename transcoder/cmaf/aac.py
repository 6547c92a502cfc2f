"""What MP4 needs to know of AAC: the AudioSpecificConfig and its descriptor box."""

from dataclasses import dataclass

from transcoder.cmaf.bits import BitReader
from transcoder.cmaf.boxes import full_box
from transcoder.errors import MediaError

AUDIO_RATE_HZ = 48_000
AAC_FRAME_SAMPLES = 1024

_MAX_ASC_BYTES = 64
_RATES_HZ = (
    96000,
    88200,
    64000,
    48000,
    44100,
    32000,
    24000,
    22050,
    16000,
    12000,
    11025,
    8000,
    7350,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioSpecificConfig:
    """The head of an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1)."""

    object_type: int
    rate_hz: int
    channels: int
    """The channel configuration: 1 and 2 are mono and stereo."""


def parse_asc(asc: bytes) -> AudioSpecificConfig:
    """Read an AudioSpecificConfig. Raises `MediaError`."""
    if len(asc) > _MAX_ASC_BYTES:
        raise MediaError("an AAC configuration is too long")
    reader = BitReader(asc)
    object_type = reader.bits(5)
    if object_type == 31:
        object_type = 32 + reader.bits(6)
    index = reader.bits(4)
    if index == 15:
        rate_hz = reader.bits(24)
    elif index < len(_RATES_HZ):
        rate_hz = _RATES_HZ[index]
    else:
        raise MediaError(f"an AAC configuration names the unknown sampling rate {index}")
    return AudioSpecificConfig(object_type=object_type, rate_hz=rate_hz, channels=reader.bits(4))


def audio_codec_string(asc: bytes) -> str:
    """RFC 6381 §3.3: ``mp4a.40.`` and the audio object type, ``mp4a.40.2`` for AAC-LC."""
    return f"mp4a.40.{parse_asc(asc).object_type}"


def esds_box(asc: bytes) -> bytes:
    """ESDBox (ISO/IEC 14496-14 §5.6): the AudioSpecificConfig in its descriptors."""
    # DecoderConfigDescriptor: MPEG-4 audio (0x40), an audio stream (0x15), rates not stated.
    decoder = bytes((0x40, 0x15)) + bytes(11) + _descriptor(0x05, asc)
    stream = bytes(3) + _descriptor(0x04, decoder) + _descriptor(0x06, b"\x02")
    return full_box(b"esds", 0, 0, _descriptor(0x03, stream))


def _descriptor(tag: int, payload: bytes) -> bytes:
    """A descriptor of ISO/IEC 14496-1 §8.3.3; ours are shorter than 128 bytes."""
    return bytes((tag, len(payload))) + payload
