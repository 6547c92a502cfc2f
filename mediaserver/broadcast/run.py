"""One media epoch as main sees it: its record, its window, its worker."""

import secrets
import time
from collections.abc import Iterable
from dataclasses import replace

import structlog

from mediaserver.broadcast.cues import (
    RECENT_TICKS,
    HostClock,
    Moment,
    OwedCues,
    metadata_of,
    stamped,
)
from mediaserver.broadcast.epochs import EpochRecord, EpochStore, boot_id
from mediaserver.broadcast.recipe import Recipe
from mediaserver.broadcast.window import EpochWindow
from mediaserver.bus.said import Said
from mediaserver.workers.pool import Worker
from overlay.show.cues import CueMoment
from overlay.show.log import MediaTime
from overlay.values import Cue
from transcoder.control import CueUnsent, StartEpoch
from transcoder.stills.values import Still
from transcoder.values import TICKS_PER_SECOND, EpochEnd, InitSection, Part

log = structlog.get_logger()

WINDOW_MARGIN_S = 10.0
"""How much longer than the gateways' window main remembers, so that none starts with a hole."""


Made = InitSection | Still
"""What a worker makes besides parts."""


def new_epoch_name() -> str:
    """A name for a new media epoch: unique for ever, since URLs under it are cached for long."""
    return f"{time.time_ns() // 1_000_000:x}-{secrets.token_hex(3)}"


class EpochRun:
    """One media epoch, from its first publish to its end. Not thread-safe; main's loop owns it."""

    def __init__(
        self,
        *,
        show: str,
        recipe: Recipe,
        store: EpochStore,
        window_s: float,
        record: EpochRecord | None = None,
    ) -> None:
        self.show = show
        self.record = record or EpochRecord(
            epoch=new_epoch_name(), boot_id=boot_id(), recipe=recipe.to_text()
        )
        self.window = EpochWindow(window_ticks=int((window_s + WINDOW_MARGIN_S) * TICKS_PER_SECOND))
        self.worker: Worker | None = None
        self.ending = False
        self.owed = OwedCues()
        self.recipe = recipe
        self._store = store
        self._window_ticks = int(window_s * TICKS_PER_SECOND)

    @property
    def name(self) -> str:
        """The epoch's name, part of its URLs."""
        return self.record.epoch

    @property
    def begun(self) -> bool:
        """True once viewers have something to watch."""
        return self.window.begun or self.record.next_number > 0

    @property
    def ended(self) -> bool:
        """True once no part will follow."""
        return self.record.ended

    @property
    def on_air(self) -> bool:
        """True while cues have a media time."""
        return self.record.anchor is not None and not self.ending and not self.ended

    def next_source(self) -> int:
        """Count one more publish of this epoch."""
        self._update(replace(self.record, source=self.record.source + 1))
        return self.record.source

    def accepted(self, session: str) -> None:
        """Remember whose publish the epoch follows now."""
        self._update(replace(self.record, session=session))

    def challenged(self, newcomer: str) -> None:
        """Remember whose publish it is to follow soon; "" for nobody's."""
        self._update(replace(self.record, newcomer=newcomer))

    def succeeded(self) -> None:
        """The newcomer's publish is the one that the epoch follows now."""
        self._update(replace(self.record, session=self.record.newcomer, newcomer=""))

    def start(self, worker: Worker) -> bool:
        """Make `worker` encode this epoch, from where the last one stopped; False if it is gone."""
        self.worker = worker
        return worker.send(
            StartEpoch(
                show=self.show,
                epoch=self.name,
                au_socket=str(worker.au_socket),
                profile=self.recipe.profile.to_plain(),
                latency=self.recipe.latency,
                generation=self.record.generation + 1,
                next_number=self.record.next_number,
                next_msn=self.record.next_msn,
                next_tick=self.record.next_tick,
                cues=self.owed.all,
                previous=self.window.newest_inits or self.record.previous,
            )
        )

    def add(self, made: Made) -> Said | None:
        """Keep an init section or a still; what to tell gateways when it is news."""
        if isinstance(made, Still):
            return self.window.add_still(made)
        news = self.window.add_init(made)
        if news is not None:
            record = self.record.heard_of(made.generation)
            newest = self.window.newest_inits
            self._update(record.with_inits(newest) if newest else record)
        return news

    def add_part(self, part: Part) -> Said | None:
        """Keep a part; what to tell gateways when it completes a step."""
        step = self.window.add_part(part)
        if step is not None and part.number >= self.record.next_number:
            self._update(self.record.after(part, utc_s=int(time.time())))
        if step is not None:
            self.owed.carried(part.cues)
        return step

    async def stamp(self, moment: Moment, *, session: str | None, clock: HostClock) -> CueMoment:
        """The media time of a cue to come, while on air. Raises `RequestRefused` when too many
        wait already."""
        assert self.record.anchor is not None  # noqa: S101 - on air
        self.owed.require_room()
        stamp = await stamped(
            moment,
            media_epoch=self.name,
            anchor=self.record.anchor,
            window_ticks=self._window_ticks,
            session=session,
            clock=clock,
            now_ns=time.monotonic_ns(),
        )
        return stamp if stamp.exact else replace(stamp, pts=self._frame_at(stamp.pts))

    def _frame_at(self, tick: int) -> int:
        """The beginning of the slot that `tick` lies in: the frame on camera is the one before a
        click, not the one after, and a player acts on the first frame that is not before a cue."""
        return tick - tick % (TICKS_PER_SECOND // self.recipe.profile.frames_per_second)

    def air_time(self) -> MediaTime:
        """The tick that is now, while on air."""
        assert self.record.anchor is not None  # noqa: S101 - on air
        tick = self.record.anchor.tick(time.monotonic_ns())
        return MediaTime(media_epoch=self.name, pts=max(tick, 0))

    def carry(self, cue: Cue) -> None:
        """Have the worker put a committed cue into the media; the next one, should this one die.
        A cue of another epoch comes too late."""
        if cue.media_epoch != self.name or self.ended:
            return
        metadata = metadata_of(cue)
        self.owed.add(metadata)
        if self.worker is not None:
            self.worker.send(metadata)

    def cue_unsent(self, unsent: CueUnsent) -> None:
        """The worker cannot carry a cue; event sockets have it all the same."""
        log.warning("cue_unsent", show=self.show, cue=unsent.id, reason=unsent.reason)
        self.owed.drop(unsent.id, unsent.revision)

    def adopt(self, worker: Worker) -> None:
        """Go on with a worker that encodes this epoch already; it is told again what is owed."""
        self.worker = worker
        for metadata in self.owed.all:
            worker.send(metadata)

    def recall(self, cues: Iterable[Cue]) -> None:
        """After main's restart: of the epoch's logged cues, owe those no part may have carried."""
        for cue in cues:
            if cue.media_epoch == self.name and cue.pts >= self.record.next_tick - RECENT_TICKS:
                self.owed.add(metadata_of(cue))

    def lose_worker(self) -> None:
        """The worker is gone."""
        self.worker = None
        self.window.forget_staged()

    def end(self) -> Said | None:
        """Close the epoch for good; what to tell gateways the first time."""
        if self.record.ended:
            return None
        self._update(replace(self.record, ended=True))
        return self.window.end(EpochEnd(show=self.show, epoch=self.name))

    def _update(self, record: EpochRecord) -> None:
        self.record = record
        self._store.put(self.show, record)
