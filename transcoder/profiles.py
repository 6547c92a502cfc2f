"""Encoder profiles: what a show is encoded to, and the rungs that one source makes of it.

A profile is a YAML file of one `Profile` (`transcoder.profile_files`);
``configs/profiles/default.yaml`` shows every key with its default. Whatever cannot be used is
refused with one sentence for each fault: the key's path, what was given, what is legal.
"""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from transcoder.bandwidth import average_bps, peak_bps
from transcoder.errors import MediaError, ProfileError
from transcoder.values import TICKS_PER_SECOND

LEGAL_RATES = tuple(rate for rate in range(5, 61) if TICKS_PER_SECOND % rate == 0)
"""Frames per second whose frames are a whole number of ticks."""

Scaler = Literal["fast_bilinear", "bilinear", "bicubic", "area", "lanczos", "spline"]
Preset = Literal[
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"
]
H264Profile = Literal["baseline", "main", "high"]

MAX_RUNGS = 8
MIN_SIDE = 16
MAX_SIDE = 8192
_MAX_ASPECT = 4
_NEAR_PERCENT = 90


def _between(low: int, high: int) -> AfterValidator:
    def check(value: int) -> int:
        if not low <= value <= high:
            raise ValueError(f"it must be {low} to {high}")
        return value

    return AfterValidator(check)


Bitrate = Annotated[int, _between(50_000, 50_000_000)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class AudioProfile(_Section):
    """The one audio encoding, the same in every rung: AAC-LC at 48 kHz."""

    bitrate_bps: Annotated[int, _between(32_000, 320_000)] = 128_000
    channels: Annotated[int, _between(1, 2)] = 2


class SlateProfile(_Section):
    """What viewers see while the host's picture is missing (`transcoder.slate`)."""

    text: str = Field(default="We'll be right back", max_length=100)
    """May be empty."""
    picture: str | None = None
    """Path of a PNG, JPEG or WebP file; None: the host's last picture, blurred."""
    font: str | None = None
    """Path of a TrueType or OpenType file; None: the built-in one."""


class Rung(_Section):
    """One rendition of the ladder: H.264 in CBR-like rate control, without frame delay."""

    name: str = Field(max_length=20)
    """Part of its playlist's address: lower-case letters and digits."""
    height: Annotated[int, _between(MIN_SIDE, 4320)]
    """The limit of the *short* side: a portrait picture is this wide."""
    bitrate_bps: Bitrate
    max_bitrate_bps: Bitrate
    """At which the rate control's VBV buffer fills."""
    buffer_ms: Annotated[int, _between(100, 4000)] = 400
    """The size of that buffer in time at `max_bitrate_bps`."""
    preset: Preset = "superfast"
    tune: Literal["zerolatency"] = "zerolatency"
    """The only tuning that holds no frame back, which the grid relies on."""
    h264_profile: H264Profile = "high"

    @field_validator("name")
    @classmethod
    def _safe_in_addresses(cls, value: str) -> str:
        if not re.fullmatch("[a-z0-9]+", value):
            raise ValueError("it must be made of lower-case letters and digits, a-z and 0-9")
        return value

    @field_validator("height")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("it must be even")
        return value

    @field_validator("max_bitrate_bps")
    @classmethod
    def _not_below(cls, value: int, info: ValidationInfo) -> int:
        bitrate_bps = info.data.get("bitrate_bps", 0)
        if value < bitrate_bps:
            raise ValueError(f"it must be at least bitrate_bps, {bitrate_bps}")
        return value

    @property
    def buffer_bits(self) -> int:
        """The size of the VBV buffer."""
        return self.max_bitrate_bps * self.buffer_ms // 1000


_DEFAULT_RUNGS = (
    Rung(name="720p", height=720, bitrate_bps=2_800_000, max_bitrate_bps=3_200_000),
    Rung(name="480p", height=480, bitrate_bps=1_200_000, max_bitrate_bps=1_400_000),
    Rung(name="360p", height=360, bitrate_bps=700_000, max_bitrate_bps=800_000),
)


class Profile(_Section):
    """What a show is encoded to. Frozen."""

    name: str = Field(default="default", min_length=1, max_length=40)
    frames_per_second: int = 30
    idr_interval_s: Annotated[int, _between(1, 6)] = 1
    segment_s: Annotated[int, _between(1, 12)] = 2
    hold_ms: Annotated[int, _between(0, 1000)] = 120
    slate_after_ms: Annotated[int, _between(500, 60_000)] = 2500
    slate: SlateProfile = SlateProfile()
    scaler: Scaler = "bicubic"
    audio: AudioProfile = AudioProfile()
    rungs: Annotated[tuple[Rung, ...], Field(strict=False)] = _DEFAULT_RUNGS

    @field_validator("frames_per_second")
    @classmethod
    def _on_the_grid(cls, value: int) -> int:
        if value not in LEGAL_RATES:
            raise ValueError(f"it must be one of {', '.join(map(str, LEGAL_RATES))}")
        return value

    @field_validator("segment_s")
    @classmethod
    def _whole_intervals(cls, value: int, info: ValidationInfo) -> int:
        interval_s = info.data.get("idr_interval_s", 1)
        if value % interval_s:
            raise ValueError(f"it must be a multiple of idr_interval_s, {interval_s}")
        return value

    @field_validator("slate_after_ms")
    @classmethod
    def _after_the_hold(cls, value: int, info: ValidationInfo) -> int:
        hold_ms = info.data.get("hold_ms", 0)
        if value <= hold_ms:
            raise ValueError(f"it must be more than hold_ms, {hold_ms}")
        return value

    @field_validator("rungs")
    @classmethod
    def _best_first(cls, value: tuple[Rung, ...]) -> tuple[Rung, ...]:
        if not 1 <= len(value) <= MAX_RUNGS:
            raise ValueError(f"there must be 1 to {MAX_RUNGS} rungs")
        names = [rung.name for rung in value]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two rungs are named {name!r}; each needs a name of its own")
        for better, worse in itertools.pairwise(value):
            if worse.height > better.height or worse.bitrate_bps >= better.bitrate_bps:
                raise ValueError(
                    f"rungs come best first: {worse.name!r} after {better.name!r} must not be "
                    "higher and must have a lower bitrate_bps"
                )
        return value

    def to_plain(self) -> dict[str, Any]:
        """Plain data for the wire."""
        return self.model_dump(mode="json")

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Profile":
        """The inverse of `to_plain`. Raises `ProfileError`."""
        return validated(plain, where="In the profile")


@dataclass(frozen=True, slots=True, kw_only=True)
class RungPlan:
    """One rung as this source makes it: sizes are final, rates as an encoder wants them."""

    name: str
    width: int
    height: int
    bitrate_bps: int
    max_bitrate_bps: int
    buffer_bits: int
    preset: str
    tune: str
    h264_profile: str
    bandwidth_bps: int
    """BANDWIDTH of the rendition, audio and boxes included (`transcoder.bandwidth`)."""
    average_bandwidth_bps: int


def plan_rungs(profile: Profile, width: int, height: int) -> tuple[RungPlan, ...]:
    """The rungs of a source of `width` x `height`, best first; never above the source.

    A rung is made when the source's short side reaches nine tenths of the rung's: a source of
    1276x718 still makes a 720p rung, of its own size. A source below the lowest rung makes that one
    alone, of its own size. The aspect ratio is kept, sides are even, and the long side is at most
    four times the rung's height, so that an absurd source cannot make absurd pictures.

    Raises `MediaError` for sides outside 16 to 8192.
    """
    if min(width, height) < MIN_SIDE or max(width, height) > MAX_SIDE:
        raise MediaError(
            f"the source is {width}x{height}; each side must be {MIN_SIDE} to {MAX_SIDE}"
        )
    short = min(width, height)
    rungs = [rung for rung in profile.rungs if 100 * short >= _NEAR_PERCENT * rung.height]
    return tuple(_planned(profile, rung, width, height) for rung in rungs or profile.rungs[-1:])


def _planned(profile: Profile, rung: Rung, width: int, height: int) -> RungPlan:
    out_width, out_height = _scaled(width, height, limit=rung.height)
    return RungPlan(
        name=rung.name,
        width=out_width,
        height=out_height,
        bitrate_bps=rung.bitrate_bps,
        max_bitrate_bps=rung.max_bitrate_bps,
        buffer_bits=rung.buffer_bits,
        preset=rung.preset,
        tune=rung.tune,
        h264_profile=rung.h264_profile,
        bandwidth_bps=peak_bps(
            max_bitrate_bps=rung.max_bitrate_bps,
            buffer_bits=rung.buffer_bits,
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


def _scaled(width: int, height: int, *, limit: int) -> tuple[int, int]:
    """The size with its short side at most `limit`, and its long one at most four times that."""
    short, long = min(width, height), max(width, height)
    by, of = min((1, 1), (limit, short), (_MAX_ASPECT * limit, long), key=lambda r: r[0] / r[1])

    def side(length: int) -> int:
        nearest_even = (length * by + of) // (2 * of) * 2
        return max(MIN_SIDE, min(nearest_even, length // 2 * 2))

    return side(width), side(height)


def validated(values: Mapping[str, Any], *, where: str) -> Profile:
    """The profile of these keys. Raises `ProfileError`, which begins with `where`."""
    try:
        return Profile.model_validate(dict(values))
    except ValidationError as exc:
        raise ProfileError("\n".join(f"{where}: {_sentence(e)}" for e in exc.errors())) from None


_MESSAGES = {
    "extra_forbidden": "there is no such key",
    "missing": "this key is missing",
    "model_type": "it must be a mapping of keys",
    "tuple_type": "it must be a list",
    "int_type": "it must be a whole number",
    "string_type": "it must be a text",
}


def _sentence(error: Any) -> str:
    path = ".".join(str(step) for step in error["loc"])
    message = _MESSAGES.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    given = "" if error["type"] == "missing" else f" (given: {_short(error['input'])})"
    return f"{path}: {message[0].lower()}{message[1:]}{given}."


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
