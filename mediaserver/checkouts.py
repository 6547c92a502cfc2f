"""Where each show's buyers pay: the shell around `overlay.checkout`."""

import contextlib
from collections.abc import Mapping

import structlog

from mediaserver.config import Config
from mediaserver.shop_desk import ShopDesk
from overlay.checkout import handoff
from overlay.checkout.stripe import Stripe
from overlay.checkout.terms import CheckoutRefused, CheckoutTerms, Handed
from overlay.errors import InvalidInput, OrderSettled
from overlay.orders.ops import ReleaseOrder
from overlay.orders.values import Checkout, Order
from overlay.outgoing import Outgoing, OutgoingFailed

log = structlog.get_logger()


class Checkouts:
    """The checkouts of all shows."""

    def __init__(
        self, terms: Mapping[str, CheckoutTerms], *, desk: ShopDesk, stripe: Stripe | None
    ) -> None:
        self._terms = terms
        self._desk = desk
        self._stripe = stripe

    def kind(self, show: str) -> Checkout:
        """How this show's orders are paid: not at all while it rehearses."""
        return "form" if self._desk.rehearses(show) else self._terms[show].checkout

    def chosen(
        self, show: str, asked: Checkout | None, contact: Mapping[str, str] | None
    ) -> Checkout:
        """How an order of this show is paid. Raises `InvalidInput` where another way is asked."""
        terms, kind = self._terms[show], self.kind(show)
        if asked not in (None, terms.checkout, kind):
            raise InvalidInput(
                f"This show takes orders by {terms.checkout} alone.", field="checkout"
            )
        if terms.require_contact and terms.kind == "form":
            for name in ("name", "email"):
                if not (contact or {}).get(name, "").strip():
                    raise InvalidInput(f"contact.{name} is missing.", field=f"contact.{name}")
        return kind

    async def begun(self, show: str, viewer: str, order: Order) -> str | None:
        """Where the buyer of a new order goes now; None: nowhere, or ask `url` in a moment.

        Raises `CheckoutRefused`, and has let go of the order's units then.
        """
        if order.state != "held" or self._desk.rehearses(show):
            return None
        try:
            return await self.url(show, viewer, order)
        except OutgoingFailed as exc:
            log.warning("checkout_away", show=show, order=order.number, reason=str(exc))
            return None
        except OrderSettled:
            return None
        except CheckoutRefused:
            with contextlib.suppress(OrderSettled):  # a repeated request of an order since paid
                await self._desk.settle(ReleaseOrder(show=show, number=order.number))
            raise

    async def url(self, show: str, viewer: str, order: Order) -> str:
        """Where an order that awaits its payment is paid.

        Raises `OrderSettled` for any other, `CheckoutRefused`, `OutgoingFailed`.
        """
        terms = self._terms[show]
        if order.state != "held" or order.checkout != terms.checkout:
            raise OrderSettled(f"The order {order.number} has nothing to be paid.", field="number")
        if self._desk.rehearses(show):
            raise CheckoutRefused("The show rehearses: nothing is paid until that is over.")
        handed = Handed(show=show, viewer=viewer, order=order, skus=await self._skus(show, order))
        if terms.kind == "shopify":
            return handoff.shopify_address(terms, handed)
        if terms.kind == "stripe":
            if self._stripe is None:
                raise CheckoutRefused("Stripe is not configured here.")
            return await self._stripe.session_url(terms, handed)
        return handoff.address(terms, handed)

    async def _skus(self, show: str, order: Order) -> Mapping[tuple[str, str], str]:
        wanted = [(item.product, item.variant) for item in order.items]
        return await self._desk.read(lambda shop: shop.skus(show, wanted))


def terms_of(config: Config) -> dict[str, CheckoutTerms]:
    """Of each show that is configured."""
    return {
        name: CheckoutTerms(
            kind=show.checkout.kind,
            url=show.checkout.url,
            secret=show.checkout.secret.get_secret_value(),
            shop=show.checkout.shop,
            variants=show.checkout.variants,
            success_url=show.checkout.success_url or f"{config.http.public_url}/watch/{name}",
            cancel_url=show.checkout.cancel_url or f"{config.http.public_url}/watch/{name}",
            require_contact=show.checkout.require_contact,
        )
        for name, show in config.shows.items()
    }


def stripe_of(config: Config, outgoing: Outgoing) -> Stripe | None:
    """The adapter, where a key is configured."""
    key = config.stripe.secret_key.get_secret_value()
    return Stripe(outgoing, secret_key=key, api_base=config.stripe.api_base) if key else None
