"""What our processes say to each other, besides the media values themselves.

Between main and gateways it is the same on both engines (`unix`, and Redis), but for what is
marked: U on Unix sockets alone, R through Redis alone.

=============== ====================================================================================
gateway ↔ main  → `Hello` (U), `Metrics` (U), `PlayheadReports`, `ViewerCounts`, `RungsAsked`
                ← `Replay` (U), `ShowsHere` (U), `Beat` (U), `ShowOwner` (R), `ShowStatus`,
                `ShowAudience`, `ShowSnapshot`, `ShowEvent`, `ViewerMessage`, `InitSection`, `Part`,
                `Still`, `EpochEnd`
ingest ↔ main   → `Hello`, `SessionInfo`, `SessionAnswer`, `SessionRefused`, `SessionEvent`,
                `SessionHealth`, `HostMoment`, `Metrics`   ← `OpenSession`, `CloseSession`,
                `RouteSession`, `AskHostMoment`
worker ↔ main   → `Hello`, `WorkerIdle` or `WorkerBusy`, `Listening`, `InitSection`, `Part`,
                `Still`, `EpochEnd`, `Metrics`, `LadderState`
                ← `StartEpoch`, `TimedMetadata`, `EndEpoch`, `Watched`
                (defined in `transcoder.control` and `transcoder.ladder_state`)
ingest ↔ worker → `SourceStart`, `AccessUnit`, `SourceEnd`   ← `KeyframeRequest`
                (defined in `transcoder.control`, on the worker's own socket)
main → supervisor  `WantWorkers`
=============== ====================================================================================
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from overlay.values import ShowEvent
from transcoder.control import Metrics as Metrics
from transcoder.values import Anchor
from transcoder.wire import wire_value

AirState = Literal["idle", "live", "away", "ended"]
"""`idle` never begun; `live` on air; `away` the host's media is missing; `ended` the host ended."""


@wire_value("show_status", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowStatus:
    """main → gateway: a show exists, and how it fares. Sent for every show at connection, then at
    every change. `epoch` is the media epoch to watch, if one has begun."""

    show: str
    title: str
    state: AirState
    epoch: str | None


@wire_value("replay", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """main → gateway, around everything that a gateway is sent when it dials: nothing of it is to
    be shown to viewers before all of it is there, else a playlist would begin in the past."""

    done: bool


@wire_value("shows_here", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowsHere:
    """main → its own gateways, first in a `Replay`: the shows that this main speaks for. Of any
    other show a gateway hears through Redis, if at all. When this changes main cuts the connection,
    and says it anew to whoever dials."""

    shows: tuple[str, ...]


@wire_value("show_owner", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowOwner:
    """main → gateways of other nodes: who speaks for a show now, and takes its requests."""

    show: str
    node: str
    address: str
    """``host:port`` where that main answers gateways of other nodes; "" where it does not."""


@wire_value("beat", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """main → its own gateways, each second: how late a message arrives is the lag of the bus."""

    monotonic_ns: int


@wire_value("viewer_count", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ViewerCount:
    """How many viewers of a show one gateway process has."""

    show: str
    viewers: int


@wire_value("viewer_counts", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ViewerCounts:
    """gateway → main, every few seconds and for every show that has any: main adds up."""

    gateway: str
    """Names the process among those of all nodes."""
    counts: tuple[ViewerCount, ...]


@wire_value("rungs_asked", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class RungsAsked:
    """gateway → main, every two seconds for each epoch on air, and at once when a rendition is
    asked for that was not lately: those that somebody has asked for since, or is pushed."""

    show: str
    epoch: str
    rungs: tuple[str, ...]


@wire_value("show_audience", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowAudience:
    """main → gateway: how many watch a show on all gateways together. At most every few seconds,
    and only when it has changed."""

    show: str
    viewers: int


wire_value("show_event", version=1)(ShowEvent)


@wire_value("playhead_report", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class PlayheadReport:
    """Where a viewer says to be in the broadcast; nothing of it is proven but by `token`."""

    show: str
    token: str = field(repr=False)
    """The viewer's cookie as it came."""
    media_epoch: str
    pts: int
    age_ms: int
    """How long ago the gateway heard it."""


@wire_value("playhead_reports", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class PlayheadReports:
    """gateway → main, twice a second: what viewers have reported since."""

    reports: tuple[PlayheadReport, ...]


@wire_value("show_snapshot", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowSnapshot:
    """main → gateway, when it dials and before any `ShowEvent`: the show's log folded so far.

    Sent for every show. A snapshot of another log epoch replaces everything the gateway knew.
    """

    show: str
    epoch: str
    offset: int
    state: dict[str, Any]
    """`overlay.show.fold.ShowState.to_plain`."""


@wire_value("viewer_message", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ViewerMessage:
    """main → gateway: something for one viewer's sockets alone. It is in no log: whoever is away
    misses it, and asks when they are back."""

    show: str
    token: str = field(repr=False)
    """The whole value of the viewer's cookie."""
    data: dict[str, Any] = field(repr=False)
    """The message of the event socket."""


@wire_value("open_session", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """main → ingest: answer this WHIP offer and send what it publishes to a worker."""

    request: int
    """Echoed in the reply."""
    session: str
    """The WHIP session id, chosen by main."""
    show: str
    epoch: str
    source: int
    offer: str
    au_socket: str
    """Path of the worker's Unix socket for access units."""
    anchor: Anchor | None
    """The epoch's anchor, or None where this publish's first frame sets it."""


@wire_value("session_answer", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionAnswer:
    """ingest → main: the SDP answer to an `OpenSession`."""

    request: int
    answer: str


@wire_value("session_refused", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRefused:
    """ingest → main: why an `OpenSession` cannot be answered, as an HTTP status and a sentence."""

    request: int
    status: int
    code: str
    message: str


@wire_value("close_session", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class CloseSession:
    """main → ingest: end this session (DELETE, takeover, operator). Unknown ids are ignored."""

    session: str


@wire_value("route_session", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSession:
    """main → ingest: from now on this session's access units go to another worker."""

    session: str
    au_socket: str


@wire_value("ask_host_moment", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class AskHostMoment:
    """main → ingest: which tick was being captured when the host's own clock read this?"""

    request: int
    session: str
    host_utc_us: int
    """Unix time in microseconds by the clock of the host's machine (`Date.now()` there)."""


@wire_value("host_moment", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class HostMoment:
    """ingest → main: the answer to `AskHostMoment`, by the sender reports (RFC 3550 §6.4.1)."""

    request: int
    pts: int | None
    """The tick, or None where no sane sender report ties that clock to the media."""


@wire_value("session_event", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent:
    """ingest → main: a session's life. `connected` DTLS is up; `media` frames arrive (again);
    `silent` none has arrived for the watchdog's time; `closed` it is over and forgotten."""

    session: str
    state: Literal["connected", "media", "silent", "closed"]
    reason: str


HealthHint = Literal[
    "fine",
    "away",
    "no_picture",
    "uplink_slow",
    "uplink_loss",
    "uplink_unsteady",
    "low_frame_rate",
    "no_sound",
]
"""The one thing that the host should know. The three of the uplink are the network's doing;
`low_frame_rate` is the encoder's or the camera's; `away` is no media at all."""


@wire_value("track_health", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class TrackHealth:
    """How one track of a publish has fared in the last second."""

    codec: str
    bitrate_bps: int
    frames_per_s: float
    lost_share: float
    """Of the packets of the last seconds, before repair."""
    unrepaired_share: float
    """What is left of it after repair: what viewers notice."""
    jitter_ms: float
    width: int | None
    height: int | None
    keyframe_interval_s: float | None
    layer: str | None
    """The simulcast layer in use; None without simulcast."""


@wire_value("session_health", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionHealth:
    """ingest → main, each second: how a publish fares, and one hint for its host."""

    session: str
    show: str
    source: int
    state: Literal["connecting", "connected", "media", "silent"]
    hint: HealthHint
    video: TrackHealth | None
    audio: TrackHealth | None
    rtt_ms: float | None
    skew_ms: float | None
    """Picture minus sound, against the host's own clock."""


@wire_value("session_info", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """ingest → main, for each session when main comes back: what main needs to adopt it."""

    session: str
    show: str
    epoch: str
    source: int
    state: Literal["connecting", "connected", "media", "silent"]
    anchor: Anchor | None


@wire_value("want_workers", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class WantWorkers:
    """main → supervisor: keep this many transcoder workers alive (busy ones and spares)."""

    count: int
