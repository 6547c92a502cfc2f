"""The snapshot of a show for who joins late: `/live/{show}/state`, and the `hello` that brings it.

Pure. Each of its forms is made once, when it is first asked for.
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mediaserver.bus.messages import ShowStatus
from mediaserver.gateway import answers, event_frames
from mediaserver.gateway.answers import Answer
from mediaserver.gateway.event_frames import Encoding
from overlay.show import events
from overlay.values import Cue

_GZIP_LEVEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaView:
    """What a snapshot tells of the media epoch to watch."""

    anchor_utc_us: int
    """Unix time of tick 0, in microseconds."""
    begin_tick: int
    """No playlist lists anything before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPlace:
    """Up to where the log is folded."""

    epoch: str
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is told; two that are equal need rendering once."""

    status: ShowStatus
    anchor_utc_us: int | None
    log: LogPlace | None
    """None until main has sent the log."""
    products: Mapping[str, Mapping[str, Any]]
    cues: tuple[Cue, ...]
    offers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rehearsal: bool = False
    viewers: int = 0
    poster: bool = False
    """Whether there is a poster to be had."""

    def document(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "show": self.status.show,
            "title": self.status.title,
            "state": self.status.state,
            "epoch": self.status.epoch,
            "anchor_utc_us": self.anchor_utc_us,
            "viewers": self.viewers,
            "poster": self.poster,
            "log": None
            if self.log is None
            else {"epoch": self.log.epoch, "offset": self.log.offset},
            "products": dict(self.products),
            "cues": [events.cue(cue) for cue in self.cues],
            "offers": dict(self.offers),
            "rehearsal": self.rehearsal,
        }


class RenderedSnapshot:
    """A snapshot's finished bytes."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._document = snapshot.document()
        self._place = snapshot.log or LogPlace(epoch="", offset=0)
        self._answer: Answer | None = None
        self._hellos: dict[Encoding, bytes] = {}

    def answer(self) -> Answer:
        """For ``/live/{show}/state``."""
        if self._answer is None:
            plain = answers.as_json(self._document)
            packed = gzip.compress(plain.body, _GZIP_LEVEL, mtime=0)
            self._answer = Answer(headers=plain.headers, body=plain.body, gzip_body=packed)
        return self._answer

    def hello(self, encoding: Encoding) -> bytes:
        """The framed `hello` of a socket that has nothing to go on from."""
        if encoding not in self._hellos:
            message = event_frames.hello(
                epoch=self._place.epoch,
                offset=self._place.offset,
                recovered=False,
                state=self._document,
            )
            self._hellos[encoding] = event_frames.frame(message, encoding)
        return self._hellos[encoding]
