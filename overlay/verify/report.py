"""The proof of a show: every check, what it looked at, and what it found."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from overlay.store.engine import Store
from overlay.verify import history, offers, rows, sales, stock
from overlay.verify.rows import Books

MAX_FINDINGS = 20
"""Sentences that one check may say; there may be a hundred thousand."""


class UnknownShow(Exception):
    """There is nothing of this show to be proven; the message is a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A check and its findings, none where the promise was kept."""

    promise: str
    looked_at: str
    findings: tuple[str, ...]
    of_the_log: bool
    """The log may be a quarter of a second behind while the shop is open."""


def prove(store: Store, show: str) -> tuple[Checked, ...]:
    """Read the show and check it. Raises `StoreUnavailable`, `UnknownShow`."""
    books = rows.read(store, show)
    if not books.known:
        raise UnknownShow(f"The shop's database has no show {show[:64]!r}: nothing is proven.")
    return checked(books)


def checked(books: Books) -> tuple[Checked, ...]:
    """Every check of what was read."""
    orders, lines = len(books.sales), len(books.log)

    def check(
        promise: str, looked_at: str, find: Callable[[Books], Iterator[str]], *, log: bool = False
    ) -> Checked:
        findings = tuple(islice(find(books), MAX_FINDINGS))
        return Checked(promise=promise, looked_at=looked_at, findings=findings, of_the_log=log)

    moves = f"{len(books.movements)} movements of {len(books.variants)} variants"
    return (
        check("nothing is oversold", moves, stock.oversold),
        check("holds set aside what they say", f"{len(books.holds)} holds", stock.held),
        check("each acknowledged order is there once", f"{orders} orders", sales.once),
        check("prices were the list's or an offer's", f"{len(books.items)} items", sales.priced),
        check("caps are kept", f"{len(books.purchases)} buyers' counts", stock.caps),
        check("coupons are within their quota", f"{len(books.codes)} codes", sales.claimed),
        check("offers are within their quotas", f"{len(books.offers)} offers", offers.within_quota),
        check("offers were kept in their time", f"{len(books.claims)} claims", offers.honoured),
        check("the log has no gap", f"{lines} lines", history.gapless),
        check("the log folds to the tables", f"{lines} lines", history.folded, log=True),
    )
