"""What the tests' origin plays: two renditions with sound and cues, encoded once."""

from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

from transcoder.cmaf.aac import AAC_FRAME_SAMPLES, AUDIO_RATE_HZ
from transcoder.cmaf.avc import annexb_to_avcc, parameter_sets
from transcoder.cmaf.emsg import ID3_SCHEME, EventMessage, emsg_box
from transcoder.cmaf.fragment import NON_SYNC_FLAGS, SYNC_FLAGS, TrackRun, fragment
from transcoder.cmaf.id3 import Private, private_tag
from transcoder.cmaf.movie import AudioTrack, init_bytes
from transcoder.cmaf.video_config import avc_config

TICKS = 90_000
PARTS = 4
PART_TICKS = TICKS // PARTS
FRAMES = 3
"""Pictures a part."""
SEGMENTS = 40
SIZES = {"small": (64, 48), "large": (128, 96)}
CUE_TICKS = 3 * TICKS // 2


@dataclass(frozen=True)
class Clip:
    """A rendition's init section and parts."""

    init: bytes
    parts: list[bytes]


def cue_at(number: int) -> int:
    """The frame that cue `number` means."""
    return number * CUE_TICKS + 5000


def cues_of(part: int) -> list[int]:
    """The cues whose frame lies in that part."""
    start = part * PART_TICKS
    return [n for n in range(SEGMENTS) if start <= cue_at(n) < start + PART_TICKS]


def emsg(number: int) -> bytes:
    message = private_tag(Private(owner="test", data=f"cue {number}".encode()))
    return emsg_box(
        EventMessage(
            scheme=ID3_SCHEME,
            value="",
            timescale=TICKS,
            presentation_time=cue_at(number),
            duration=TICKS,
            id=number,
            message=message,
        )
    )


def pictures(width: int, height: int) -> tuple[bytes, list[bytes]]:
    """Encoder's extradata and one access unit a picture, an IDR each segment."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, PARTS * FRAMES)
    encoder.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "x264-params": f"keyint={PARTS * FRAMES}:min-keyint={PARTS * FRAMES}:scenecut=0",
    }
    units = []
    for n in range(SEGMENTS * PARTS * FRAMES):
        shade = np.full((height, width, 3), n % 200, dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(shade, format="rgb24").reformat(format="yuv420p")
        frame.pts = n
        units += [bytes(packet) for packet in encoder.encode(frame)]
    units += [bytes(packet) for packet in encoder.encode(None)]
    return units[0], units


def sounds() -> tuple[bytes, bytes]:
    """AAC's configuration, and one frame of silence."""
    encoder = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.format, encoder.layout = AUDIO_RATE_HZ, "fltp", "stereo"
    encoder.time_base = Fraction(1, AUDIO_RATE_HZ)
    packets = []
    for n in range(6):
        silence = np.zeros((2, AAC_FRAME_SAMPLES), dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = AUDIO_RATE_HZ, n * AAC_FRAME_SAMPLES
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return bytes(encoder.extradata or b""), packets[-1]


def clip(width: int, height: int) -> Clip:
    head, units = pictures(width, height)
    sps_nal, pps_nal = parameter_sets(head)
    asc, sound = sounds()
    init = init_bytes(avc_config([sps_nal], [pps_nal]), AudioTrack(asc=asc, rate_hz=AUDIO_RATE_HZ))
    parts = []
    for number in range(SEGMENTS * PARTS):
        first, end = (
            -(-n * AUDIO_RATE_HZ // PARTS // AAC_FRAME_SAMPLES) for n in (number, number + 1)
        )
        runs = [
            TrackRun(
                track=1,
                decode_time=number * PART_TICKS,
                sample_duration=PART_TICKS // FRAMES,
                default_flags=NON_SYNC_FLAGS,
                first_flags=SYNC_FLAGS if number % PARTS == 0 else NON_SYNC_FLAGS,
                samples=[annexb_to_avcc(u) for u in units[number * FRAMES : (number + 1) * FRAMES]],
            ),
            TrackRun(
                track=2,
                decode_time=first * AAC_FRAME_SAMPLES,
                sample_duration=AAC_FRAME_SAMPLES,
                default_flags=SYNC_FLAGS,
                first_flags=SYNC_FLAGS,
                samples=[sound] * (end - first),
            ),
        ]
        events = b"".join(emsg(n) for n in cues_of(number))
        parts.append(events + fragment(number + 1, runs))
    return Clip(init=init, parts=parts)
