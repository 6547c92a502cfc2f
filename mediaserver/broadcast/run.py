"""One media epoch as main sees it: its record, its window, its worker."""

import hashlib
import json
import secrets
import time
from dataclasses import dataclass, replace

from mediaserver.broadcast.epochs import EpochRecord, EpochStore, boot_id
from mediaserver.broadcast.window import EpochWindow
from mediaserver.workers.pool import Worker
from transcoder.control import LatencyPreset, StartEpoch
from transcoder.profiles import Profile
from transcoder.values import TICKS_PER_SECOND, EpochEnd, InitSection, Part

WINDOW_MARGIN_S = 10.0
"""How much longer than the gateways' window main remembers, so that none starts with a hole."""


def new_epoch_name() -> str:
    """A name for a new media epoch: unique for ever, since URLs under it are cached for long."""
    return f"{time.time_ns() // 1_000_000:x}-{secrets.token_hex(3)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What every worker of the epoch is told: the profile as it was at the epoch's start."""

    profile: Profile
    latency: LatencyPreset

    @property
    def digest(self) -> str:
        """Names the recipe: an epoch cannot go on with another one."""
        content = json.dumps([self.profile.to_plain(), self.latency], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


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
            epoch=new_epoch_name(), boot_id=boot_id(), recipe=recipe.digest
        )
        self.window = EpochWindow(window_ticks=int((window_s + WINDOW_MARGIN_S) * TICKS_PER_SECOND))
        self.worker: Worker | None = None
        self.ending = False
        self._recipe = recipe
        self._store = store

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

    def next_source(self) -> int:
        """Count one more publish of this epoch."""
        self._update(replace(self.record, source=self.record.source + 1))
        return self.record.source

    def accepted(self, session: str) -> None:
        """Remember whose publish the epoch follows now."""
        self._update(replace(self.record, session=session))

    def start(self, worker: Worker) -> bool:
        """Make `worker` encode this epoch, from where the last one stopped; False if it is gone."""
        self.worker = worker
        return worker.send(
            StartEpoch(
                show=self.show,
                epoch=self.name,
                au_socket=str(worker.au_socket),
                profile=self._recipe.profile.to_plain(),
                latency=self._recipe.latency,
                generation=self.record.generation + 1,
                next_number=self.record.next_number,
                next_msn=self.record.next_msn,
                next_tick=self.record.next_tick,
                previous=self.window.newest_inits or self.record.previous,
            )
        )

    def add_init(self, init: InitSection) -> bytes | None:
        """Keep an init section; framed bytes for the gateways when it is news."""
        data = self.window.add_init(init)
        if data is not None:
            self._update(self.record.with_inits(self.window.newest_inits))
        return data

    def add_part(self, part: Part) -> tuple[bytes, ...]:
        """Keep a part; framed bytes for the gateways when it completes a step."""
        frames = self.window.add_part(part)
        if frames and part.number >= self.record.next_number:
            self._update(self.record.after(part, utc_s=int(time.time())))
        return frames

    def lose_worker(self) -> None:
        """The worker is gone."""
        self.worker = None
        self.window.forget_staged()

    def end(self) -> bytes | None:
        """Close the epoch for good; framed bytes for the gateways the first time."""
        if self.record.ended:
            return None
        self._update(replace(self.record, ended=True))
        return self.window.end(EpochEnd(show=self.show, epoch=self.name))

    def _update(self, record: EpochRecord) -> None:
        self.record = record
        self._store.put(self.show, record)
