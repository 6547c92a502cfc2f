"""Whether what `Shoppers` were told is still so. Pure: each finding is a sentence. That the books
are right in themselves is `overlay.verify`'s to say."""

from collections.abc import Iterator

from bench.histories.history import Entry
from bench.histories.shoppers import REFUSALS, told
from overlay.verify.rows import Books

_MAY_FOLLOW: dict[str, frozenset[str]] = {
    "confirmed": frozenset({"confirmed", "cancelled"}),
    "cancelled": frozenset({"cancelled"}),
    "released": frozenset({"released", "paid_late", "cancelled"}),
    "expired": frozenset({"expired", "paid_late", "cancelled"}),
    "paid_late": frozenset({"paid_late", "cancelled"}),
}
"""The states in which an order may be in the end that was said to be in one."""


def broken(history: list[Entry], books: Books) -> Iterator[str]:
    """Every promise that was not kept."""
    answers = told(history)
    sales = {sale.number: sale for sale in books.sales}
    for step, number in answers["place"]:
        sale = sales.get(number)
        if sale is None or (sale.viewer, sale.key) != (step.viewer, step.key):
            yield f"Order {number} of {step.key} was acknowledged and is lost."
    for op in ("confirm", "cancel", "give_up"):
        for step, state in answers[op]:
            number = step.asked["number"]
            if number not in sales or sales[number].state not in _MAY_FOLLOW[state]:
                yield f"Order {number} was said to be {state}, and is not."
    holds = {hold.id: hold for hold in books.holds}
    for step, name in answers["reserve"]:
        if name not in holds or holds[name].viewer != step.viewer:
            yield f"The hold {name} was acknowledged and is lost."
    for step, _ in answers["release"]:
        if holds[step.asked["hold"]].state == "held":
            yield f"The hold {step.asked['hold']} was given back and is held."
    claims = {claim.viewer for claim in books.claims}
    for step, _ in answers["claim"]:
        if step.viewer not in claims:
            yield f"The claim of {step.viewer} was acknowledged and is lost."
    for entry in history:
        if entry.kind == "fail" and entry.reason not in REFUSALS:
            yield f"{entry.request.key} was refused with {entry.reason}."
