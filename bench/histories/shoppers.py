"""Clients who do all that a ledger knows: carts, payments, coupons, second thoughts, and time that
runs out. Like `Crowd` they have one request out at a time, and ask again after a kill."""

from collections import defaultdict
from typing import Any

from bench.histories.clients import Crowd
from bench.histories.history import Entry, Request, Step

COUPON = "welcome"


class Shoppers(Crowd):
    """A crowd whose wishes follow from what it was told so far."""

    def __init__(self, *, seed: int, clients: int, products: tuple[str, ...]) -> None:
        self._holds: dict[str, list[str]] = defaultdict(list)
        self._orders: dict[str, list[str]] = defaultdict(list)
        self._codes: dict[str, str] = {}
        super().__init__(seed=seed, clients=clients, products=products)

    def _wish(self, client: int) -> Request:
        viewer, name = f"viewer-{client}", f"key-{next(self._keys)}"
        product, quantity = self._luck.choice(self._products), self._luck.randint(1, 3)
        asked = self._asks(viewer, name, {"product": product, "quantity": quantity})
        return Step(viewer=viewer, key=name, product=product, quantity=quantity, asked=asked)

    def _asks(self, viewer: str, name: str, units: dict[str, Any]) -> dict[str, Any]:
        holds, orders = self._holds[viewer], self._orders[viewer]
        op = self._luck.choice(
            ("place", "place", "place", "reserve", "reserve", "claim", "expire")
            + ("release",) * bool(holds)
            + ("confirm", "confirm", "cancel", "give_up") * bool(orders)
        )
        match op:
            case "place":
                checkout = self._luck.choice(("form", "handoff", "handoff"))
                code = self._codes.pop(viewer, None)
                return {"op": op, "viewer": viewer, "key": name, **units, "checkout": checkout,
                        "coupon": code}  # fmt: skip
            case "reserve":
                return {"op": op, "viewer": viewer, "hold": name, **units}
            case "claim":
                return {"op": op, "viewer": viewer, "offer": COUPON}
            case "release":
                return {"op": op, "viewer": viewer, "hold": self._luck.choice(holds)}
            case "confirm":
                number = self._luck.choice(orders)
                return {"op": op, "number": number, "reference": f"paid-{number}"}
            case "cancel" | "give_up":
                return {"op": op, "number": orders.pop(self._luck.randrange(len(orders)))}
        return {"op": op}

    def _heard(self, answer: Any) -> None:
        request = self._asked[0]
        super()._heard(answer)
        if "ok" not in answer or not isinstance(request, Step):
            return
        match request.asked["op"]:
            case "place":
                self._orders[request.viewer].append(answer["ok"])
            case "reserve":
                self._holds[request.viewer].append(answer["ok"])
            case "claim":
                self._codes[request.viewer] = answer["ok"]


REFUSALS = frozenset(
    {"sold_out", "hold_gone", "order_settled", "quota_reached", "offer_over", "invalid"}
)


def told(history: list[Entry]) -> dict[str, list[tuple[Step, str]]]:
    """By op: what was asked, and the answer."""
    answers: dict[str, list[tuple[Step, str]]] = defaultdict(list)
    for entry in history:
        if entry.kind == "ok" and isinstance(entry.request, Step):
            answers[entry.request.asked["op"]].append((entry.request, entry.number or ""))
    return answers
