"""The errors of the shop.

ShopError                  a sentence for people, a stable ``code``, and the ``field`` it is about
├── InvalidInput           what was given is not legal; `field` names the key
├── UnknownProduct         the show has no such product
├── SoldOut                fewer units are left than are wanted; `field` is the product's id
├── CueConflict            the id is taken by a cue that says something else
├── CueRefused             the cue cannot be: its time, or the pin that it ends
├── IdempotencyMismatch    the idempotency key was used for another order
├── LogGap                 an event does not follow what is already folded
└── StoreUnavailable       the database cannot be opened, read or written
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
