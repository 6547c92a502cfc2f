"""The rows of carts."""

from sqlalchemy import Connection

from overlay.carts.values import CartItem, StoredCart
from overlay.store.statements import Statement, decode_json, encode_json

PRUNED_AT_ONCE = 2000

_FIND = Statement(
    "SELECT version, CAST(items AS TEXT) FROM carts WHERE show = :show AND viewer = :viewer"
)
_SAVE = Statement(
    "INSERT INTO carts (show, viewer, version, items, updated_us) "
    "VALUES (:show, :viewer, :version, :items, :updated_us) "
    "ON CONFLICT (show, viewer) DO UPDATE SET version = excluded.version, "
    "items = excluded.items, updated_us = excluded.updated_us"
)
_OLD = Statement(
    "SELECT show, viewer FROM carts WHERE updated_us < :before_us ORDER BY updated_us LIMIT :most"
)
_FORGET = Statement("DELETE FROM carts WHERE (show, viewer) IN (:keys[2])")


def find(connection: Connection, show: str, viewer: str) -> StoredCart:
    """A viewer's cart; an empty one of version 0 where there is none."""
    rows = _FIND.all(connection, {"show": show, "viewer": viewer})
    if not rows:
        return StoredCart()
    version, items = rows[0]
    return StoredCart(version=version, items=tuple(CartItem(**i) for i in decode_json(items)))


def save(connection: Connection, show: str, viewer: str, cart: StoredCart, *, now_us: int) -> None:
    """Write a cart."""
    plain = [
        {name: getattr(item, name) for name in CartItem.__dataclass_fields__} for item in cart.items
    ]
    _SAVE.run(
        connection,
        {
            "show": show,
            "viewer": viewer,
            "version": cart.version,
            "items": encode_json(plain),
            "updated_us": now_us,
        },
    )


def prune(connection: Connection, *, before_us: int) -> int:
    """Forget carts that nobody has changed since then, `PRUNED_AT_ONCE` at most: how many."""
    keys = [
        tuple(row) for row in _OLD.all(connection, {"before_us": before_us, "most": PRUNED_AT_ONCE})
    ]
    if keys:
        _FORGET.run(connection, {"keys": keys})
    return len(keys)
