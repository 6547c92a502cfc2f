"""The catalogue's part of the shop: see `overlay.shop`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from overlay.catalog import products as catalog
from overlay.catalog import rules
from overlay.catalog.imports.diff import Difference, difference
from overlay.catalog.imports.rows import Parsed, Terms
from overlay.catalog.products import Product, ProductDraft, Stock
from overlay.room import Room
from overlay.show import events
from overlay.show.log import MediaTime
from overlay.store.statements import Statement
from overlay.values import ShowEvent

_SKUS = Statement("SELECT product, id, sku FROM variants WHERE (show, product, id) IN (:keys[3])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stocked:
    """A product is as it was asked to be; `events` is empty where it already was."""

    product: Product
    events: tuple[ShowEvent, ...]
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Restocked:
    """A variant has the stock that was asked for; `events` is empty where it already had."""

    stock: Stock
    events: tuple[ShowEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """An import as it would be, or as it was `applied`."""

    difference: Difference
    applied: bool
    events: tuple[ShowEvent, ...] = ()


class CatalogueRoom(Room):
    """What a show sells."""

    def put_product(
        self, show: str, product: str, draft: ProductDraft, *, at: MediaTime | None = None
    ) -> Stocked:
        """Create the product, or make it as `draft` says. Raises `InvalidInput`.

        `draft.stock` is all that there ever was to sell, sold units included: giving the same
        again changes nothing, and it cannot be less than what is sold. It may be None for a
        product that exists: leave the stock alone.
        """
        with self._store.write() as connection:
            stored, event, created = catalog.put(
                connection, self._writer(show), product=product, draft=draft, at=at
            )
        return Stocked(product=stored, events=(event,) if event else (), created=created)

    def set_stock(
        self,
        show: str,
        product: str,
        *,
        stock: int,
        variant: str | None = None,
        at: MediaTime | None = None,
    ) -> Restocked:
        """Set the stock of a variant, sold and held units included, as `put_product` does;
        `variant` may be None where the product has one. Raises `InvalidInput`, `UnknownProduct`."""
        with self._store.write() as connection:
            result, event = catalog.restock(
                connection, self._writer(show), product=product, variant=variant, stock=stock, at=at
            )
        return Restocked(stock=result, events=(event,) if event else ())

    def delete_product(
        self, show: str, product: str, *, at: MediaTime | None = None
    ) -> tuple[ShowEvent, ...]:
        """Take the product out of the show; its orders stay. Raises `UnknownProduct`."""
        with self._store.write() as connection:
            return (catalog.delete(connection, self._writer(show), product=product, at=at),)

    def products(self, show: str) -> tuple[Product, ...]:
        """The products of the show in the order of their creation."""
        with self._store.read() as connection:
            return catalog.in_show(connection, show)

    def stocks(self, show: str) -> tuple[Stock, ...]:
        """Of every variant of the show, in the order of the products' creation."""
        with self._store.read() as connection:
            return catalog.stocks(connection, show)

    def skus(self, show: str, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """The SKUs of these variants (product, variant), where they have one."""
        keys = [(show, *each) for each in wanted]
        with self._store.read() as connection:
            rows = _SKUS.all(connection, {"keys": keys})
        return {(product, variant): sku for product, variant, sku in rows if sku}

    def move_pictures(
        self, show: str, product: str, moved: Mapping[str, str], *, at: MediaTime | None = None
    ) -> tuple[ShowEvent, ...]:
        """Have the product name each picture that it still names by its new address in `moved`."""
        writer = self._writer(show)
        with self._store.write() as connection:
            stored = catalog.find(connection, show, product)
            if stored is None:
                return ()
            target = rules.repictured(stored, moved)
            if target == stored:
                return ()
            done = catalog.write(connection, writer, stored=stored, target=target)
            data = events.product(done.to_plain())
            return (writer.append(connection, "product", data, at=at),)

    def difference(self, show: str, parsed: Parsed, terms: Terms) -> Imported:
        """What an import would do; nothing is done. Raises `InvalidInput`."""
        with self._store.read() as connection:
            stored = catalog.in_show(connection, show)
        return Imported(difference=difference(stored, parsed, terms), applied=False)

    def import_products(
        self,
        show: str,
        parsed: Parsed,
        terms: Terms,
        *,
        partial: bool,
        at: MediaTime | None = None,
    ) -> Imported:
        """Do it, in one transaction: all of it, or nothing where anything is refused, unless
        `partial`. Raises `InvalidInput`."""
        writer = self._writer(show)
        told = []
        with self._store.write() as connection:
            found = difference(catalog.in_show(connection, show), parsed, terms)
            if found.count("refused") and not partial:
                return Imported(difference=found, applied=False)
            for step in found.steps:
                done = catalog.write(connection, writer, stored=step.stored, target=step.target)
                data = events.product(done.to_plain())
                told.append(writer.append(connection, "product", data, at=at))
        return Imported(difference=found, applied=True, events=tuple(told))
