"""The process that is killed: a real shop behind a Unix socket, committing in groups.

``python -m bench.histories.ledger SOCKET`` is a nursery: it has everything imported, and for each
connection forks a ledger that serves that connection alone. The ledger's first line is its process
id; then comes the location of the database, then ops (`_op`), orders by form where a line names no
other. It answers ``ready`` once the database is open, and each op after the commit. One line of
JSON each. The nursery ends with its standard input.
"""

import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from overlay.errors import ShopError, StoreUnavailable
from overlay.orders import ops
from overlay.orders.ledger import Terms
from overlay.orders.ops import Op, OrderPlaced
from overlay.orders.values import OrderLine
from overlay.shop import Shop
from overlay.store import migrations, postgresql, sqlite
from overlay.store.database import Location

__all__ = ["migrations", "postgresql"]  # imported by the nursery, so that each ledger has them

SHOW = "demo"
MAX_BATCH = 512


def main() -> None:
    """The nursery."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead need no wait
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen()
    print("listening", flush=True)
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        client = listener.accept()[0]
        if os.fork() == 0:
            listener.close()
            with suppress(BrokenPipeError, ConnectionResetError):
                serve(client)
            os._exit(0)
        client.close()


def serve(client: socket.socket) -> None:
    """One life: until the client goes, or a kill."""
    client.sendall(f"{os.getpid()}\n".encode())
    lines = _Lines(client)
    (told,) = lines.read(1)
    shop = _opened(told)
    client.sendall(b'"ready"\n')
    while asked := lines.read(MAX_BATCH):
        client.sendall(b"".join(_line(answer) for answer in _answers(shop, asked)))
    shop.close()


def _opened(told: dict[str, Any]) -> Shop:
    if (level := told.get("synchronous")) is not None:
        sqlite.PRAGMAS.append(f"PRAGMA synchronous = {level}")
    location: Location = told["location"]
    shop = Shop.open(location if "://" in str(location) else Path(location), alone=True)
    if (terms := told.get("terms")) is not None:
        shop.terms = Terms(**terms)
    return shop


def _answers(shop: Shop, asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    batch = [_op(**each) for each in asked]
    try:
        outcomes = shop.settle(batch).outcomes
    except StoreUnavailable as exc:
        return [{"unknown": exc.code, "said": str(exc)} for _ in asked]
    return [_answer(outcome) for outcome in outcomes]


def _op(op: str = "place", **said: Any) -> Op:
    """What a line asks for."""
    match op:
        case "place":
            line = OrderLine(product=said.pop("product"), quantity=said.pop("quantity"))
            return ops.placing(SHOW, lines=[line], **said)
        case "reserve":
            return ops.reserving(SHOW, **said)
        case "release":
            return ops.Release(show=SHOW, **said)
        case "confirm":
            return ops.confirming(SHOW, **said)
        case "give_up":
            return ops.ReleaseOrder(show=SHOW, **said)
        case "cancel":
            return ops.cancelling(SHOW, **said)
        case "claim":
            return ops.claiming(SHOW, **said)
    return ops.ExpireDue()


def _answer(outcome: object) -> dict[str, Any]:
    if outcome is None or isinstance(outcome, ops.Expired):
        return {"ok": ""}
    if isinstance(outcome, OrderPlaced):
        return {"ok": outcome.order.number}
    if isinstance(outcome, ops.Reserved):
        return {"ok": outcome.hold.id}
    if isinstance(outcome, ops.Settled):
        return {"ok": outcome.state}
    if isinstance(outcome, ops.Claimed):
        return {"ok": outcome.claim.code}
    if isinstance(outcome, StoreUnavailable):
        return {"unknown": outcome.code, "said": str(outcome)}
    if isinstance(outcome, ShopError):
        return {"fail": outcome.code}
    return {"unknown": repr(outcome), "said": repr(outcome)}


class _Lines:
    """Lines of JSON as they come, several at once where several have come."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self._begun = b""
        self._whole: list[bytes] = []

    def read(self, most: int) -> list[dict[str, Any]]:
        """At least one line and at most so many; none at the end."""
        while not self._whole:
            received = self._client.recv(1 << 16)
            if not received:
                return []
            *self._whole, self._begun = (self._begun + received).split(b"\n")
        some, self._whole = self._whole[:most], self._whole[most:]
        return [json.loads(line) for line in some]


def _line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


if __name__ == "__main__":
    main()
