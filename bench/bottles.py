"""150,000 bottles: a crowd buys all of them, through the real HTTP interface, and then the books
are checked.

20,000 buyers order one bottle at a time over at most 2,000 connections, at a steady rate, until
all are sold; one request in twenty comes twice, and what has no answer is asked again with the same
key. The server is `comptoir serve` as it comes (one gateway, one main, SQLite), with its limits on
orders per address lifted, because the whole crowd is one address here. Meanwhile 500 viewers
listen to the show's event sockets and ask for its state, a hundred times a second together; no
picture is on air. Then `verify` proves the show from its log and ledger.

Beside it the ledger alone, without HTTP: reservations in batches of 256, and as peer the same with
a transaction for each.

What the figures do not say: crowd, viewers and server share one machine and the loopback. The
buyers' cookies are signed with the server's own secret beforehand: becoming a viewer is not
measured.
"""

import argparse
import asyncio
import contextlib
import json
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import uvloop

from bench import ledger_alone
from bench.crowd import Crowd, Listener, Order, Tally
from bench.ledger_alone import Alone
from bench.machine import CpuTimes
from bench.node import Node, NodeError
from bench.report import Figure, percentile, print_report
from bench.shop import ShopClient
from mediaserver.demo.stock import GOODS
from mediaserver.viewers import COOKIE, ViewerTokens, load_secret
from overlay.store.engine import Store
from overlay.verify import rows
from overlay.verify.report import Checked, checked

SHOW, PRODUCT = "bench", "bottle"
TWICE_EVERY = 20
STATE_GETS_PER_S = 100
SETTINGS = {
    "spare_workers": 0,
    "shop": {
        "viewer_orders_per_minute": 1_000_000,
        "address_orders_per_minute": 1_000_000,
        "address_viewers_per_minute": 1_000_000,
    },
}

EXPECTED: Mapping[str, tuple[str, float]] = {
    "orders_per_s": ("at least", 1_000),
    "p99_ms": ("at most", 500),
    "ledger_reservations_per_s": ("at least", 20_000),
    "group_commit_ratio": ("at least", 5),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How large the sale is."""

    units: int
    buyers: int
    connections: int
    viewers: int
    rate: float
    """Requests a second that come due."""
    grouped: int
    single: int


FULL = Plan(
    units=150_000, buyers=20_000, connections=2_000, viewers=500, rate=1_200.0,
    grouped=50_000, single=3_000,
)  # fmt: skip
QUICK = Plan(
    units=10_000, buyers=2_000, connections=500, viewers=100, rate=1_200.0,
    grouped=10_000, single=1_000,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """What came of it."""

    tally: Tally
    idle_share: float
    events: int
    """Lines of the log that reached the viewers' sockets."""
    checks: tuple[Checked, ...]
    sold: int
    oversold: int
    duplicated: int
    lost: int
    """Orders that were acknowledged and are not in the books."""


async def run(plan: Plan) -> Sale:
    """Hold the sale on a server of its own, and check its books."""
    with tempfile.TemporaryDirectory() as folder:
        key = secrets.token_urlsafe(24)
        node = Node(folder=Path(folder), shows={SHOW: key}, settings=SETTINGS)
        with node:
            async with aiohttp.ClientSession() as http:
                shop = ShopClient(http=http, url=node.url, show=SHOW, key=key)
                good = {**GOODS[0].to_plain(), "stock": plan.units}
                reply = await shop.call("PUT", f"products/{PRODUCT}", good)
                assert reply.status == 200, reply
                secret = load_secret(node.folder / "data" / "viewers.secret")
                orders = list(_orders(plan, ViewerTokens(secret), node.http_port))
                crowd = Crowd(port=node.http_port, connections=plan.connections, rate=plan.rate)
                async with _viewers(node, plan.viewers) as heard:
                    before = CpuTimes.now()
                    await crowd.buy(orders)
                    idle = before.idle_share_until(CpuTimes.now())
        return _booked(node, plan, crowd.tally, idle=idle, events=heard[0])


def _booked(node: Node, plan: Plan, tally: Tally, *, idle: float, events: int) -> Sale:
    store = Store.open_to_read(node.folder / "data" / "shop.sqlite3")
    try:
        books = rows.read(store, SHOW)
    finally:
        store.close()
    sold = sum(item.quantity for item in books.items)
    numbers = {sale.number for sale in books.sales}
    keys = {(sale.viewer, sale.key) for sale in books.sales}
    return Sale(
        tally=tally,
        idle_share=idle,
        events=events,
        checks=checked(books),
        sold=sold,
        oversold=max(0, sold - plan.units),
        duplicated=len(books.sales) - len(keys) + tally.contradicted,
        lost=len(set(tally.acknowledged.values()) - numbers),
    )


def _orders(plan: Plan, tokens: ViewerTokens, port: int) -> Iterator[Order]:
    """A little more than there is to sell, some of it twice."""
    cookies = [tokens.new() for _ in range(plan.buyers)]
    body = json.dumps({"items": [{"product": PRODUCT, "quantity": 1}]}).encode()
    for n in range(plan.units + plan.units // 50):
        key = f"{n:08x}"
        request = (
            f"POST /api/v1/shows/{SHOW}/orders HTTP/1.1\r\nHost: localhost:{port}\r\n"
            f"Cookie: {COOKIE}={cookies[n % plan.buyers]}\r\nIdempotency-Key: {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        yield Order(key, request)
        if n % TWICE_EVERY == 0:
            yield Order(key, request)


@contextlib.asynccontextmanager
async def _viewers(node: Node, count: int) -> AsyncIterator[list[int]]:
    """So many event sockets, and hot requests beside them; how many frames came in."""
    heard = [0]
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: Listener(heard, SHOW), "127.0.0.1", node.http_port)
        for _ in range(count)
    ]
    async with aiohttp.ClientSession() as http:

        async def look() -> None:
            while True:
                async with http.get(f"{node.url}/live/{SHOW}/state") as response:
                    await response.read()
                await asyncio.sleep(1 / STATE_GETS_PER_S)

        looking = asyncio.ensure_future(look())
        try:
            yield heard
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            for transport, _ in made:
                transport.close()


def figures_of(sale: Sale, alone: Alone, offered_per_s: float) -> dict[str, Figure]:
    """The figures of the JSON line."""
    tally = sale.tally
    return {
        "idle_share": sale.idle_share,
        "offered_per_s": offered_per_s,
        "orders_per_s": len(tally.acknowledged) / max(tally.last_ack_s, 1e-9),
        "p50_ms": percentile(tally.latencies_s, 0.50) * 1000,
        "p99_ms": percentile(tally.latencies_s, 0.99) * 1000,
        "sold": sale.sold,
        "oversold": sale.oversold,
        "duplicated": sale.duplicated,
        "lost": sale.lost,
        "retried": tally.retried,
        "given_up": tally.given_up,
        "refused": sum(tally.refused.values()),
        "viewer_events": sale.events,
        "findings": sum(len(check.findings) for check in sale.checks),
        "ledger_reservations_per_s": alone.reservations_per_s,
        "ledger_orders_per_s": alone.orders_per_s,
        "ledger_single_per_s": alone.single_per_s,
        "group_commit_ratio": alone.reservations_per_s / alone.single_per_s,
    }


def faults(figures: Mapping[str, Figure], units: int) -> list[str]:
    """What no load excuses, a sentence each."""
    found = [] if figures["sold"] == units else [f"{figures['sold']} of {units} were sold."]
    return found + [
        f"{name} is {figures[name]}, not 0."
        for name in ("lost", "duplicated", "oversold", "given_up", "findings")
        if figures[name]
    ]


def judgements(figures: Mapping[str, Figure]) -> list[str]:
    """The figures beside what is expected of them on a machine of their own. A busy one may miss
    them, and that alone is no failure."""
    lines = []
    for name, (how, expected) in EXPECTED.items():
        value = float(figures[name] or 0)
        kept = value >= expected if how == "at least" else value <= expected
        lines.append(
            f"{name}: {value:,.1f}, expected {how} {expected:,g}: {'kept' if kept else 'MISSED'}"
        )
    return lines


def main() -> int:
    """The command line. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.bottles",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a smaller sale: within 45 s")
    parser.add_argument("--rate", type=float, help="requests a second that come due")
    options = parser.parse_args()
    plan = QUICK if options.quick else FULL
    if options.rate:
        plan = Plan(**{**{n: getattr(plan, n) for n in Plan.__slots__}, "rate": options.rate})
    try:
        sale = uvloop.run(run(plan))
    except NodeError as exc:
        print(f"The measurement failed: {exc}", file=sys.stderr)
        return 1
    alone = ledger_alone.measure(grouped=plan.grouped, single=plan.single)
    figures = figures_of(sale, alone, plan.rate)
    print_report(
        bench="bottles",
        title=f"{plan.units} bottles, {plan.buyers} buyers, {plan.connections} connections",
        columns=("figure", "value"),
        rows=[(name, f"{value:,.3f}" if isinstance(value, float) else str(value))
              for name, value in figures.items()],
        figures=figures,
    )  # fmt: skip
    for check in sale.checks:
        for finding in check.findings:
            print(f"· {check.promise}: {finding}", file=sys.stderr)
    for line in judgements(figures):
        print(line, file=sys.stderr)
    wrong = faults(figures, plan.units)
    for fault in wrong:
        print(f"Wrong: {fault}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
