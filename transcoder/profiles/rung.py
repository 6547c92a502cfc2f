"""One rung of a profile: a size, a rate, and the encoder that keeps to them."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from transcoder.profiles.encoders import ENCODERS, SOFTWARE, Codec, EncoderName, encoders_of
from transcoder.profiles.legal import between
from transcoder.profiles.sections import Section

MIN_SIDE = 16

Bitrate = Annotated[int, between(50_000, 50_000_000)]
H264Profile = Literal["baseline", "main", "high"]


class Rung(Section):
    """One rendition of the ladder: CBR-like rate control, no frame held back.

    What is left out follows from what is given: `codec` from `encoder`, `encoder` from `codec`
    (the one in software), `preset` from `encoder`.
    """

    name: str = Field(
        max_length=20,
        description="a text of 1 to 20 lower-case letters and digits, a-z and 0-9",
    )
    """Part of its playlist's address: lower-case letters and digits."""
    height: Annotated[int, between(MIN_SIDE, 4320)]
    """The limit of the *short* side: a portrait picture is this wide."""
    bitrate_bps: Bitrate
    max_bitrate_bps: Bitrate
    """At which the rate control's VBV buffer fills."""
    buffer_ms: Annotated[int, between(100, 4000)] = 400
    """The size of that buffer in time at `max_bitrate_bps`."""
    codec: Codec = "h264"
    encoder: EncoderName = "libx264"
    preset: str = Field(
        default="superfast",
        description="a preset of the rung's encoder, such as "
        + ", ".join(f"{facts.preset} for {facts.name}" for facts in SOFTWARE.values()),
    )
    """One of `ENCODERS[encoder].presets`."""
    tune: Literal["zerolatency"] = "zerolatency"
    """The only tuning that holds no frame back, which the grid relies on."""
    h264_profile: H264Profile | None = "high"
    """None exactly for other codecs."""

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, values: Any) -> Any:
        return _completed(values) if isinstance(values, Mapping) else values

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

    @field_validator("encoder")
    @classmethod
    def _makes_the_codec(cls, value: EncoderName, info: ValidationInfo) -> EncoderName:
        codec = info.data.get("codec")
        if codec is not None and ENCODERS[value].codec != codec:
            raise ValueError(f"for codec {codec} it must be one of {', '.join(encoders_of(codec))}")
        return value

    @field_validator("preset")
    @classmethod
    def _of_the_encoder(cls, value: str, info: ValidationInfo) -> str:
        encoder = info.data.get("encoder")
        if encoder is not None and value not in ENCODERS[encoder].presets:
            legal = ", ".join(ENCODERS[encoder].presets)
            raise ValueError(f"for {encoder} it must be one of {legal}")
        return value

    @field_validator("h264_profile")
    @classmethod
    def _of_h264_alone(cls, value: H264Profile | None, info: ValidationInfo) -> H264Profile | None:
        codec = info.data.get("codec", "h264")
        if value is not None and codec != "h264":
            raise ValueError(f"only h264 has it; leave it out for codec {codec}")
        return value

    @property
    def buffer_bits(self) -> int:
        """The size of the VBV buffer."""
        return self.max_bitrate_bps * self.buffer_ms // 1000


def _completed(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with what follows from them; what is no legal value is left to the validators."""
    full = dict(values)
    facts = ENCODERS.get(full["encoder"]) if isinstance(full.get("encoder"), str) else None
    full.setdefault("codec", facts.codec if facts else "h264")
    codec = full["codec"]
    if "encoder" not in full and isinstance(codec, str) and codec in SOFTWARE:
        facts = SOFTWARE[codec]
        full["encoder"] = facts.name
    if facts:
        full.setdefault("preset", facts.preset)
    if isinstance(full.get("preset"), int) and not isinstance(full["preset"], bool):
        full["preset"] = str(full["preset"])  # SVT-AV1's are numbers
    if full.get("h264_profile") is None:
        full["h264_profile"] = "high" if codec == "h264" else None
    return full
