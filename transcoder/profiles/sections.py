"""The parts of a profile: each a group of keys of its file."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from transcoder.profiles.legal import between


class Section(BaseModel):
    """A group of keys: frozen, no unknown ones, no conversion of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class AudioProfile(Section):
    """The one audio encoding, the same in every rung: AAC-LC at 48 kHz."""

    bitrate_bps: Annotated[int, between(32_000, 320_000)] = 128_000
    channels: Annotated[int, between(1, 2)] = 2


class SlateProfile(Section):
    """What viewers see while the host's picture is missing (`transcoder.slate`)."""

    text: str = Field(default="We'll be right back", max_length=100)
    """May be empty."""
    picture: str | None = None
    """Path of a PNG, JPEG or WebP file; None: the host's last picture, blurred."""
    font: str | None = None
    """Path of a TrueType or OpenType file; None: the built-in one."""


ShedStep = Literal["top_rung", "frame_rate", "single_rung"]
"""`top_rung`: the best rung carries the next one's pictures; `frame_rate`: half of it in every
encoded rung; `single_rung`: every rung carries the lowest one's pictures."""


class OverloadProfile(Section):
    """What is let go of while the machine cannot carry the ladder."""

    shed: Annotated[tuple[ShedStep, ...], Field(strict=False)] = (
        "top_rung",
        "frame_rate",
        "single_rung",
    )
    """One step after the other, each kept while the next is taken. Empty: nothing is shed."""
    restore_after_s: Annotated[int, between(5, 600)] = 30
    """How long the encoders must have kept up before one step is taken back."""

    @field_validator("shed")
    @classmethod
    def _each_once_and_possible(cls, value: tuple[ShedStep, ...]) -> tuple[ShedStep, ...]:
        for step in value:
            if value.count(step) > 1:
                raise ValueError(f"{step} is named twice")
        if "top_rung" in value[value.index("single_rung") :] if "single_rung" in value else False:
            raise ValueError("top_rung must come before single_rung, which sheds it too")
        return value


class OnPinProfile(Section):
    """What a pin's frame gets in every encoded rung."""

    keyframe: bool = False
    """Whoever joins begins with it; but at the same VBV it is less sharp than a boosted picture
    that refers to those before."""
    boost_percent: Annotated[int, between(0, 200)] = 50
    """By how much the bitrate rises, within the VBV maximum. 0: not at all."""
    boost_ms: Annotated[int, between(100, 10_000)] = 1000


class PicturesProfile(Section):
    """Still pictures of the show. Nought switches one kind off."""

    poster_every_s: Annotated[int, between(0, 600)] = 5
    poster_height: Annotated[int, between(90, 2160)] = 720
    """The limit of the short side, as a rung's."""
    thumbnail_every_s: Annotated[int, between(0, 600)] = 5
    thumbnail_height: Annotated[int, between(36, 360)] = 90
