"""How the publish of a show fares."""

from typing import Literal

from msgspec import Struct

from mediaserver.bus.messages import HealthHint


class TrackHealth(Struct, frozen=True, kw_only=True):
    """How the sound or the picture of a publish has fared in the last second."""

    codec: str
    bitrate_bps: int
    frames_per_s: float
    lost_share: float
    """Of the packets of the last five seconds, before repair."""
    unrepaired_share: float
    """What is left of it after repair."""
    jitter_ms: float
    width: int | None
    height: int | None
    keyframe_interval_s: float | None
    layer: str | None
    """The simulcast layer in use."""


class LadderRung(Struct, frozen=True, kw_only=True):
    """What one rendition is made of now."""

    rung: str
    role: Literal["encoded", "passed", "mirror"]
    """By an encoder of its own; the host's own picture; what another rung shows."""
    mirrors: str | None
    """The rung whose pictures a mirror shows."""
    dozing: bool
    """Nobody watches it: a picture a part, until somebody does."""
    instead_of: str | None
    """The profile's encoder, whose device is missing here: software stands in for it."""


class Ladder(Struct, frozen=True, kw_only=True):
    """What a show is encoded to just now."""

    rungs: list[LadderRung]
    """Best first."""
    step: int
    """Steps of the profile's `overload.shed` in force; 0 while the machine keeps up."""
    half_rate: bool
    """Every other picture is left out."""
    passthrough: Literal["off", "passed", "unfit"]
    unfit: str | None
    """Why the host's picture cannot be passed, as a code."""
    sentence: str
    """All of it in words."""


class Health(Struct, frozen=True, kw_only=True):
    """How the publish of a show fares, and one hint for its host."""

    session: str
    state: Literal["connecting", "connected", "media", "silent"]
    hint: HealthHint
    video: TrackHealth | None
    audio: TrackHealth | None
    rtt_ms: float | None
    skew_ms: float | None
    """Picture minus sound against the host's own clock; None while that is unknown."""
    ladder: Ladder | None
    """None while nothing is encoded."""
