"""The endpoints of the catalogue."""

from collections.abc import Mapping

from aiohttp import web

from mediaserver.api import forms
from mediaserver.api.air import Air
from mediaserver.api.endpoints import Ask, Endpoint, answer
from mediaserver.shop_desk import ShopDesk
from overlay.catalog.values import ProductDraft, VariantDraft
from overlay.show.log import MediaTime


class CatalogueResources:
    """The handlers, and their endpoints."""

    def __init__(self, *, shows: Mapping[str, Air], desk: ShopDesk) -> None:
        self._shows = shows
        self._desk = desk

    def endpoints(self) -> list[Endpoint]:
        """One per row."""
        products = "/api/v1/shows/{show}/products"
        return [
            Endpoint(
                row=f"GET {products}",
                does="The show's products, in the order of their creation.",
                handler=self.products,
                answer=forms.Products,
                refuses=(503,),
            ),
            Endpoint(
                row=f"PUT {products}/{{id}}",
                does="Create a product or change it.",
                handler=self.put_product,
                form=forms.ProductForm,
                answer=forms.Product,
                refuses=(409, 503),
            ),
            Endpoint(
                row=f"DELETE {products}/{{id}}",
                does="Take a product out of the show; its orders stay.",
                handler=self.delete_product,
                statuses=(204,),
                refuses=(400, 409, 503),
            ),
            Endpoint(
                row="GET /api/v1/shows/{show}/stock",
                does="What every variant's stock is made of.",
                handler=self.stock,
                answer=forms.Stocks,
                refuses=(503,),
            ),
            Endpoint(
                row=f"PUT {products}/{{id}}/stock",
                does="Set the stock of a variant, sold and held units included.",
                handler=self.put_stock,
                form=forms.StockForm,
                answer=forms.Stock,
                refuses=(503,),
            ),
        ]

    async def products(self, ask: Ask) -> web.Response:
        """GET products: from memory, so that a busy shop window costs the database nothing."""
        return answer({"products": self._desk.products(ask.show)})

    async def put_product(self, ask: Ask) -> web.Response:
        """PUT a product."""
        show, product, at = ask.show, ask.request.match_info["id"], self._air_time(ask)
        draft = _product_draft(ask.form)
        stocked = await self._desk.change(
            lambda shop: (done := shop.put_product(show, product, draft, at=at), done.events)
        )
        return answer(stocked.product.to_plain())

    async def delete_product(self, ask: Ask) -> web.Response:
        """DELETE a product."""
        show, product, at = ask.show, ask.request.match_info["id"], self._air_time(ask)
        await self._desk.change(lambda shop: (None, shop.delete_product(show, product, at=at)))
        return web.Response(status=204)

    async def stock(self, ask: Ask) -> web.Response:
        """GET stock."""
        show = ask.show
        return answer({"stock": await self._desk.read(lambda shop: shop.stocks(show))})

    async def put_stock(self, ask: Ask) -> web.Response:
        """PUT stock."""
        show, product, at = ask.show, ask.request.match_info["id"], self._air_time(ask)
        form: forms.StockForm = ask.form
        restocked = await self._desk.change(
            lambda shop: (
                done := shop.set_stock(
                    show, product, variant=form.variant, stock=form.stock, at=at
                ),
                done.events,
            )
        )
        return answer(restocked.stock)

    def _air_time(self, ask: Ask) -> MediaTime | None:
        return self._shows[ask.show].air_time()


def _product_draft(form: forms.ProductForm) -> ProductDraft:
    return ProductDraft(
        name=form.name,
        description=form.description,
        facts=form.facts,
        picture=form.picture,
        pictures=form.pictures,
        options=form.options,
        price_minor=form.price_minor,
        struck_minor=form.struck_minor,
        currency=form.currency,
        stock=form.stock,
        variants=[_variant_draft(variant) for variant in form.variants],
        seller=form.seller,
        returns=form.returns,
        related=form.related,
        cap=form.cap,
        live_only=form.live_only,
        policy=form.policy,
    )


def _variant_draft(form: forms.VariantForm) -> VariantDraft:
    return VariantDraft(
        id=form.id,
        options=form.options,
        price_minor=form.price_minor,
        struck_minor=form.struck_minor,
        stock=form.stock,
        sku=form.sku,
        picture=form.picture,
    )
