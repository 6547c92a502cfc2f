"""Results that outlive a run, so that thirteen profiles can be measured a few at a time.

The file is JSON; what viewers had is not kept, what it was judged to be is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter, ValidationError

from bench.faults.profiles import PROFILES
from bench.ingest.cpu import CpuResult
from bench.ingest.run import ProfileResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What has been measured so far, in the order of the profiles."""

    profiles: tuple[ProfileResult, ...]
    cpu: CpuResult | None
    idle_share: float
    """The least of all runs."""

    @classmethod
    def load(cls, path: Path) -> "Results | None":
        """What `save` wrote, or None where there is no such file. Raises `ValueError` where the
        file is of another kind."""
        if not path.exists():
            return None
        try:
            return _FORM.validate_json(path.read_bytes())
        except ValidationError as exc:
            raise ValueError(f"{path} holds no results of this bench") from exc

    def save(self, path: Path) -> None:
        """Write it, without what viewers had."""
        kept = {"profiles": {"__all__": {"watched"}}}
        path.write_bytes(_FORM.dump_json(self, exclude=kept))

    def and_then(self, newer: Self) -> Self:
        """With what was measured later; a profile that was measured again counts as it was then."""
        by_name = {each.profile: each for each in (*self.profiles, *newer.profiles)}
        return replace(
            newer,
            profiles=in_order(tuple(by_name.values())),
            cpu=newer.cpu or self.cpu,
            idle_share=min(self.idle_share, newer.idle_share),
        )


def in_order(results: Sequence[ProfileResult]) -> tuple[ProfileResult, ...]:
    """As the profiles are listed."""
    places = {name: place for place, name in enumerate(PROFILES)}
    return tuple(sorted(results, key=lambda each: places[each.profile]))


_FORM = TypeAdapter(Results)
