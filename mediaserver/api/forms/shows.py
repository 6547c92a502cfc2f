"""The JSON of shows and cues."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from mediaserver.api.forms.base import Id

_Tick = Annotated[int, Meta(ge=0, le=2**53, description="1/90,000 s of the media epoch")]
_HostMs = Annotated[
    float, Meta(ge=0, le=1e14, description="Unix time of the click by the host's own clock, ms")
]
_CueMs = Annotated[int, Meta(ge=500, le=3_600_000)]


class CueForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pin of a product, or the unpin that ends one. At most one of `clicked_at_ms`, `pts` and
    `program_date_time`; without any, the moment of arrival counts."""

    id: Id | None = None
    type: Literal["pin", "unpin"]
    product: Id | None = None
    ends: Id | None = None
    duration_ms: _CueMs | None = None
    clicked_at_ms: _HostMs | None = None
    pts: _Tick | None = None
    program_date_time: Annotated[datetime, Meta(tz=True)] | None = None


class Show(Struct, frozen=True, kw_only=True):
    """A show."""

    show: str
    title: str
    state: Literal["idle", "live", "away", "ended"]
    epoch: str | None


class Cue(Struct, frozen=True, kw_only=True):
    """A cue on media time: ticks of 1/90,000 s of its media epoch."""

    id: str
    revision: int
    type: Literal["pin", "unpin"]
    media_epoch: str
    pts: int
    duration: int
    product: str | None
    ends: str | None


class Cues(Struct, frozen=True, kw_only=True):
    """The cues of a show's last media epoch."""

    cues: tuple[Cue, ...]
