"""A show's row of settings: whether it rehearses, what is marked sold out, what can be undone."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from overlay.store.schema import show_settings

MAX_UNDO = 20
"""Steps back; older ones are forgotten."""


@dataclass(slots=True, kw_only=True)
class Settings:
    """The row."""

    rehearsal: dict[str, Any] | None = None
    """While the show rehearses: what `overlay.show.rehearsal` needs to undo it all."""
    marks: dict[str, list[int]] = field(default_factory=dict)
    """By ``product/variant``: the units that a host's mark took away, and all that there were to
    sell after it."""
    undo: list[dict[str, Any]] = field(default_factory=list)
    """What the host did last, the last at the end: {"what": …}."""

    def did(self, what: str, **more: Any) -> None:
        """Remember what can be undone."""
        self.undo = [*self.undo, {"what": what, **more}][-MAX_UNDO:]


def load(connection: Connection, show: str) -> Settings:
    """The settings of the show."""
    row = connection.execute(select(show_settings).where(show_settings.c.show == show)).first()
    if row is None:
        return Settings()
    plain = row.settings or {}
    return Settings(
        rehearsal=row.rehearsal,
        marks=dict(plain.get("marks", {})),
        undo=list(plain.get("undo", [])),
    )


def save(connection: Connection, show: str, settings: Settings) -> None:
    """Write them."""
    connection.execute(delete(show_settings).where(show_settings.c.show == show))
    connection.execute(
        insert(show_settings).values(
            show=show,
            rehearsal=settings.rehearsal,
            settings={"marks": settings.marks, "undo": settings.undo},
        )
    )
