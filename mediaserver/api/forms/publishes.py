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
