"""What main says of a show to gateways, ready for either engine of the bus."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mediaserver.bus.messages import ShowAudience, ShowSnapshot, ShowStatus, ViewerMessage
from overlay.values import ShowEvent
from transcoder.stills.values import Still
from transcoder.values import EpochEnd, InitSection
from transcoder.wire import frame

Kind = Literal[
    "init",
    "step",
    "end",
    "poster",
    "thumbnail",
    "snapshot",
    "event",
    "status",
    "audience",
    "viewer",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One or several messages as framed bytes, and where they belong in the show."""

    show: str
    kind: Kind
    data: bytes
    epoch: str = ""
    """The media epoch of `init`, `step`, `end` and stills; the log's of `snapshot` and `event`."""
    number: int = -1
    """Of a step: that of its parts. Of a snapshot or event: the offset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowBase:
    """Everything that brings somebody up to date with a show, as it is at one moment."""

    status: Said
    audience: Said
    log: Said | None
    """The snapshot; None while there is no database."""
    media: Sequence[Said]
    """Init sections first, then steps, stills, and the end, if it has come."""
    window_steps: int
    """How many steps the live window has at most."""


def status(message: ShowStatus) -> Said:
    """How the show fares."""
    return Said(show=message.show, kind="status", data=frame(message))


def audience(message: ShowAudience) -> Said:
    """How many watch."""
    return Said(show=message.show, kind="audience", data=frame(message))


def snapshot(message: ShowSnapshot) -> Said:
    """The log so far."""
    return Said(
        show=message.show,
        kind="snapshot",
        data=frame(message),
        epoch=message.epoch,
        number=message.offset,
    )


def event(message: ShowEvent) -> Said:
    """The next line of the log."""
    return Said(
        show=message.show,
        kind="event",
        data=frame(message),
        epoch=message.epoch,
        number=message.offset,
    )


def to_viewer(message: ViewerMessage) -> Said:
    """Something for one viewer."""
    return Said(show=message.show, kind="viewer", data=frame(message))


def init(message: InitSection, data: bytes) -> Said:
    """An init section; `data` is its framed bytes."""
    return Said(show=message.show, kind="init", data=data, epoch=message.epoch)


def end(message: EpochEnd, data: bytes) -> Said:
    """The end of an epoch; `data` is its framed bytes."""
    return Said(show=message.show, kind="end", data=data, epoch=message.epoch)


def still(message: Still) -> Said:
    """A poster or a thumbnail."""
    return Said(show=message.show, kind=message.kind, data=frame(message), epoch=message.epoch)
