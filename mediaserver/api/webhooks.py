"""The endpoints of webhooks: who is told, and how each telling fares."""

from collections.abc import Collection

from aiohttp import web

from mediaserver.api import forms
from mediaserver.api.endpoints import Ask, Endpoint, answer
from mediaserver.errors import RequestRefused
from mediaserver.outgoing import SafeClient
from mediaserver.shop_desk import ShopDesk
from overlay.hooks.values import Endpoint as Hook

_ALL = "/api/v1/webhooks"
_ONE = "/api/v1/webhooks/{id}"


class WebhookResources:
    """The handlers, and their endpoints."""

    def __init__(self, *, shows: Collection[str], desk: ShopDesk, client: SafeClient) -> None:
        self._shows = shows
        self._desk = desk
        self._client = client

    def endpoints(self) -> list[Endpoint]:
        """One per row."""
        return [*self._endpoint_endpoints(), *self._delivery_endpoints()]

    def _endpoint_endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(
                row=f"GET {_ALL}",
                does="All webhooks.",
                handler=self.all,
                answer=forms.Webhooks,
                refuses=(503,),
            ),
            Endpoint(
                row=f"POST {_ALL}",
                does="Register one. Its secret is in this answer alone.",
                handler=self.add,
                form=forms.WebhookForm,
                answer=forms.SecretWebhook,
                statuses=(201,),
                refuses=(404, 422, 503),
            ),
            Endpoint(
                row=f"GET {_ONE}",
                does="One webhook.",
                handler=self.one,
                answer=forms.Webhook,
                refuses=(503,),
            ),
            Endpoint(
                row=f"PATCH {_ONE}",
                does="Change it; turn it off, or on again.",
                handler=self.change,
                form=forms.WebhookChange,
                answer=forms.Webhook,
                refuses=(422, 503),
            ),
            Endpoint(
                row=f"DELETE {_ONE}",
                does="Take it away, with what waits for it.",
                handler=self.delete,
                statuses=(204,),
                refuses=(503,),
            ),
            Endpoint(
                row=f"POST {_ONE}/rotate",
                does="Give it a new secret. For a day messages are signed with the old one too.",
                handler=self.rotate,
                answer=forms.SecretWebhook,
                refuses=(503,),
            ),
        ]

    def _delivery_endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(
                row=f"GET {_ONE}/deliveries",
                does="What it was told, or is to be, in the last seven days, the newest first.",
                handler=self.deliveries,
                query=forms.DeliveriesQuery,
                answer=forms.Deliveries,
                refuses=(503,),
            ),
            Endpoint(
                row=f"POST {_ONE}/deliveries/{{message}}/redeliver",
                does="Tell it again, with all attempts before it.",
                handler=self.redeliver,
                answer=forms.Delivery,
                refuses=(503,),
            ),
        ]

    async def all(self, ask: Ask) -> web.Response:
        """GET webhooks."""
        found = await self._desk.read(lambda shop: shop.endpoints())
        return answer({"webhooks": [hook.to_plain() for hook in found]})

    async def add(self, ask: Ask) -> web.Response:
        """POST a webhook: its address must lead to where requests may go, now and later."""
        form = ask.form
        if form.show is not None and form.show not in self._shows:
            raise RequestRefused(
                404, "unknown_show", "There is no show of this name.", field="show"
            )
        await self._client.check(form.url)
        made = await self._desk.read(
            lambda shop: shop.add_endpoint(show=form.show, url=form.url, events=form.events)
        )
        return answer(_with_secret(made), status=201)

    async def one(self, ask: Ask) -> web.Response:
        """GET a webhook."""
        hook = _hook(ask)
        found = await self._desk.read(lambda shop: shop.endpoint(hook))
        return answer(found.to_plain())

    async def change(self, ask: Ask) -> web.Response:
        """PATCH a webhook."""
        hook, form = _hook(ask), ask.form
        if form.url is not None:
            await self._client.check(form.url)
        changed = await self._desk.read(
            lambda shop: shop.change_endpoint(
                hook, url=form.url, events=form.events, state=form.state
            )
        )
        return answer(changed.to_plain())

    async def delete(self, ask: Ask) -> web.Response:
        """DELETE a webhook."""
        hook = _hook(ask)
        await self._desk.read(lambda shop: shop.delete_endpoint(hook))
        return web.Response(status=204, headers={"Cache-Control": "no-store"})

    async def rotate(self, ask: Ask) -> web.Response:
        """POST for a new secret."""
        hook = _hook(ask)
        changed = await self._desk.read(lambda shop: shop.rotate_endpoint(hook))
        return answer(_with_secret(changed))

    async def deliveries(self, ask: Ask) -> web.Response:
        """GET deliveries."""
        hook, query = _hook(ask), ask.query
        found, cursor = await self._desk.read(
            lambda shop: shop.deliveries(hook, before=query.cursor, limit=query.limit)
        )
        return answer({"deliveries": [each.to_plain() for each in found], "cursor": cursor})

    async def redeliver(self, ask: Ask) -> web.Response:
        """POST to have one told again."""
        hook, message = _hook(ask), ask.request.match_info["message"]
        again = await self._desk.read(lambda shop: shop.redeliver(hook, message))
        return answer(again.to_plain())


def _hook(ask: Ask) -> str:
    return ask.request.match_info["id"]


def _with_secret(hook: Hook) -> dict[str, object]:
    return {**hook.to_plain(), "secret": hook.secrets[0].secret}
