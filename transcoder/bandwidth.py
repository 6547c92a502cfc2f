"""What a rendition costs on the wire: the BANDWIDTH and AVERAGE-BANDWIDTH of its playlist entry.

BANDWIDTH bounds every run of segments of 0.5 to 1.5 target durations (rfc8216bis §4.4.6.2). A rate
control with a VBV buffer of *B* bits filled at *R* bits per second lets no *T* seconds of pictures
take more than ``R * T + B`` bits (ITU-T H.264 Annex C), so no run has a higher rate than
``R + B / T`` for the shortest run, half a target duration. To that come the audio, whose frames
vary around the nominal rate, the boxes around the samples, and one cue of the largest size in the
shortest run; cues are seldom a tenth of that.
"""

from transcoder.cmaf.aac import AAC_FRAME_SAMPLES, AUDIO_RATE_HZ
from transcoder.cmaf.fragment import FRAGMENT_BYTES, MOST_SAMPLE_BYTES, RUN_BYTES, SAMPLE_BYTES
from transcoder.cues import BOX_BYTES, MAX_PAYLOAD_BYTES
from transcoder.grid import make_grid
from transcoder.values import TICKS_PER_SECOND

_AUDIO_PEAK_PERCENT = 125
"""How far half a target duration of AAC may exceed the nominal rate (its bit reservoir)."""


def peak_bps(
    *,
    max_bitrate_bps: int,
    buffer_bits: int,
    audio_bps: int,
    frames_per_second: int,
    segment_s: int,
    peak_percent: int = 100,
) -> int:
    """The upper bound of any run of segments of 0.5 to 1.5 times `segment_s`.

    `peak_percent` is for encoders that keep to their VBV only roughly.
    """
    video = (max_bitrate_bps + 2 * buffer_bits // segment_s) * peak_percent // 100
    audio = audio_bps * _AUDIO_PEAK_PERCENT // 100
    return video + audio + mux_bps(frames_per_second) + cue_bps(segment_s)


def passed_peak_bps(
    video_bps: int, *, audio_bps: int, frames_per_second: int, segment_s: int
) -> int:
    """The same where pictures are passed on that take `video_bps` in any such run."""
    return peak_bps(
        max_bitrate_bps=video_bps,
        buffer_bits=0,
        audio_bps=audio_bps,
        frames_per_second=frames_per_second,
        segment_s=segment_s,
    )


def average_bps(*, bitrate_bps: int, audio_bps: int, frames_per_second: int) -> int:
    """What the rate control aims at in the long run."""
    return bitrate_bps + audio_bps + mux_bps(frames_per_second)


def mux_bps(frames_per_second: int) -> int:
    """What the boxes cost, reckoned with the shortest parts of any latency preset."""
    grid = make_grid(frames_per_second=frames_per_second, latency="ultra")
    fixed_bits = 8 * (FRAGMENT_BYTES + 2 * RUN_BYTES)
    audio_frames = -(-AUDIO_RATE_HZ // AAC_FRAME_SAMPLES)
    parts_bps = fixed_bits * TICKS_PER_SECOND // grid.part_ticks
    samples_bytes = MOST_SAMPLE_BYTES * frames_per_second + SAMPLE_BYTES * audio_frames
    return parts_bps + 8 * samples_bytes


def cue_bps(segment_s: int) -> int:
    """What one cue of the largest size makes of half a target duration."""
    return 2 * 8 * (BOX_BYTES + MAX_PAYLOAD_BYTES) // segment_s
