"""Whether the node is alive and ready, and the admin port that says so."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Every dependency of a node by name, true where it is there."""

    checks: Mapping[str, bool]

    @property
    def ready(self) -> bool:
        """True when nothing is missing."""
        return all(self.checks.values())
