"""What each rung of the ladder does during one generation of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What one rung does from one change of roles to the next."""

    kind: Literal["encoded", "passed", "mirror"]
    """By an encoder of its own; the source's access units (the top rung alone); or another rung's
    very samples under its own name."""
    of: int | None = None
    """Of a mirror: the index of the rung that it shows, itself encoded or passed."""


ENCODED = Role(kind="encoded")
PASSED = Role(kind="passed")


def mirror(of: int) -> Role:
    """The role of a rung that shows what the rung with this index makes."""
    return Role(kind="mirror", of=of)


def check_roles(roles: Sequence[Role]) -> None:
    """Raises ValueError for roles that no generation can have."""
    for index, role in enumerate(roles):
        if role.kind == "passed" and index:
            raise ValueError("only the top rung can be passed")
        if role.kind == "mirror":
            shown = roles[role.of] if role.of is not None and role.of < len(roles) else None
            if shown is None or shown.kind == "mirror":
                raise ValueError(f"rung {index} mirrors what makes no samples")
