"""A whole profile: what a show is encoded to."""

import itertools
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from transcoder.errors import ProfileError
from transcoder.profiles.legal import between, one_of
from transcoder.profiles.refusals import sentences
from transcoder.profiles.rung import Rung
from transcoder.profiles.sections import (
    AudioProfile,
    OnPinProfile,
    OverloadProfile,
    PicturesProfile,
    Section,
    SlateProfile,
)
from transcoder.values import TICKS_PER_SECOND

LEGAL_RATES = tuple(rate for rate in range(5, 61) if TICKS_PER_SECOND % rate == 0)
"""Frames per second whose frames are a whole number of ticks."""
MAX_RUNGS = 8

Scaler = Literal["fast_bilinear", "bilinear", "bicubic", "area", "lanczos", "spline"]
Passthrough = Literal["auto", "always", "never"]

_DEFAULT_RUNGS = (
    Rung(name="720p", height=720, bitrate_bps=2_800_000, max_bitrate_bps=3_200_000),
    Rung(name="480p", height=480, bitrate_bps=1_200_000, max_bitrate_bps=1_400_000),
    Rung(name="360p", height=360, bitrate_bps=700_000, max_bitrate_bps=800_000),
)


class Profile(Section):
    """What a show is encoded to. Frozen."""

    name: str = Field(default="default", min_length=1, max_length=40)
    frames_per_second: Annotated[int, one_of(LEGAL_RATES)] = 30
    idr_interval_s: Annotated[int, between(1, 6)] = 1
    segment_s: Annotated[int, between(1, 12)] = 2
    hold_ms: Annotated[int, between(0, 1000)] = 120
    slate_after_ms: Annotated[int, between(500, 60_000)] = 2500
    slate: SlateProfile = SlateProfile()
    scaler: Scaler = "bicubic"
    audio: AudioProfile = AudioProfile()
    rungs: Annotated[tuple[Rung, ...], Field(strict=False)] = _DEFAULT_RUNGS
    passthrough: Passthrough = "never"
    """Whether the source's own H.264 serves as the top rung: `auto` where it fits what that rung
    promises, `always` wherever it can be passed at all."""
    on_demand: bool = False
    """Rungs that nobody watches encode one picture a part."""
    overload: OverloadProfile = OverloadProfile()
    on_pin: OnPinProfile = OnPinProfile()
    pictures: PicturesProfile = PicturesProfile()

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

    @field_validator("passthrough")
    @classmethod
    def _passes_what_players_expect(cls, value: Passthrough, info: ValidationInfo) -> Passthrough:
        rungs = info.data.get("rungs")
        if value != "never" and rungs and rungs[0].codec != "h264":
            raise ValueError(
                f"only an h264 source is passed on, and the best rung, {rungs[0].name!r}, is "
                f"{rungs[0].codec}; it must be never, or that rung h264"
            )
        return value

    @field_validator("on_demand")
    @classmethod
    def _something_may_sleep(cls, value: bool, info: ValidationInfo) -> bool:
        if value and len(info.data.get("rungs", ())) == 1:
            raise ValueError("with a single rung it must be false: somebody always watches that")
        return value

    def to_plain(self) -> dict[str, Any]:
        """Plain data for the wire."""
        return self.model_dump(mode="json")

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Profile":
        """The inverse of `to_plain`. Raises `ProfileError`."""
        return validated(plain, where="In the profile")


def validated(values: Mapping[str, Any], *, where: str) -> Profile:
    """The profile of these keys. Raises `ProfileError`, which begins with `where`."""
    try:
        return Profile.model_validate(dict(values))
    except ValidationError as exc:
        raise ProfileError(sentences(exc, where=where, model=Profile)) from None
