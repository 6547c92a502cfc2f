"""The offers of a show in the database: described, started, ended, taken back; and their codes.

Every change of a public offer is a line of the log. An offer that has been public is not changed
any more: what was promised stands in the log, and `comptoir verify` holds the orders against it.
"""

from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from overlay import checks
from overlay.catalog import products
from overlay.errors import InvalidInput, OfferSettled, UnknownOffer
from overlay.offers import codes as code_rules
from overlay.offers.fairness import all_over
from overlay.offers.terms import MAX_QUOTA, PUBLIC, Offer, State, Terms, checked
from overlay.show import events
from overlay.show.log import LogWriter, MediaTime
from overlay.store.schema import codes, offers
from overlay.values import ShowEvent

MAX_OFFERS = 100
"""Of one show, in any state."""
MAX_ANNOUNCE_MS = 600_000
MAX_DURATION_MS = 24 * 3_600_000
MIN_DURATION_MS = 1_000

_TICKS_PER_MS = 90


def in_show(connection: Connection, show: str) -> tuple[Offer, ...]:
    """Every offer, drafts too."""
    query = select(offers).where(offers.c.show == show).order_by(offers.c.id)
    return tuple(_offer(row._mapping) for row in connection.execute(query))


def find(connection: Connection, show: str, offer: str) -> Offer:
    """One of them. Raises `UnknownOffer`."""
    query = select(offers).where((offers.c.show == show) & (offers.c.id == offer))
    row = connection.execute(query).mappings().first()
    if row is None:
        raise UnknownOffer(f"This show has no offer {offer[:64]}.", field="id")
    return _offer(row)


def put(connection: Connection, show: str, offer_id: str, terms: Terms) -> Offer:
    """Describe a draft, new or known. Raises `InvalidInput`, `OfferSettled`."""
    checks.identifier(offer_id, "id")
    _refuse_unknown_goods(connection, show, terms)
    try:
        known = find(connection, show, offer_id)
    except UnknownOffer:
        count = select(func.count()).select_from(offers).where(offers.c.show == show)
        if connection.execute(count).scalar_one() >= MAX_OFFERS:
            raise InvalidInput(f"A show has at most {MAX_OFFERS} offers.", field="id") from None
        draft = Offer(show=show, id=offer_id, terms=terms)
        connection.execute(insert(offers).values(**_row(draft)))
        return draft
    _refuse_unless(known, "draft", what="changed")
    if (known.terms.kind, known.terms.shared_code) != (terms.kind, terms.shared_code):
        _forget_codes(connection, known)
    known.terms = terms
    _write(connection, known)
    return known


def remove(connection: Connection, show: str, offer_id: str) -> None:
    """Take a draft away. Raises `UnknownOffer`, `OfferSettled`."""
    known = find(connection, show, offer_id)
    _refuse_unless(known, "draft", what="deleted")
    _forget_codes(connection, known)
    connection.execute(delete(offers).where(_is(known)))


def set_codes(
    connection: Connection, show: str, offer_id: str, *, texts: Any = None, make: Any = None
) -> int:
    """Give a draft coupon its codes, in place of those before: how many there are.

    `texts` as uploaded, or `make` so many. Raises `InvalidInput`, `UnknownOffer`, `OfferSettled`.
    """
    offer = find(connection, show, offer_id)
    _refuse_unless(offer, "draft", what="given codes")
    if offer.terms.kind != "coupon":
        raise InvalidInput("Only coupons have codes.", field="id")
    if (texts is None) == (make is None):
        raise InvalidInput("Give either codes, or how many to make.", field="codes")
    if make is not None:
        most = 1 if offer.terms.shared_code else code_rules.MAX_CODES
        count = checks.integer(make, "make", least=1, most=most)
        texts = [code_rules.made() for _ in range(count)]
    found = code_rules.uploaded(texts)
    if offer.terms.shared_code and len(found) != 1:
        raise InvalidInput("A coupon whose code is shared has one.", field="codes")
    _forget_codes(connection, offer)
    _refuse_taken(connection, offer, found)
    _add_codes(connection, offer, found)
    return len(found)


def start(
    connection: Connection,
    writer: LogWriter,
    offer_id: str,
    *,
    duration_ms: int | None,
    announce_ms: int,
    at: MediaTime | None,
) -> tuple[Offer, ShowEvent]:
    """Begin, `announce_ms` from `at` (from now, off air); None: until it is ended.

    Raises `InvalidInput`, `UnknownOffer`, `OfferSettled`.
    """
    offer = find(connection, writer.show, offer_id)
    _refuse_unless(offer, "draft", what="started")
    announce_ms = checks.integer(announce_ms, "announce_ms", least=0, most=MAX_ANNOUNCE_MS)
    if duration_ms is not None:
        checks.integer(duration_ms, "duration_ms", least=MIN_DURATION_MS, most=MAX_DURATION_MS)
    _refuse_unknown_goods(connection, writer.show, offer.terms)
    _ready_codes(connection, offer)
    offer.state = "announced" if announce_ms else "running"
    offer.starts_us = writer.utc_us + announce_ms * 1000
    offer.ends_us = None if duration_ms is None else offer.starts_us + duration_ms * 1000
    if at is not None:
        offer.media_epoch = at.media_epoch
        offer.starts_pts = at.pts + announce_ms * _TICKS_PER_MS
        if duration_ms is not None:
            offer.ends_pts = offer.starts_pts + duration_ms * _TICKS_PER_MS
    return _told(connection, writer, offer, at)


def end(
    connection: Connection, writer: LogWriter, offer_id: str, *, at: MediaTime | None
) -> tuple[Offer, ShowEvent]:
    """End it now: on air where the picture is now, so whoever is behind has that long more.

    Raises `UnknownOffer`, `OfferSettled`.
    """
    offer = find(connection, writer.show, offer_id)
    _refuse_unless(offer, "running", what="ended")
    offer.ends_us = min(writer.utc_us, offer.ends_us or writer.utc_us)
    if at is not None and at.media_epoch == offer.media_epoch and offer.starts_pts is not None:
        pts = max(at.pts, offer.starts_pts)
        offer.ends_pts = min(pts, offer.ends_pts) if offer.ends_pts is not None else pts
    else:
        offer.state = "ended"
    return _told(connection, writer, offer, at)


def cancel(
    connection: Connection, writer: LogWriter, offer_id: str, *, at: MediaTime | None
) -> tuple[Offer, ShowEvent]:
    """Take it back, for everybody and at once: a wrong price. Orders that were placed stand.

    Raises `UnknownOffer`, `OfferSettled`.
    """
    offer = find(connection, writer.show, offer_id)
    _refuse_unless(offer, "announced", "running", what="taken back")
    offer.state = "cancelled"
    offer.ends_us = writer.utc_us
    return _told(connection, writer, offer, at)


def turn(
    connection: Connection, writer: LogWriter, *, at: MediaTime | None
) -> tuple[ShowEvent, ...]:
    """Begin and end what is due, by the picture where it is on air, by the clock elsewhere."""
    told = []
    for offer in in_show(connection, writer.show):
        state = due(offer, at=at, now_us=writer.utc_us)
        if state is not None:
            offer.state = state
            told.append(_told(connection, writer, offer, at)[1])
    return tuple(told)


def due(offer: Offer, *, at: MediaTime | None, now_us: int) -> State | None:
    """The state that it is time for; None where nothing is due. Pure.

    It is `ended` when it is over for everybody: 10 s after its end in the picture.
    """
    if offer.state not in ("announced", "running") or offer.starts_us is None:
        return None
    if all_over(offer, at=at, now_us=now_us):
        return "ended"
    if offer.state == "running":
        return None
    if at is not None and at.media_epoch == offer.media_epoch and offer.starts_pts is not None:
        return "running" if at.pts >= offer.starts_pts else None
    return "running" if now_us >= offer.starts_us else None


def restore(
    connection: Connection, writer: LogWriter, before: dict[str, str]
) -> tuple[ShowEvent, ...]:
    """After a rehearsal: each offer has the state it had `before` (by id); one that is not named
    there, or that began in it, is a draft again."""
    told = []
    for offer in in_show(connection, writer.show):
        state = before.get(offer.id, "draft")
        if state == offer.state or offer.state not in PUBLIC or state != "draft":
            continue
        clean = Offer(show=offer.show, id=offer.id, terms=offer.terms, used=offer.used)
        _write(connection, clean)
        data = events.offer_gone(offer.id)
        told.append(writer.append(connection, "offer_gone", data, at=None))
    return tuple(told)


def _told(
    connection: Connection, writer: LogWriter, offer: Offer, at: MediaTime | None
) -> tuple[Offer, ShowEvent]:
    _write(connection, offer)
    event = writer.append(connection, "offer", events.offer(offer.to_plain()), at=at)
    return offer, event


def _refuse_unless(offer: Offer, *states: State, what: str) -> None:
    if offer.state not in states:
        raise OfferSettled(f"The offer {offer.id} is {offer.state} and cannot be {what}.")


def _refuse_unknown_goods(connection: Connection, show: str, terms: Terms) -> None:
    """An offer is about what the show has, in its currency."""
    named = [(terms.product, terms.variant, "product")] if terms.product else []
    named += [(goods.product, goods.variant, "items") for goods in terms.items]
    named += [(terms.gift.product, terms.gift.variant, "gift")] if terms.gift else []
    for product_id, variant, where in named:
        product = products.find(connection, show, product_id or "")
        if product is None:
            raise InvalidInput(f"This show has no product {product_id}.", field=where)
        if variant is not None and product.variant(variant) is None:
            raise InvalidInput(f"{product_id} has no variant {variant}.", field=where)
        if variant is None and where != "product" and len(product.variants) > 1:
            raise InvalidInput(f"{product_id} comes in variants: name one.", field=where)
        if product.currency != terms.currency:
            raise InvalidInput(
                f"{product_id} is sold in {product.currency}, not {terms.currency}.",
                field="currency",
            )


def _ready_codes(connection: Connection, offer: Offer) -> None:
    """A coupon that starts has codes: a shared one is made where the host gave none."""
    if offer.terms.kind != "coupon":
        return
    of_it = (codes.c.show == offer.show) & (codes.c.offer == offer.id)
    quota = MAX_QUOTA if offer.terms.quota is None else offer.terms.quota
    count = select(func.count()).select_from(codes).where(of_it)
    if connection.execute(count).scalar_one():
        if offer.terms.shared_code:
            connection.execute(update(codes).where(of_it).values(quota=quota))
    elif offer.terms.shared_code:
        _add_codes(connection, offer, (code_rules.made(),))
    else:
        raise OfferSettled(f"The coupon {offer.id} has no codes yet: give it some first.")


def _refuse_taken(connection: Connection, offer: Offer, texts: tuple[str, ...]) -> None:
    known = connection.execute(select(codes.c.code).where(codes.c.show == offer.show)).scalars()
    taken = set(known) & set(texts)
    if taken:
        n = min(texts.index(code) for code in taken)
        raise InvalidInput(f"codes.{n} is another coupon's code.", field=f"codes.{n}")


def _add_codes(connection: Connection, offer: Offer, texts: tuple[str, ...]) -> None:
    quota = (offer.terms.quota or MAX_QUOTA) if offer.terms.shared_code else 1
    row = {"show": offer.show, "offer": offer.id, "quota": quota, "claimed": 0}
    connection.execute(insert(codes), [{**row, "code": code} for code in texts])


def _forget_codes(connection: Connection, offer: Offer) -> None:
    of_it = (codes.c.show == offer.show) & (codes.c.offer == offer.id)
    connection.execute(delete(codes).where(of_it))


def _write(connection: Connection, offer: Offer) -> None:
    connection.execute(update(offers).where(_is(offer)).values(**_row(offer)))


def _is(offer: Offer) -> Any:
    return (offers.c.show == offer.show) & (offers.c.id == offer.id)


def _row(offer: Offer) -> dict[str, Any]:
    return {
        "show": offer.show,
        "id": offer.id,
        "kind": offer.terms.kind,
        "state": offer.state,
        "terms": offer.terms.to_plain(),
        "media_epoch": offer.media_epoch,
        "starts_pts": offer.starts_pts,
        "ends_pts": offer.ends_pts,
        "starts_us": offer.starts_us,
        "ends_us": offer.ends_us,
        "quota": offer.terms.quota,
        "used": offer.used,
        "per_buyer": offer.terms.per_buyer,
    }


def _offer(row: Any) -> Offer:
    kept = ("show", "id", "state", "media_epoch", "starts_pts", "ends_pts", "starts_us", "ends_us")
    return Offer(
        terms=checked(row["terms"]), used=row["used"], **{name: row[name] for name in kept}
    )
