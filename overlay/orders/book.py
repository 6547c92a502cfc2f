"""The ledger's rows in the database: a batch's view is loaded with a handful of statements,
whatever its size, and its effects are written with one for each table.

The caller's transaction holds what is loaded: SQLite's writer has the database to itself, and
PostgreSQL locks the variants, the orders and the holds until the commit.
"""

from typing import Any

from sqlalchemy import Connection

from overlay.orders import book_offers
from overlay.orders.effects import Effects
from overlay.orders.ops import MAX_EXPIRED
from overlay.orders.view import HeldUnits, Needs, Shelf, StoredOrder, StoredReply, VariantKey, View
from overlay.store.statements import Statement, decode_json, encode_json

_HOLD_COLUMNS = (
    "id, show, viewer, product, variant, quantity, state, created_us, expires_us, order_number"
)
_ORDER_COLUMNS = "number, show, viewer, utc_us, state, expires_us, reference, note"

_REPLIES = Statement(
    "SELECT show, viewer, idempotency_key, request_sha256, CAST(reply AS TEXT) FROM replies "
    "WHERE (show, viewer, idempotency_key) IN (:keys[3])"
)
_SHELVES = Statement(
    "SELECT v.show, v.product, v.id, p.name, CAST(v.options AS TEXT), p.currency, v.price_minor, "
    "p.cap, p.live_only, p.policy, v.available, v.held, v.sold "
    "FROM variants v JOIN products p ON p.show = v.show AND p.id = v.product "
    "WHERE (v.show, v.product) IN (:keys[2]) "
    "ORDER BY v.show, v.product, v.position, v.id FOR UPDATE"
)
_PURCHASES = Statement(
    "SELECT show, viewer, product, quantity FROM purchases "
    "WHERE (show, viewer, product) IN (:keys[3])"
)
_HOLDS = Statement(f"SELECT {_HOLD_COLUMNS} FROM holds WHERE id IN (:ids[1]) FOR UPDATE")  # noqa: S608
_OPEN_HOLDS = Statement(
    f"SELECT {_HOLD_COLUMNS} FROM holds "  # noqa: S608
    "WHERE state = 'held' AND (show, viewer) IN (:keys[2]) ORDER BY created_us, id FOR UPDATE"
)
_DUE_HOLDS = Statement(
    f"SELECT {_HOLD_COLUMNS} FROM holds "  # noqa: S608
    "WHERE state = 'held' AND expires_us <= :now_us ORDER BY expires_us LIMIT :most FOR UPDATE"
)
_ORDERS = Statement(
    f"SELECT {_ORDER_COLUMNS} FROM orders "  # noqa: S608
    "WHERE number IN (:numbers[1]) FOR UPDATE"
)
_DUE_ORDERS = Statement(
    "SELECT number FROM orders "
    "WHERE state = 'held' AND expires_us <= :now_us ORDER BY expires_us LIMIT :most"
)
_ITEMS = Statement(
    "SELECT order_number, product, variant, quantity, offer FROM order_items "
    "WHERE order_number IN (:numbers[1]) ORDER BY order_number, line"
)
_GONE = Statement(
    "SELECT show, product, variant, max(utc_us) FROM movements "
    "WHERE kind = 'gone' AND (show, product) IN (:keys[2]) GROUP BY show, product, variant"
)

_REHEARSING = Statement("SELECT show FROM show_settings WHERE rehearsal IS NOT NULL")

_AVAILABLE = Statement(
    "SELECT show, product, id, available FROM variants WHERE (show, product, id) IN (:keys[3])"
)

_MOVE_STOCK = Statement(
    "UPDATE variants SET available = available + :available, held = held + :held, "
    "sold = sold + :sold WHERE show = :show AND product = :product AND id = :variant"
)
_ADD_MOVEMENT = Statement(
    "INSERT INTO movements (show, product, variant, utc_us, kind, available, held, sold, "
    "order_number, hold) VALUES (:show, :product, :variant, :utc_us, :kind, :available, :held, "
    ":sold, :order_number, :hold)"
)
_ADD_ORDER = Statement(
    "INSERT INTO orders (number, show, viewer, idempotency_key, request_sha256, utc_us, "
    "updated_us, state, checkout, expires_us, reference, contact, note, total_minor, currency, "
    "rehearsal, judged) VALUES (:number, :show, :viewer, :idempotency_key, :request_sha256, "
    ":utc_us, :updated_us, :state, :checkout, :expires_us, NULL, :contact, '', :total_minor, "
    ":currency, :rehearsal, :judged)"
)
_ADD_ITEM = Statement(
    "INSERT INTO order_items (order_number, line, product, variant, name, choice, quantity, "
    "price_minor, list_minor, offer) VALUES (:order_number, :line, :product, :variant, :name, "
    ":choice, :quantity, :price_minor, :list_minor, :offer)"
)
_CHANGE_ORDER = Statement(
    "UPDATE orders SET state = :state, expires_us = :expires_us, reference = :reference, "
    "note = :note, updated_us = :updated_us WHERE number = :number"
)
_ADD_HOLD = Statement(
    f"INSERT INTO holds ({_HOLD_COLUMNS}) VALUES (:id, :show, :viewer, :product, :variant, "  # noqa: S608
    ":quantity, :state, :created_us, :expires_us, :order_number)"
)
_CHANGE_HOLD = Statement(
    "UPDATE holds SET quantity = :quantity, state = :state, order_number = :order_number "
    "WHERE id = :id"
)
_SET_PURCHASE = Statement(
    "INSERT INTO purchases (show, viewer, product, quantity) "
    "VALUES (:show, :viewer, :product, :quantity) "
    "ON CONFLICT (show, viewer, product) DO UPDATE SET quantity = excluded.quantity"
)
_ADD_REPLY = Statement(
    "INSERT INTO replies (show, viewer, idempotency_key, request_sha256, reply, utc_us) "
    "VALUES (:show, :viewer, :key, :digest, :reply, :utc_us)"
)


def load(connection: Connection, needs: Needs, *, now_us: int) -> View:
    """The rows that a batch asks for."""
    view = View()
    if needs.replies:
        for show, viewer, key, digest, reply in _REPLIES.all(
            connection, {"keys": sorted(needs.replies)}
        ):
            view.replies[show, viewer, key] = StoredReply(digest=digest, plain=decode_json(reply))
    _load_orders(connection, needs, view, now_us)
    _load_holds(connection, needs, view, now_us)
    book_offers.load(connection, needs, view)
    needs.cover(view)
    if needs.products:
        _load_shelves(connection, needs, view)
    if needs.purchases:
        for show, viewer, product, quantity in _PURCHASES.all(
            connection, {"keys": sorted(needs.purchases)}
        ):
            view.purchases[show, viewer, product] = quantity
    view.rehearsing = {show for (show,) in _REHEARSING.all(connection, {})}
    return view


def save(connection: Connection, view: View, effects: Effects) -> None:
    """Write what a batch has decided."""
    now_us = effects.now_us
    _MOVE_STOCK.many(
        connection,
        [
            {
                "show": change.shelf.show,
                "product": change.shelf.product,
                "variant": change.shelf.variant,
                "available": change.available,
                "held": change.held,
                "sold": change.sold,
            }
            for change in effects.changes.values()
        ],
    )
    _ADD_ORDER.many(connection, [_with_json(row) for row in effects.orders])
    _ADD_ITEM.many(connection, effects.items)
    _ADD_MOVEMENT.many(connection, effects.movements)
    _CHANGE_ORDER.many(
        connection,
        [
            {
                "number": order.number,
                "state": order.state,
                "expires_us": order.expires_us,
                "reference": order.reference,
                "note": order.note,
                "updated_us": now_us,
            }
            for order in effects.changed_orders.values()
        ],
    )
    _ADD_HOLD.many(connection, [_hold_row(hold) for hold in effects.new_holds.values()])
    _CHANGE_HOLD.many(
        connection,
        [
            {
                "id": hold.id,
                "quantity": hold.quantity,
                "state": hold.state,
                "order_number": hold.order_number,
            }
            for hold in effects.changed_holds.values()
        ],
    )
    _SET_PURCHASE.many(
        connection,
        [
            {
                "show": show,
                "viewer": viewer,
                "product": product,
                "quantity": view.purchases[show, viewer, product],
            }
            for show, viewer, product in sorted(effects.purchases)
        ],
    )
    book_offers.save(connection, view, effects)
    _ADD_REPLY.many(
        connection,
        [
            {
                "show": show,
                "viewer": viewer,
                "key": key,
                "digest": digest,
                "reply": encode_json(reply),
                "utc_us": now_us,
            }
            for show, viewer, key, digest, reply in effects.replies
        ],
    )


def available(connection: Connection, keys: list[VariantKey]) -> dict[VariantKey, int]:
    """How many are available of each of these variants that is there."""
    rows = _AVAILABLE.all(connection, {"keys": sorted(keys)})
    return {(show, product, variant): left for show, product, variant, left in rows}


def _load_shelves(connection: Connection, needs: Needs, view: View) -> None:
    for row in _SHELVES.all(connection, {"keys": sorted(needs.products)}):
        shelf = Shelf(
            show=row[0],
            product=row[1],
            variant=row[2],
            name=row[3],
            choice=" / ".join(decode_json(row[4])),
            currency=row[5],
            price_minor=row[6],
            cap=row[7],
            live_only=bool(row[8]),
            policy=row[9],
            available=row[10],
            held=row[11],
            sold=row[12],
        )
        view.shelves.setdefault((shelf.show, shelf.product), {})[shelf.variant] = shelf


def _load_orders(connection: Connection, needs: Needs, view: View, now_us: int) -> None:
    numbers = set(needs.orders)
    due: list[str] = []
    if needs.due:
        found = _DUE_ORDERS.all(connection, {"now_us": now_us, "most": MAX_EXPIRED})
        due = [number for (number,) in found]
        view.more_due = len(due) == MAX_EXPIRED
        numbers.update(due)
    if not numbers:
        return
    for row in _ORDERS.all(connection, {"numbers": sorted(numbers)}):
        order = StoredOrder(
            number=row[0],
            show=row[1],
            viewer=row[2],
            utc_us=row[3],
            state=row[4],
            expires_us=row[5],
            reference=row[6],
            note=row[7],
        )
        view.orders[order.number] = order
    for number, *item, offer in _ITEMS.all(connection, {"numbers": sorted(numbers)}):
        product, variant, quantity = item
        order = view.orders[number]
        order.units.append((product, variant, quantity))
        if offer is not None:
            order.offers[offer] = order.offers.get(offer, 0) + quantity
    view.due_orders = [view.orders[number] for number in due]
    sold = {(o.show, product) for o in view.orders.values() for product, _, _ in o.units}
    for show, product, variant, utc_us in _GONE.all(connection, {"keys": sorted(sold)}):
        view.gone_us[show, product, variant] = utc_us


def _load_holds(connection: Connection, needs: Needs, view: View, now_us: int) -> None:
    rows: list[tuple[Any, ...]] = []
    due: list[tuple[Any, ...]] = []
    if needs.holds:
        rows += _HOLDS.all(connection, {"ids": sorted(needs.holds)})
    if needs.buyers:
        rows += _OPEN_HOLDS.all(connection, {"keys": sorted(needs.buyers)})
    if needs.due:
        due = _DUE_HOLDS.all(connection, {"now_us": now_us, "most": MAX_EXPIRED})
        view.more_due |= len(due) == MAX_EXPIRED
    for row in [*rows, *due]:
        if row[0] not in view.holds:
            view.add_hold(_hold(row))
    view.due_holds = [view.holds[row[0]] for row in due]


def _hold(row: tuple[Any, ...]) -> HeldUnits:
    return HeldUnits(
        id=row[0],
        show=row[1],
        viewer=row[2],
        product=row[3],
        variant=row[4],
        quantity=row[5],
        state=row[6],
        created_us=row[7],
        expires_us=row[8],
        order_number=row[9],
    )


def _hold_row(hold: HeldUnits) -> dict[str, Any]:
    return {name: getattr(hold, name) for name in HeldUnits.__dataclass_fields__}


def _with_json(row: dict[str, Any]) -> dict[str, Any]:
    contact, judged = row["contact"], row["judged"]
    return {
        **row,
        "contact": None if contact is None else encode_json(dict(contact)),
        "judged": None if judged is None else encode_json(judged),
    }
