"""Offers were kept: within their quotas, at their prices, in their time."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from overlay.offers.codes import CLAIM_GRACE_US
from overlay.offers.fairness import LAST_TICKS, START_SLACK_TICKS
from overlay.offers.pricing import off
from overlay.offers.terms import Offer
from overlay.verify.rows import Books, Item, Sale

_LIVE = frozenset({"held", "confirmed"})


def within_quota(books: Books) -> Iterator[str]:
    """An offer was used as often as its orders (a coupon: its claims) say, and no more than it may
    be, in all and by each buyer."""
    offers = {offer.id: offer for offer in books.offers}
    used: Counter[str] = Counter()
    by_buyer: Counter[tuple[str, str]] = Counter()
    for sale, offer, items in _uses(books, offers):
        if sale.state in _LIVE and offer.terms.kind != "coupon":
            units = sum(item.quantity for item in items)
            count = units // offer.terms.units if offer.terms.kind == "bundle" else units
            used[offer.id] += count
            by_buyer[offer.id, sale.viewer] += count
    for claim in books.claims:
        used[claim.offer] += 1
    for offer in books.offers:
        if used[offer.id] != offer.used:
            yield f"{offer.id} was used {used[offer.id]} times and counts {offer.used}."
        if offer.terms.quota is not None and used[offer.id] > offer.terms.quota:
            yield f"{offer.id} was used {used[offer.id]} times; {offer.terms.quota} is the most."
    for key in sorted({*by_buyer, *books.offer_uses}):
        counted = books.offer_uses.get(key, 0)
        if counted != by_buyer[key]:
            yield f"A buyer used {key[0]} {by_buyer[key]} times and {counted} are counted."
        most = offers[key[0]].terms.per_buyer if key[0] in offers else None
        if most is not None and by_buyer[key] > most:
            yield f"A buyer used {key[0]} {by_buyer[key]} times; {most} is the most."


def honoured(books: Books) -> Iterator[str]:
    """Each price that is not the list's is what its offer says, of an order that was in the offer's
    time by what it was judged by."""
    offers = {offer.id: offer for offer in books.offers}
    claims = {(claim.offer, claim.viewer): claim for claim in books.claims}
    for item in books.items:
        if item.offer is not None and item.offer not in offers:
            yield f"The order {item.order} names an offer {item.offer} that is not there."
    for sale, offer, items in _uses(books, offers):
        if not _right(offer, items):
            yield f"The order {sale.number} has another price than {offer.id} gives."
        judged = sale.judged
        if judged is None:
            yield f"The order {sale.number} does not say by what {offer.id} was open to it."
        elif judged["now_us"] != sale.utc_us:
            yield f"The order {sale.number} was judged at another time than its own."
        elif not (_usable if offer.terms.kind == "coupon" else _in_time)(offer, judged):
            yield f"The order {sale.number} was not placed in the time of {offer.id}."
        if offer.terms.kind != "coupon":
            continue
        claim = claims.get((offer.id, sale.viewer))
        if claim is None or claim.judged is None or not _in_time(offer, claim.judged):
            yield f"The order {sale.number} has a coupon that was not claimed in time."
        elif sale.state in _LIVE and claim.order != sale.number:
            yield f"The coupon of the order {sale.number} is not spent on it."


def _uses(books: Books, offers: dict[str, Offer]) -> Iterator[tuple[Sale, Offer, list[Item]]]:
    """Each order with each of its offers, and the items that are under it."""
    sales = {sale.number: sale for sale in books.sales}
    groups: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in books.items:
        if item.offer is not None and item.offer in offers and item.order in sales:
            groups[item.order, item.offer].append(item)
    for (number, offer), items in groups.items():
        yield sales[number], offers[offer], items


def _right(offer: Offer, items: list[Item]) -> bool:
    terms = offer.terms
    paid = sum(item.price_minor * item.quantity for item in items)
    listed = sum(item.list_minor * item.quantity for item in items)
    if terms.kind == "gift":
        return paid == 0
    if terms.kind == "bundle":
        count, rest = divmod(sum(item.quantity for item in items), terms.units)
        return rest == 0 and paid == min(count * (terms.price_minor or 0), listed)
    if terms.minor_off is not None:
        return 0 < listed - paid <= terms.minor_off
    return all(
        item.price_minor == off(terms.price_minor, terms.percent_off, item.list_minor)
        for item in items
    )


def _in_time(offer: Offer, judged: Mapping[str, Any]) -> bool:
    """To the tick where the picture judged, else to the microsecond."""
    now_us = judged["now_us"]
    if offer.starts_us is None:
        return False
    if offer.state == "cancelled" and offer.ends_us is not None and now_us > offer.ends_us:
        return False
    epoch = judged.get("media_epoch")
    if epoch is None or epoch != offer.media_epoch or offer.starts_pts is None:
        return offer.starts_us <= now_us and (offer.ends_us is None or now_us <= offer.ends_us)
    pts, lag, lags = judged["pts"], judged["lag"], judged["lags"]
    at_end = lags.get(offer.id, 0)
    if not (0 <= lag <= LAST_TICKS and 0 <= at_end <= LAST_TICKS):
        return False
    begun = offer.starts_pts <= min(pts, pts - lag + START_SLACK_TICKS)
    return bool(begun and (offer.ends_pts is None or pts - at_end <= offer.ends_pts))


def _usable(offer: Offer, judged: Mapping[str, Any]) -> bool:
    """A coupon that was claimed may be used for a while after its end."""
    until = None if offer.ends_us is None else offer.ends_us + CLAIM_GRACE_US
    begun = offer.starts_us is not None
    return begun and (until is None or judged["now_us"] <= until)
