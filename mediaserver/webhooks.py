"""Empties the outbox of webhooks: signs each message and sends it, until the endpoint has it.

At most `MAX_IN_FLIGHT` requests are under way, `MAX_EACH` of them to one endpoint, so that a slow
one does not hold up the others. What could not be written down (no database) is kept, and counts as
under way. A message may arrive twice, and before an older one: its id and time tell.

Signatures are Standard Webhooks' `v1`, one for each secret that is valid, parted by spaces.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from standardwebhooks import Webhook

from mediaserver.bus.messages import ShowStatus
from mediaserver.errors import RequestRefused
from mediaserver.shop_desk import ShopDesk
from overlay.carts.rows import PRUNED_AT_ONCE as CARTS_AT_ONCE
from overlay.errors import StoreUnavailable
from overlay.hooks.deliveries import PRUNED_AT_ONCE
from overlay.hooks.values import Attempt, Due
from overlay.outgoing import Outgoing, OutgoingFailed

log = structlog.get_logger()

MAX_IN_FLIGHT = 16
MAX_EACH = 4
TIMEOUT_S = 15.0
MAX_REPLY_BYTES = 1024
"""More of an answer is not read."""
LOOK_EVERY_S = 0.5
PRUNE_EVERY_S = 3600.0
MAX_UNTOLD = 64
"""Shows' beginnings and ends that wait for the database; more are not told."""

_AWAY = (StoreUnavailable, RequestRefused)


class WebhookDesk:
    """The task that sends. `start` it before use, `close` it in the end."""

    def __init__(
        self,
        *,
        desk: ShopDesk,
        client: Outgoing,
        look_every_s: float = LOOK_EVERY_S,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._desk = desk
        self._client = client
        self._look_every_s = look_every_s
        self._now_s = now_s
        self._busy: set[tuple[str, str]] = set()
        self._sending: set[asyncio.Task[Attempt]] = set()
        self._made: list[Attempt] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._untold: set[asyncio.Task[None]] = set()
        self._epochs: dict[str, tuple[str | None, str]] = {}

    def start(self) -> None:
        """Begin to look for what is due."""
        self._tasks = [asyncio.ensure_future(work) for work in (self._work(), self._prune())]

    async def close(self) -> None:
        """Stop. What is under way is sent again at the next start."""
        tasks = [*self._tasks, *self._sending, *self._untold]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def show_told(self, status: ShowStatus) -> None:
        """How a show fares: its beginning and its end are news."""
        event = {"live": "show.began", "ended": "show.ended"}.get(status.state)
        said = (status.epoch, status.state)
        if event is None or status.epoch is None or self._epochs.get(status.show) == said:
            return
        self._epochs[status.show] = said
        if len(self._untold) >= MAX_UNTOLD:
            log.warning("webhook_untold", show=status.show, event_type=event)
            return
        task = asyncio.ensure_future(self._tell_show(status.show, event, status.epoch))
        self._untold.add(task)
        task.add_done_callback(self._untold.discard)

    async def _tell_show(self, show: str, event: str, epoch: str) -> None:
        try:
            await self._desk.read(lambda shop: shop.tell_show(show, event, epoch))
        except _AWAY as exc:
            log.warning("webhook_untold", show=show, event_type=event, reason=str(exc))

    async def _work(self) -> None:
        while True:
            try:
                await self._write_down()
                await self._take()
            except _AWAY:
                pass  # looked for again, as everything is
            except Exception:
                log.exception("webhooks_failed")
            if self._sending:
                await asyncio.wait(
                    self._sending,
                    timeout=self._look_every_s,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            else:
                await asyncio.sleep(self._look_every_s)
            done = {task for task in self._sending if task.done()}
            self._sending -= done
            self._made += [task.result() for task in done]

    async def _take(self) -> None:
        """Send what is due."""
        free = MAX_IN_FLIGHT - len(self._busy)
        if free <= 0:
            return
        busy = frozenset(self._busy)
        found = await self._desk.read(
            lambda shop: shop.due_deliveries(most=free, most_each=MAX_EACH, busy=busy)
        )
        for due in found:
            self._busy.add((due.message, due.endpoint.id))
            self._sending.add(asyncio.ensure_future(self._send(due)))

    async def _write_down(self) -> None:
        """Keep how attempts went."""
        if not self._made:
            return
        made = tuple(self._made)
        await self._desk.read(lambda shop: shop.settle_deliveries(made))
        self._busy -= {(each.message, each.endpoint) for each in made}
        self._made = self._made[len(made) :]

    async def _send(self, due: Due) -> Attempt:
        """One attempt. Never raises."""
        endpoint = due.endpoint
        try:
            reply = await self._client.request(
                "POST",
                endpoint.url,
                headers=signed(due, now_s=self._now_s()),
                body=due.body.encode(),
                max_bytes=MAX_REPLY_BYTES,
                timeout_s=TIMEOUT_S,
                cut=True,
            )
        except OutgoingFailed as exc:
            return Attempt(message=due.message, endpoint=endpoint.id, status=None, error=str(exc))
        except Exception as exc:
            log.exception("webhook_failed", endpoint=endpoint.id)
            return Attempt(message=due.message, endpoint=endpoint.id, status=None, error=repr(exc))
        if reply.status == 410:
            log.warning("webhook_gone", endpoint=endpoint.id)
        return Attempt(message=due.message, endpoint=endpoint.id, status=reply.status)

    async def _prune(self) -> None:
        """Forget old messages and carts, a little at a time."""
        while True:
            with contextlib.suppress(*_AWAY):
                while await self._desk.read(lambda shop: shop.prune_deliveries()) >= PRUNED_AT_ONCE:
                    pass
                while await self._desk.read(lambda shop: shop.prune_carts()) >= CARTS_AT_ONCE:
                    pass
            await asyncio.sleep(PRUNE_EVERY_S)


def signed(due: Due, *, now_s: float) -> dict[str, str]:
    """The headers of a message, with a signature by each secret of its endpoint."""
    moment = datetime.fromtimestamp(int(now_s), UTC)
    secrets = due.endpoint.valid_secrets(int(now_s * 1e6))
    signatures = (
        Webhook(secret).sign(msg_id=due.message, timestamp=moment, data=due.body)
        for secret in secrets
    )
    return {
        "Content-Type": "application/json",
        "webhook-id": due.message,
        "webhook-timestamp": str(int(now_s)),
        "webhook-signature": " ".join(signatures),
    }
