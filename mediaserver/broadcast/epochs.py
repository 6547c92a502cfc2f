"""The media epochs' memory on disk: where a restarted main, worker or server goes on.

One small JSON file per node, replaced atomically after each part, *before* gateways learn of that
part, so that a media sequence number which a viewer has seen is never used twice. It is not
flushed to the platter: after a power loss the machine has another boot, and so another epoch.
"""

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from mediaserver.broadcast.recipe import Recipe
from transcoder import wire
from transcoder.errors import WireError
from transcoder.values import Anchor, InitSection, Part

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """Where one media epoch stands. The `next_…` values are what a new worker begins with."""

    epoch: str
    boot_id: str
    source: int = 0
    session: str = ""
    """The last WHIP session that had the show: its host may end the show, lost or not."""
    newcomer: str = ""
    """The last one that is to have it as soon as its media flows."""
    recipe: str = ""
    """What the epoch's workers are told to make (`Recipe.to_text`), whatever has become of the
    profile's file since: only the same recipe can go on with the epoch."""
    inits: tuple[str, ...] = ()
    """The newest init sections in wire form, base64: what a new worker must make again."""
    anchor: Anchor | None = None
    generation: int = -1
    next_number: int = 0
    next_msn: int = 0
    next_tick: int = 0
    updated_utc_s: int = 0
    ended: bool = False

    @property
    def previous(self) -> tuple[InitSection, ...]:
        """The newest init sections."""
        return tuple(wire.decode(b64decode(init)) for init in self.inits)

    @property
    def made_by(self) -> Recipe | None:
        """The recipe; None for one of another version, which nobody here can go on with."""
        try:
            return Recipe.from_text(self.recipe)
        except ValueError as exc:
            log.warning("epoch_recipe_unreadable", epoch=self.epoch, reason=str(exc))
            return None

    def heard_of(self, generation: int) -> "EpochRecord":
        """The record once gateways have an init section of this generation: whatever becomes of
        the others, the next worker's are of another."""
        return replace(self, generation=max(self.generation, generation))

    def with_inits(self, inits: Iterable[InitSection]) -> "EpochRecord":
        """The record once these are the newest init sections."""
        newest = tuple(inits)
        return replace(
            self,
            anchor=newest[0].anchor,
            generation=max(self.generation, newest[0].generation),
            inits=tuple(b64encode(wire.encode(init)).decode() for init in newest),
        )

    def after(self, part: Part, *, utc_s: int) -> "EpochRecord":
        """The record once `part` is on air. A worker lost now would leave its segment unfinished,
        so the next one begins with the segment after it."""
        return replace(
            self,
            generation=max(self.generation, part.generation),
            next_number=part.number + 1,
            next_msn=part.msn + 1,
            next_tick=part.decode_time + part.duration,
            updated_utc_s=utc_s,
        )

    def fresh(self, grace_s: float) -> bool:
        """Whether a main that starts now may go on with it."""
        recent = time.time() - self.updated_utc_s < grace_s
        return not self.ended and recent and self.boot_id == boot_id()


class EpochStore:
    """The records of all shows, in `path`. Reads once; every `put` replaces the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._records: dict[str, EpochRecord] = _read(path)

    def get(self, show: str) -> EpochRecord | None:
        """The last record of `show`."""
        return self._records.get(show)

    def put(self, show: str, record: EpochRecord) -> None:
        """Remember `record`. A disk that refuses is logged; what is on air goes on."""
        self._records[show] = record
        content = {name: asdict(record) for name, record in self._records.items()}
        temporary = self._path.with_suffix(".new")
        try:
            temporary.write_text(json.dumps(content), encoding="utf-8")
            temporary.replace(self._path)
        except OSError as exc:
            log.error("epoch_not_stored", show=show, error=exc.strerror)


def boot_id() -> str:
    """Names this boot of the machine: the monotonic clock of another boot means nothing here."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


def _read(path: Path) -> dict[str, EpochRecord]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {show: _record(plain) for show, plain in content.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, WireError) as exc:
        log.warning("epochs_unreadable", path=path.name, error=str(exc))
        return {}


def _record(plain: Mapping[str, Any]) -> EpochRecord:
    anchor = Anchor(**plain["anchor"]) if plain["anchor"] else None
    record = EpochRecord(**{**plain, "anchor": anchor, "inits": tuple(plain["inits"])})
    _ = record.previous  # of another version, it is no record of ours
    return record
