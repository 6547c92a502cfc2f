"""What the transcoder worker is told, and what it tells: its side of the wire.

The worker dials main's socket (`Hello`, `WorkerIdle`, then `StartEpoch` comes), listens on a socket
of its own for one ingest at a time, and sends `InitSection`, `Part` and `EpochEnd` to main.
"""

from dataclasses import dataclass
from typing import Any, Literal

from transcoder.values import Anchor, InitSection, TimedMetadata
from transcoder.wire import wire_value

LatencyPreset = Literal["ultra", "low", "relaxed"]
"""About 200 ms, 333 ms (default) or 1 s of media in a part."""


@wire_value("hello", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Any child → main or supervisor, first on every connection."""

    role: Literal["main", "gateway", "ingest", "worker"]
    id: str
    pid: int


@wire_value("metrics", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Any child → main, every two seconds: its metrics in Prometheus text exposition format."""

    text: bytes


@wire_value("worker_idle", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerIdle:
    """worker → main, after `Hello`: warm, and without an epoch."""


@wire_value("start_epoch", version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class StartEpoch:
    """main → worker: be the transcoder of this media epoch."""

    show: str
    epoch: str
    au_socket: str
    """Path of the Unix socket to listen on for access units."""
    profile: dict[str, Any]
    """The encoder profile as plain data (`transcoder.profiles.Profile.to_plain`)."""
    latency: LatencyPreset
    generation: int
    """Generation of the `InitSection`s to make: 0, or one past a lost worker's."""
    next_number: int
    """Number of the first part."""
    next_msn: int
    """Media sequence number of the first segment."""
    next_tick: int
    """No sample may lie before this tick: the end of the last part on air."""
    cues: tuple[TimedMetadata, ...]
    """What a lost worker had been told and had not put into a part."""
    previous: tuple[InitSection, ...]
    """The lost worker's init sections: the same renditions and sizes must come back. Or empty."""


@wire_value("cue_unsent", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class CueUnsent:
    """worker → main: a `TimedMetadata` that cannot be carried, and why; main logs it."""

    id: str
    revision: int
    reason: str


@wire_value("end_epoch", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class EndEpoch:
    """main → worker: flush, send the last part and `EpochEnd`, exit."""

    epoch: str


@wire_value("listening", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """worker → main: the access unit socket is open."""

    epoch: str
    au_socket: str


@wire_value("worker_busy", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerBusy:
    """worker → main, after `Hello`, when main comes back: the epoch it has been encoding.

    Its init sections and its whole window of parts follow; main keeps those it does not know.
    """

    show: str
    epoch: str
    au_socket: str


@wire_value("source_start", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStart:
    """ingest → worker, first on every connection: whose access units follow."""

    epoch: str
    source: int
    anchor: Anchor


@wire_value("source_end", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEnd:
    """ingest → worker: this publish is over; hold the picture until another comes."""

    source: int


@wire_value("keyframe_request", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyframeRequest:
    """worker → ingest: decoding cannot go on without a keyframe; ask the encoder for one (PLI)."""

    source: int
