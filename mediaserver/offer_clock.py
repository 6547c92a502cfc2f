"""Begins and ends offers when it is time: by the picture where a show is on air, else by the clock.

What is due is looked up in the desk's folded states, so the database is asked only when something
is; and since these are folded from the log, offers end in time after any restart.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping

import structlog

from mediaserver.errors import RequestRefused
from mediaserver.playheads import OnAir
from mediaserver.shop_desk import ShopDesk
from overlay.errors import ShopError
from overlay.offers.offers import due
from overlay.offers.terms import OPEN, Offer

log = structlog.get_logger()

LOOK_EVERY_S = 0.2


class OfferClock:
    """One task for all shows."""

    def __init__(
        self,
        *,
        shows: Mapping[str, OnAir],
        desk: ShopDesk,
        wall_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._shows = shows
        self._desk = desk
        self._wall_us = wall_us

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Do what is due now."""
        for name in self._shows:
            if self._due(name):
                with contextlib.suppress(RequestRefused, ShopError):
                    await self._turn(name)

    def _due(self, name: str) -> bool:
        at, now_us = self._shows[name].air_time(), self._wall_us()
        offers = (
            Offer.from_plain(name, plain)
            for plain in self._desk.offers(name)
            if plain["state"] in OPEN
        )
        return any(due(offer, at=at, now_us=now_us) is not None for offer in offers)

    async def _turn(self, name: str) -> None:
        at = self._shows[name].air_time()
        told = await self._desk.change(
            lambda shop: (events := shop.turn_offers(name, at=at), events)
        )
        for event in told:
            log.info("offer_turned", show=name, offer=event.data["id"], state=event.data["state"])
