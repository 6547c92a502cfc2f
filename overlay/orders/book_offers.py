"""The ledger's rows of offers: loaded and written within a batch, as `overlay.orders.book` does."""

from typing import Any

from sqlalchemy import Connection

from overlay.offers.codes import Code, CodeClaim
from overlay.offers.terms import Offer, checked
from overlay.orders.effects import Effects
from overlay.orders.view import Needs, View
from overlay.store.statements import Statement, decode_json, encode_json

_OFFER_COLUMNS = (
    "show, id, state, CAST(terms AS TEXT), media_epoch, starts_pts, ends_pts, starts_us, ends_us, "
    "used"
)
_OPEN_OFFERS = Statement(
    f"SELECT {_OFFER_COLUMNS} FROM offers WHERE show IN (:shows[1]) "  # noqa: S608
    "AND (state IN ('announced', 'running') OR (kind = 'coupon' AND state = 'ended')) "
    "ORDER BY show, id FOR UPDATE"
)
_OFFERS = Statement(
    f"SELECT {_OFFER_COLUMNS} FROM offers "  # noqa: S608
    "WHERE (show, id) IN (:keys[2]) ORDER BY show, id FOR UPDATE"
)
_OFFER_USES = Statement(
    "SELECT show, offer, viewer, quantity FROM offer_uses WHERE (show, offer, viewer) IN (:keys[3])"
)
_CLAIM_COLUMNS = "show, offer, viewer, code, utc_us, order_number"
_CLAIMS = Statement(
    f"SELECT {_CLAIM_COLUMNS} FROM claims "  # noqa: S608
    "WHERE (show, offer, viewer) IN (:keys[3])"
)
_CODES = Statement(
    "SELECT show, code, offer, quota, claimed FROM codes "
    "WHERE show = :show AND offer = :offer AND claimed < quota ORDER BY code LIMIT :most"
)
_NAMED_CODES = Statement(
    "SELECT show, code, offer, quota, claimed FROM codes WHERE (show, code) IN (:keys[2])"
)
_OFFERS_LEFT = Statement(
    "SELECT show, id, quota - used FROM offers WHERE quota IS NOT NULL AND (show, id) IN (:keys[2])"
)
_USE_OFFER = Statement("UPDATE offers SET used = used + :used WHERE show = :show AND id = :offer")
_SET_OFFER_USE = Statement(
    "INSERT INTO offer_uses (show, offer, viewer, quantity) "
    "VALUES (:show, :offer, :viewer, :quantity) "
    "ON CONFLICT (show, offer, viewer) DO UPDATE SET quantity = excluded.quantity"
)
_ADD_CLAIM = Statement(
    f"INSERT INTO claims ({_CLAIM_COLUMNS}, judged) "  # noqa: S608
    "VALUES (:show, :offer, :viewer, :code, :utc_us, :order_number, :judged)"
)
_CHANGE_CLAIM = Statement(
    "UPDATE claims SET order_number = :order_number "
    "WHERE show = :show AND offer = :offer AND viewer = :viewer"
)
_SET_CODE = Statement("UPDATE codes SET claimed = :claimed WHERE show = :show AND code = :code")


def left(connection: Connection, keys: list[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """How often each of these offers may still be used, where that has a bound."""
    rows = _OFFERS_LEFT.all(connection, {"keys": sorted(keys)})
    return {(show, offer): left for show, offer, left in rows}


def load(connection: Connection, needs: Needs, view: View) -> None:
    """The offers, claims, codes and uses that a batch asks for."""
    for order in view.orders.values():
        needs.offers.update((order.show, offer) for offer in order.offers)
        needs.claims.update((order.show, offer, order.viewer) for offer in order.offers)
    if needs.shows:
        for row in _OPEN_OFFERS.all(connection, {"shows": sorted(needs.shows)}):
            view.offers.setdefault(row[0], {})[row[1]] = offer_of(row)
    if missing := sorted(key for key in needs.offers if key[1] not in view.offers.get(key[0], {})):
        for row in _OFFERS.all(connection, {"keys": missing}):
            view.offers.setdefault(row[0], {})[row[1]] = offer_of(row)
    if not view.offers:
        return
    needs.claims.update(
        (show, offer.id, viewer)
        for show, viewer in needs.claimants
        for offer in view.offers.get(show, {}).values()
        if offer.terms.kind == "coupon"
    )
    if needs.claims:
        for row in _CLAIMS.all(connection, {"keys": sorted(needs.claims)}):
            view.claims[row[0], row[1], row[2]] = CodeClaim(
                show=row[0], offer=row[1], viewer=row[2], code=row[3], utc_us=row[4],
                order_number=row[5],
            )  # fmt: skip
    if uses := needs.uses(view):
        for show, offer, viewer, quantity in _OFFER_USES.all(connection, {"keys": sorted(uses)}):
            view.offer_uses[show, offer, viewer] = quantity
    _load_codes(connection, needs, view)


def _load_codes(connection: Connection, needs: Needs, view: View) -> None:
    rows: list[tuple[Any, ...]] = []
    for (show, offer), most in sorted(needs.codes.items()):
        rows += _CODES.all(connection, {"show": show, "offer": offer, "most": most})
    if needs.named_codes:
        rows += _NAMED_CODES.all(connection, {"keys": sorted(needs.named_codes)})
    for show, code, offer, quota, claimed in rows:
        view.codes[show, code] = Code(
            show=show, code=code, offer=offer, quota=quota, claimed=claimed
        )


def offer_of(row: tuple[Any, ...]) -> Offer:
    """An offer, of its columns: show, id, state, terms as text, the times, and how often used."""
    return Offer(
        show=row[0],
        id=row[1],
        state=row[2],
        terms=checked(decode_json(row[3])),
        media_epoch=row[4],
        starts_pts=row[5],
        ends_pts=row[6],
        starts_us=row[7],
        ends_us=row[8],
        used=row[9],
    )


def save(connection: Connection, view: View, effects: Effects) -> None:
    """Write what a batch has used and claimed."""
    _USE_OFFER.many(
        connection,
        [
            {"used": change.used, "show": show, "offer": offer}
            for (show, offer), change in effects.offers.items()
        ],
    )
    uses = sorted(effects.offer_uses)
    _SET_OFFER_USE.many(
        connection,
        [
            {"show": key[0], "offer": key[1], "viewer": key[2], "quantity": view.offer_uses[key]}
            for key in uses
        ],
    )
    _ADD_CLAIM.many(connection, [_claim_row(claim) for claim in effects.new_claims.values()])
    _CHANGE_CLAIM.many(connection, [_claim_row(claim) for claim in effects.changed_claims.values()])
    _SET_CODE.many(
        connection,
        [
            {"claimed": code.claimed, "show": code.show, "code": code.code}
            for code in effects.codes.values()
        ],
    )


def _claim_row(claim: CodeClaim) -> dict[str, Any]:
    row = {name: getattr(claim, name) for name in CodeClaim.__dataclass_fields__}
    return {**row, "judged": None if claim.judged is None else encode_json(claim.judged)}
