"""The run of show: the host's prepared queue of products and moments.

An item names up to three products, pinned together: a cue each, all of the same frame. The whole
queue is put at once, so that two devices agree on its order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from overlay import checks
from overlay.errors import InvalidInput
from overlay.store.schema import run_items

MAX_ITEMS = 200
MAX_PINNED = 3
MAX_TITLE_CHARS = 200
MAX_NOTE_CHARS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunItem:
    """One step of a show."""

    id: str
    title: str
    note: str
    """For the host alone."""
    products: tuple[str, ...]
    """None of a moment without goods."""
    done: bool

    def to_plain(self) -> dict[str, Any]:
        """The item's JSON."""
        return {
            "id": self.id,
            "title": self.title,
            "note": self.note,
            "products": list(self.products),
            "done": self.done,
        }


def checked(values: Any) -> tuple[RunItem, ...]:
    """The queue that is asked for, of plain items. Raises `InvalidInput`."""
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise InvalidInput("items must be a list.", field="items")
    if len(values) > MAX_ITEMS:
        raise InvalidInput(f"A run of show has at most {MAX_ITEMS} items.", field="items")
    items = tuple(_item(value, f"items.{n}") for n, value in enumerate(values))
    if len({item.id for item in items}) < len(items):
        raise InvalidInput("Each item has an id of its own.", field="items")
    return items


def queue(connection: Connection, show: str) -> tuple[RunItem, ...]:
    """The show's items, in order."""
    query = select(run_items).where(run_items.c.show == show).order_by(run_items.c.position)
    return tuple(
        RunItem(
            id=row.id,
            title=row.title,
            note=row.note,
            products=tuple(row.products),
            done=row.done,
        )
        for row in connection.execute(query)
    )


def replace_all(connection: Connection, show: str, items: Sequence[RunItem]) -> None:
    """Have these and no others."""
    connection.execute(delete(run_items).where(run_items.c.show == show))
    rows = [
        {"show": show, "position": position, **item.to_plain()}
        for position, item in enumerate(items)
    ]
    if rows:
        connection.execute(insert(run_items), rows)


def find(connection: Connection, show: str, item_id: str) -> RunItem:
    """The item. Raises `InvalidInput`."""
    for item in queue(connection, show):
        if item.id == item_id:
            return item
    raise InvalidInput(f"The run of show has no item {item_id[:64]}.", field="id")


def mark(connection: Connection, show: str, item_id: str, *, done: bool) -> None:
    """Say whether it is done."""
    of_it = (run_items.c.show == show) & (run_items.c.id == item_id)
    connection.execute(update(run_items).where(of_it).values(done=done))


def _item(value: Any, where: str) -> RunItem:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{where} must be an object.", field=where)
    products = value.get("products", ())
    if isinstance(products, str) or not isinstance(products, Sequence):
        raise InvalidInput(f"{where}.products must be a list.", field=f"{where}.products")
    if len(products) > MAX_PINNED or len(set(map(str, products))) < len(products):
        raise InvalidInput(
            f"{where}.products has up to {MAX_PINNED} different products.",
            field=f"{where}.products",
        )
    if not isinstance(value.get("done", False), bool):
        raise InvalidInput(f"{where}.done must be true or false.", field=f"{where}.done")
    return RunItem(
        id=checks.identifier(value.get("id"), f"{where}.id"),
        title=checks.text(
            value.get("title", ""), f"{where}.title", most=MAX_TITLE_CHARS, blank=True
        ),
        note=checks.paragraphs(value.get("note", ""), f"{where}.note", most=MAX_NOTE_CHARS),
        products=tuple(
            checks.identifier(product, f"{where}.products.{n}")
            for n, product in enumerate(products)
        ),
        done=value.get("done", False),
    )
