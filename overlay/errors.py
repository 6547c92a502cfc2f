"""The errors of the shop.

ShopError                  a sentence for people, a stable ``code``, and the ``field`` it is about
├── InvalidInput           what was given is not legal; `field` names the key
├── UnknownProduct         the show has no such product
├── UnknownOrder           the show has no such order, or it is another buyer's
├── SoldOut                fewer units are left than are wanted; `field` is the product's id
├── CapReached             more than one buyer may have; `field` is the product's id
├── NotLive                sold only while the show is on air; `field` is the product's id
├── HoldGone               the hold is over: expired, released, or bought
├── OrderSettled           the order's state does not allow that
├── UnknownOffer           the show has no such offer
├── OfferNotBegun          the offer is not open yet; `field` is the key that names it
├── OfferOver              the offer has ended or was taken back
├── QuotaReached           the offer is used up, by all or by this buyer
├── CodeUnknown            no such code, or it is not this viewer's
├── PriceChanged           the total is another than the buyer expects
├── OfferSettled           the offer's state does not allow that
├── NothingToUndo          the host has done nothing that can be undone
├── CartChanged            the cart is of another version than the one that was changed
├── UnknownEndpoint        there is no such webhook endpoint
├── UnknownMessage         the endpoint was never to be told that
├── StockInUse             units of what is to go are held in carts or unpaid orders
├── CueConflict            the id is taken by a cue that says something else
├── CueRefused             the cue cannot be: its time, or the pin that it ends
├── IdempotencyMismatch    the idempotency key was used for another order
├── LogGap                 an event does not follow what is already folded
└── StoreUnavailable       the database cannot be opened, read or written
    └── StoreAway          there is no session with it to be had
"""


class ShopError(Exception):
    """Root of the shop's errors. The message is a sentence for people."""

    code = "shop_error"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class InvalidInput(ShopError):
    """What was given is not legal; `field` is the key at fault."""

    code = "invalid"


class UnknownProduct(ShopError):
    """The show has no such product; `field` is the key that names it."""

    code = "unknown_product"


class SoldOut(ShopError):
    """Fewer units are left than are wanted; `field` is the product's id. Nothing was ordered."""

    code = "sold_out"


class UnknownOrder(ShopError):
    """The show has no such order, or it is not the asking viewer's."""

    code = "unknown_order"


class CapReached(ShopError):
    """More units than one buyer may have; `field` is the product's id. Nothing was ordered."""

    code = "cap_reached"


class NotLive(ShopError):
    """The product is sold only while the show is on air; `field` is its id."""

    code = "not_live"


class HoldGone(ShopError):
    """The hold is over: expired, released, or bought. Hold anew, with an id of its own."""

    code = "hold_gone"


class OrderSettled(ShopError):
    """The order's state does not allow what was asked."""

    code = "order_settled"


class UnknownOffer(ShopError):
    """The show has no such offer."""

    code = "unknown_offer"


class OfferNotBegun(ShopError):
    """The offer is not open yet, as the viewer sees it. Nothing was ordered."""

    code = "offer_not_begun"


class OfferOver(ShopError):
    """The offer has ended, as the viewer saw it, or was taken back. Nothing was ordered."""

    code = "offer_over"


class QuotaReached(ShopError):
    """The offer is used up, by all or by this buyer. Nothing was ordered."""

    code = "quota_reached"


class CodeUnknown(ShopError):
    """There is no such code, or this viewer has not claimed it."""

    code = "code_unknown"


class PriceChanged(ShopError):
    """The total is another than the buyer expects; the message says which. Nothing was ordered."""

    code = "price_changed"


class OfferSettled(ShopError):
    """The offer's state does not allow what was asked."""

    code = "offer_settled"


class NothingToUndo(ShopError):
    """The host has done nothing that can be undone."""

    code = "nothing_to_undo"


class StockInUse(ShopError):
    """Units of what is to be taken away are held in carts or unpaid orders."""

    code = "stock_in_use"


class CartChanged(ShopError):
    """The cart has changed since the version that was given: look at it again."""

    code = "cart_changed"


class UnknownEndpoint(ShopError):
    """There is no such webhook endpoint."""

    code = "unknown_webhook"


class UnknownMessage(ShopError):
    """The endpoint was never to be told such a message, or it is forgotten."""

    code = "unknown_message"


class CueConflict(ShopError):
    """The id is taken by a cue that says something else."""

    code = "cue_conflict"


class CueRefused(ShopError):
    """The cue cannot be: it is too far in the past or future, or the pin that it ends is not."""

    code = "cue_refused"


class IdempotencyMismatch(ShopError):
    """The idempotency key was used for another order by the same viewer."""

    code = "idempotency_mismatch"


class LogGap(ShopError):
    """An event that does not follow what is folded: take the snapshot again."""

    code = "log_gap"


class StoreUnavailable(ShopError):
    """The database cannot be opened, read or written. What was asked for did not happen."""

    code = "shop_unavailable"


class StoreAway(StoreUnavailable):
    """No session with the database is to be had; the next try may wait as long for the same."""
