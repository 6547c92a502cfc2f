"""Who may have a coupon's code: part of the ledger's rules, pure, over the view of a batch."""

from overlay.errors import CodeUnknown, InvalidInput, NotLive, QuotaReached
from overlay.offers.codes import Code, CodeClaim
from overlay.offers.terms import Offer
from overlay.orders import judgement, price
from overlay.orders.effects import Effects
from overlay.orders.ops import Claim, Claimed
from overlay.orders.view import View


def claim(view: View, effects: Effects, op: Claim) -> Claimed:
    """The viewer's code: the one they have, or the next; see `Claim`.

    Raises `UnknownOffer`, `OfferNotBegun`, `OfferOver`, `QuotaReached`, `CodeUnknown`, `NotLive`.
    """
    offer = price.find(view, op.show, op.offer, "offer")
    if offer.terms.kind != "coupon":
        raise InvalidInput(f"{op.offer} is a {offer.terms.kind}, not a coupon.", field="offer")
    key = (op.show, op.offer, op.viewer)
    known = view.claims.get(key)
    if known is not None:
        return _claimed(known, offer, created=False)
    price.refuse_unless_open(offer, at=op.at, seen=op.seen, now_us=effects.now_us, where="offer")
    if offer.media_epoch is not None and op.at is None:
        raise NotLive("This coupon is for those who watch the show live.", field="offer")
    if offer.left == 0:
        raise QuotaReached("All of these coupons are taken.", field="offer")
    code = _code(view, op)
    code.claimed += 1
    effects.codes[op.show, code.code] = code
    effects.use(offer, 1)
    made = CodeClaim(
        show=op.show,
        offer=op.offer,
        viewer=op.viewer,
        code=code.code,
        utc_us=effects.now_us,
        judged=judgement.of(op, [offer], now_us=effects.now_us),
    )
    view.claims[key] = effects.new_claims[key] = made
    return _claimed(made, offer, created=True)


def _code(view: View, op: Claim) -> Code:
    """The code that is named, or one that is still to be had."""
    if op.code is not None:
        code = view.codes.get((op.show, op.code))
        if code is None or code.offer != op.offer:
            raise CodeUnknown("That is no code of this offer.", field="code")
        if code.claimed >= code.quota:
            raise QuotaReached("This code is taken.", field="code")
        return code
    for code in view.codes.values():
        if (code.show, code.offer) == (op.show, op.offer) and code.claimed < code.quota:
            return code
    raise QuotaReached("All of these coupons are taken.", field="offer")


def _claimed(claim: CodeClaim, offer: Offer, *, created: bool) -> Claimed:
    return Claimed(
        claim=claim,
        ends_pts=offer.ends_pts,
        ends_us=price.coupon_until(offer),
        created=created,
    )
