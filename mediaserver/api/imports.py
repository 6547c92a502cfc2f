"""The endpoints that bring products and pictures in, and products out."""

import asyncio
from collections.abc import Mapping

from aiohttp import web

from mediaserver.api import forms
from mediaserver.api.air import Air
from mediaserver.api.endpoints import Ask, Endpoint, answer
from mediaserver.errors import RequestRefused
from mediaserver.pictures.desk import PictureDesk, Wanted
from mediaserver.pictures.limits import MAX_BYTES as MAX_PICTURE_BYTES
from mediaserver.shop_desk import ShopDesk
from overlay.catalog.imports import formats, own_csv, sources
from overlay.catalog.imports.diff import with_pictures
from overlay.catalog.imports.rows import MAX_FILE_BYTES, Parsed, Terms
from overlay.catalog.values import Product
from overlay.outgoing import Outgoing
from overlay.shop import Imported

MAX_AT_ONCE = 2
FETCH_TIMEOUT_S = 25.0
"""Of all pages of another shop together, the wait for a turn included; a gateway waits 30 s for an
answer."""

_SHOW = "/api/v1/shows/{show}"
_PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/avif")


class ImportResources:
    """The handlers, and their endpoints. At most `MAX_AT_ONCE` files are read at once, in threads,
    and as many shops asked; one more waits."""

    def __init__(
        self,
        *,
        shows: Mapping[str, Air],
        desk: ShopDesk,
        pictures: PictureDesk,
        outgoing: Outgoing,
    ) -> None:
        self._shows = shows
        self._desk = desk
        self._pictures = pictures
        self._outgoing = outgoing
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)
        self._fetches = asyncio.Semaphore(MAX_AT_ONCE)

    def endpoints(self) -> list[Endpoint]:
        """One per row."""
        return [
            Endpoint(
                row=f"POST {_SHOW}/products/import",
                does="Import a file of products (the body): what would change, or, with `apply`, "
                "make it so. Nothing is applied where a row is refused, unless `partial`.",
                handler=self.import_file,
                query=forms.ImportQuery,
                takes=("*/*",),
                max_body_bytes=MAX_FILE_BYTES,
                answer=forms.ImportReport,
                refuses=(503,),
            ),
            Endpoint(
                row=f"POST {_SHOW}/products/import-from",
                does="The same from another shop's API, or from a file on the web.",
                handler=self.import_from,
                form=forms.ImportFromForm,
                answer=forms.ImportReport,
                refuses=(422, 503, 504),
            ),
            Endpoint(
                row=f"GET {_SHOW}/products.csv",
                does="The products as a table that can be imported again.",
                handler=self.export,
                answer=forms.CsvFile,
                gives="text/csv",
                refuses=(503,),
            ),
            Endpoint(
                row=f"POST {_SHOW}/pictures",
                does="Keep a picture here, in three sizes: its bytes (the body), or one to fetch.",
                handler=self.picture,
                takes=_PICTURE_TYPES,
                max_body_bytes=MAX_PICTURE_BYTES,
                form=forms.PictureForm,
                answer=forms.Picture,
                statuses=(201,),
                refuses=(422, 503),
            ),
        ]

    async def import_file(self, ask: Ask) -> web.Response:
        """POST a file of products."""
        query: forms.ImportQuery = ask.query
        terms = Terms(
            currency=query.currency,
            default_stock=query.default_stock,
            keep_stock=query.keep_stock == "true",
        )
        parsed = await self._parsed(query.format, ask.body, terms)
        return await self._done(
            ask, parsed, terms, apply=query.apply == "true", partial=query.partial == "true"
        )

    async def import_from(self, ask: Ask) -> web.Response:
        """POST where to import from."""
        form: forms.ImportFromForm = ask.form
        terms = Terms(
            currency=form.currency, default_stock=form.default_stock, keep_stock=form.keep_stock
        )
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_S), self._fetches:
                parsed = await self._fetched(form, terms)
        except TimeoutError:
            raise RequestRefused(
                504,
                "timeout",
                f"The other shop, or imports before this one, took more than {FETCH_TIMEOUT_S:g} "
                "seconds.",
            ) from None
        return await self._done(ask, parsed, terms, apply=form.apply, partial=form.partial)

    async def export(self, ask: Ask) -> web.Response:
        """GET the products as CSV."""
        show = ask.show
        products = await self._desk.read(lambda shop: shop.products(show))
        text = await asyncio.to_thread(own_csv.export, products)
        return web.Response(
            body=text.encode(),
            content_type="text/csv",
            charset="utf-8",
            headers={
                "Cache-Control": "no-store",
                "Content-Disposition": f'attachment; filename="{show}-products.csv"',
                "X-Content-Type-Options": "nosniff",
            },
        )

    async def picture(self, ask: Ask) -> web.Response:
        """POST a picture, or the address of one."""
        if ask.form is not None:
            kept = await self._pictures.fetch(ask.form.url)
        else:
            kept = await self._pictures.keep(ask.body)
        return answer({"picture": kept}, status=201)

    async def settle(self, wanted: Wanted, here: Mapping[str, str]) -> None:
        """Pictures of an import are here: their product names them from now on."""
        air = self._shows[wanted.show].air_time()
        await self._desk.change(
            lambda shop: (
                None,
                shop.move_pictures(wanted.show, wanted.product, here, at=air),
            )
        )

    async def _parsed(self, file_format: str, content: bytes, terms: Terms) -> Parsed:
        async with self._slots:
            return await asyncio.to_thread(formats.parse, file_format, content, terms)

    async def _fetched(self, form: forms.ImportFromForm, terms: Terms) -> Parsed:
        if form.source == "shopify":
            shopify = sources.Shopify(
                address=form.address, token=_needed(form.token, "token", form.source)
            )
            return await sources.fetch_shopify(self._outgoing, shopify, terms)
        if form.source == "woocommerce":
            woo = sources.Woo(
                address=form.address,
                key=_needed(form.key, "key", form.source),
                secret=_needed(form.secret, "secret", form.source),
            )
            return await sources.fetch_woo(self._outgoing, woo, terms)
        file_format = _needed(form.format, "format", form.source)
        content = await sources.fetch_file(self._outgoing, form.address)
        return await self._parsed(file_format, content, terms)

    async def _done(
        self, ask: Ask, parsed: Parsed, terms: Terms, *, apply: bool, partial: bool
    ) -> web.Response:
        show, at = ask.show, self._shows[ask.show].air_time()
        local = self._pictures.store.local
        parsed = await asyncio.to_thread(with_pictures, parsed, local)
        imported: Imported
        if apply:
            imported = await self._desk.change(
                lambda shop: (
                    done := shop.import_products(show, parsed, terms, partial=partial, at=at),
                    done.events,
                )
            )
        else:
            imported = await self._desk.read(lambda shop: shop.difference(show, parsed, terms))
        if imported.applied:
            for product in imported.difference.targets:
                self._want_pictures(show, product)
        return answer(imported.difference.to_plain(applied=imported.applied))

    def _want_pictures(self, show: str, product: Product) -> None:
        named = dict.fromkeys((*product.pictures, *(v.picture for v in product.variants)))
        away = tuple(each for each in named if each is not None and not each.startswith("/"))
        if away:
            self._pictures.want(Wanted(show=show, product=product.id, sources=away))


def _needed(value: str | None, field: str, source: str) -> str:
    if value is None:
        raise RequestRefused(400, "invalid", f"{field} is missing for {source}.", field=field)
    return value
