"""All of the shop's endpoints, from each room's own file."""

from collections.abc import Mapping

from mediaserver.api.access import Access
from mediaserver.api.air import Air
from mediaserver.api.carts import CartResources, ViewerVoice
from mediaserver.api.catalogue import CatalogueResources
from mediaserver.api.checkout import CheckoutResources
from mediaserver.api.endpoints import Endpoint
from mediaserver.api.imports import ImportResources
from mediaserver.api.offers import OfferResources, Sights
from mediaserver.api.orders import OrderResources
from mediaserver.api.run import RunResources
from mediaserver.api.shows import ShowResources
from mediaserver.api.webhooks import WebhookResources
from mediaserver.checkouts import Checkouts
from mediaserver.limits import ShopLimits
from mediaserver.outgoing import SafeClient
from mediaserver.shop_desk import ShopDesk
from mediaserver.viewers import ViewerTokens


def shop_endpoints(
    *,
    shows: Mapping[str, Air],
    desk: ShopDesk,
    access: Access,
    viewers: ViewerTokens,
    imports: ImportResources,
    limits: ShopLimits,
    checkouts: Checkouts,
    stripe_secret: str,
    voice: ViewerVoice,
    hooks: SafeClient,
    sights: Sights,
) -> list[Endpoint]:
    """One per row of the permission table that is the shop's.

    `stripe_secret` signs Stripe's events, `voice` speaks to one viewer, `hooks` is the client that
    webhooks are sent with, `sights` knows what viewers were seeing.
    """
    return [
        *ShowResources(
            shows=shows, desk=desk, access=access, viewers=viewers, limits=limits
        ).endpoints(),
        *CatalogueResources(shows=shows, desk=desk).endpoints(),
        *imports.endpoints(),
        *OrderResources(
            shows=shows, desk=desk, limits=limits, checkouts=checkouts, sights=sights
        ).endpoints(),
        *OfferResources(shows=shows, desk=desk, sights=sights).endpoints(),
        *RunResources(shows=shows, desk=desk).endpoints(),
        *CartResources(
            shows=shows,
            desk=desk,
            voice=voice,
            limits=limits,
            sights=sights,
            checkouts=checkouts,
        ).endpoints(),
        *CheckoutResources(desk=desk, checkouts=checkouts, stripe_secret=stripe_secret).endpoints(),
        *WebhookResources(shows=shows, desk=desk, client=hooks).endpoints(),
    ]
