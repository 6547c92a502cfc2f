"""The rungs that one source makes of a profile: sizes and rates, final."""

from dataclasses import dataclass, replace

from transcoder.bandwidth import average_bps, passed_peak_bps, peak_bps
from transcoder.errors import MediaError
from transcoder.profiles.encoders import ENCODERS, SOFTWARE, Codec, EncoderName
from transcoder.profiles.profile import Profile
from transcoder.profiles.rung import MIN_SIDE, Rung

MAX_SIDE = 8192
_MAX_ASPECT = 4
_NEAR_PERCENT = 90
_PASSED_PERCENT = 150
"""How far a source may rise above what it sent while it was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RungPlan:
    """One rung as this source makes it: sizes are final, rates as an encoder wants them."""

    name: str
    width: int
    height: int
    bitrate_bps: int
    max_bitrate_bps: int
    buffer_bits: int
    codec: Codec
    encoder: EncoderName
    preset: str
    tune: str
    h264_profile: str | None
    """None exactly for other codecs."""
    bandwidth_bps: int
    """BANDWIDTH of the rendition, audio and boxes included (`transcoder.bandwidth`)."""
    average_bandwidth_bps: int


def plan_rungs(
    profile: Profile, width: int, height: int, *, source_bps: int | None = None
) -> tuple[RungPlan, ...]:
    """The rungs of a source of `width` x `height`, best first; never above the source.

    A rung is made when the source's short side reaches nine tenths of the rung's: a source of
    1276x718 still makes a 720p rung, of its own size. A source below the lowest rung makes that one
    alone, of its own size. The aspect ratio is kept, sides are even, and the long side is at most
    four times the rung's height, so that an absurd source cannot make absurd pictures.

    With `passthrough: always` the best rung is as large as the source, and its rates follow
    `source_bps`, the source's video as measured, where that is known and higher.

    Raises `MediaError` for sides outside 16 to 8192.
    """
    if min(width, height) < MIN_SIDE or max(width, height) > MAX_SIDE:
        raise MediaError(
            f"the source is {width}x{height}; each side must be {MIN_SIDE} to {MAX_SIDE}"
        )
    short = min(width, height)
    rungs = [rung for rung in profile.rungs if 100 * short >= _NEAR_PERCENT * rung.height]
    plans = tuple(_planned(profile, rung, width, height) for rung in rungs or profile.rungs[-1:])
    if profile.passthrough != "always":
        return plans
    return (_as_the_source(profile, plans[0], width, height, source_bps or 0), *plans[1:])


def _planned(profile: Profile, rung: Rung, width: int, height: int) -> RungPlan:
    out_width, out_height = _scaled(width, height, limit=rung.height)
    if min(out_width, out_height) < ENCODERS[rung.encoder].min_side:
        rung = _in_h264(rung)
    return RungPlan(
        name=rung.name,
        width=out_width,
        height=out_height,
        bitrate_bps=rung.bitrate_bps,
        max_bitrate_bps=rung.max_bitrate_bps,
        buffer_bits=rung.buffer_bits,
        codec=rung.codec,
        encoder=rung.encoder,
        preset=rung.preset,
        tune=rung.tune,
        h264_profile=rung.h264_profile,
        bandwidth_bps=peak_bps(
            max_bitrate_bps=rung.max_bitrate_bps,
            buffer_bits=rung.buffer_bits,
            peak_percent=ENCODERS[rung.encoder].peak_percent,
            audio_bps=profile.audio.bitrate_bps,
            frames_per_second=profile.frames_per_second,
            segment_s=profile.segment_s,
        ),
        average_bandwidth_bps=average_bps(
            bitrate_bps=rung.bitrate_bps,
            audio_bps=profile.audio.bitrate_bps,
            frames_per_second=profile.frames_per_second,
        ),
    )


def _in_h264(rung: Rung) -> Rung:
    """`rung` for pictures that its own encoder is too large for."""
    facts = SOFTWARE["h264"]
    changes = {"codec": facts.codec, "encoder": facts.name, "preset": facts.preset}
    return rung.model_copy(update={**changes, "h264_profile": "high"})


def _as_the_source(
    profile: Profile, plan: RungPlan, width: int, height: int, source_bps: int
) -> RungPlan:
    """`plan` in the source's size, and declared for its rate where that is higher."""
    passed_bps = passed_peak_bps(
        source_bps * _PASSED_PERCENT // 100,
        audio_bps=profile.audio.bitrate_bps,
        frames_per_second=profile.frames_per_second,
        segment_s=profile.segment_s,
    )
    return replace(
        plan,
        width=width // 2 * 2,
        height=height // 2 * 2,
        bandwidth_bps=max(plan.bandwidth_bps, passed_bps),
        average_bandwidth_bps=max(plan.average_bandwidth_bps, passed_bps),
    )


def _scaled(width: int, height: int, *, limit: int) -> tuple[int, int]:
    """The size with its short side at most `limit`, and its long one at most four times that."""
    short, long = min(width, height), max(width, height)
    by, of = min((1, 1), (limit, short), (_MAX_ASPECT * limit, long), key=lambda r: r[0] / r[1])

    def side(length: int) -> int:
        nearest_even = (length * by + of) // (2 * of) * 2
        return max(MIN_SIDE, min(nearest_even, length // 2 * 2))

    return side(width), side(height)
