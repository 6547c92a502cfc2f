"""The offers' part of the shop: see `overlay.shop`. Orders and claims use them in the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from overlay.offers import offers as rows
from overlay.offers.terms import Offer, checked
from overlay.room import Room
from overlay.show.log import MediaTime
from overlay.values import ShowEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """An offer is as it was asked to be."""

    offer: Offer
    events: tuple[ShowEvent, ...] = ()


class OffersRoom(Room):
    """What is offered in a show."""

    def offers(self, show: str) -> tuple[Offer, ...]:
        """Every offer of the show, drafts too."""
        with self._store.read() as connection:
            return rows.in_show(connection, show)

    def put_offer(self, show: str, offer: str, terms: Mapping[str, Any]) -> Offered:
        """Describe a draft (`overlay.offers.terms.checked`). Raises `InvalidInput`,
        `OfferSettled`."""
        told = checked(terms)
        with self._store.write() as connection:
            return Offered(offer=rows.put(connection, show, offer, told))

    def delete_offer(self, show: str, offer: str) -> None:
        """Take a draft away. Raises `UnknownOffer`, `OfferSettled`."""
        with self._store.write() as connection:
            rows.remove(connection, show, offer)

    def set_codes(self, show: str, offer: str, *, texts: Any = None, make: Any = None) -> int:
        """Give a draft coupon its codes: how many. See `overlay.offers.offers.set_codes`."""
        with self._store.write() as connection:
            return rows.set_codes(connection, show, offer, texts=texts, make=make)

    def start_offer(
        self,
        show: str,
        offer: str,
        *,
        duration_ms: int | None = None,
        announce_ms: int = 0,
        at: MediaTime | None = None,
    ) -> Offered:
        """Begin, announced or at once. Raises `InvalidInput`, `UnknownOffer`, `OfferSettled`."""
        with self._store.write() as connection:
            started, event = rows.start(
                connection,
                self._writer(show),
                offer,
                duration_ms=duration_ms,
                announce_ms=announce_ms,
                at=at,
            )
        return Offered(offer=started, events=(event,))

    def end_offer(self, show: str, offer: str, *, at: MediaTime | None = None) -> Offered:
        """End it now, fairly. Raises `UnknownOffer`, `OfferSettled`."""
        with self._store.write() as connection:
            ended, event = rows.end(connection, self._writer(show), offer, at=at)
        return Offered(offer=ended, events=(event,))

    def cancel_offer(self, show: str, offer: str, *, at: MediaTime | None = None) -> Offered:
        """Take it back at once. Raises `UnknownOffer`, `OfferSettled`."""
        with self._store.write() as connection:
            cancelled, event = rows.cancel(connection, self._writer(show), offer, at=at)
        return Offered(offer=cancelled, events=(event,))

    def turn_offers(self, show: str, *, at: MediaTime | None = None) -> tuple[ShowEvent, ...]:
        """Begin and end what is due. Call it every fraction of a second while anything is open."""
        with self._store.write() as connection:
            return rows.turn(connection, self._writer(show), at=at)
