"""The shop as one object: what the server asks of it. Synchronous, one database connection.

Open, use and close a `Shop` **on one thread**; each method is one transaction. A method that
changes something returns only after the commit, together with the `ShowEvent`s that it appended
to the show's log, in log order: publish them then, and never before. A method that raises has
changed nothing.

Every method may raise `StoreUnavailable`. Arguments are hostile until proven: whatever they hold,
the outcome is success or a `ShopError`. Only `show` is trusted: the caller knows its shows.

Each room's methods stand beside its rules: `overlay.show.room`, `overlay.catalog.room`,
`overlay.offers.room`, `overlay.show.host_room`, `overlay.orders.room`, `overlay.carts.room`,
`overlay.hooks.room`.
"""

from overlay.carts.room import Carted as Carted
from overlay.carts.room import CartsRoom
from overlay.catalog.room import CatalogueRoom
from overlay.catalog.room import Imported as Imported
from overlay.catalog.room import Stocked as Stocked
from overlay.hooks.room import HooksRoom
from overlay.offers.room import OffersRoom
from overlay.orders.room import MAX_ORDERS as MAX_ORDERS
from overlay.orders.room import Placed as Placed
from overlay.show.host_room import HostRoom
from overlay.show.room import MAX_EVENTS as MAX_EVENTS
from overlay.show.room import Pinned as Pinned
from overlay.store.database import Location
from overlay.store.engine import Store


class Shop(HostRoom, OffersRoom, CatalogueRoom, CartsRoom, HooksRoom):
    """All shows of one database."""

    @classmethod
    def open(cls, location: Location, *, alone: bool = False) -> "Shop":
        """The shop in the database at `location`, made or brought up to date if need be.

        `alone`: be its only shop. Raises `StoreUnavailable` for a database that is away, damaged,
        read-only, of a newer version, or another shop's.
        """
        return cls(Store.open(location, alone=alone))

    def close(self) -> None:
        """Let go of the database; the shop cannot be used afterwards."""
        self._store.close()

    def check(self) -> None:
        """Raise `StoreUnavailable` if the database cannot be written now (readiness)."""
        self._store.check()
