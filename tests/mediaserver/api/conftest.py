"""The API over real HTTP, on a real database, with shows whose air is scripted."""

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from mediaserver.api.access import Access
from mediaserver.api.app import make_app
from mediaserver.api.endpoints import Endpoint, routes
from mediaserver.api.imports import ImportResources
from mediaserver.api.openapi import described
from mediaserver.api.profiles import ProfileResources
from mediaserver.api.publishes import PublishResources
from mediaserver.api.shop import shop_endpoints
from mediaserver.auth import KeyRing
from mediaserver.broadcast.cues import Moment, stamped
from mediaserver.broadcast.epochs import EpochRecord
from mediaserver.broadcast.health import HealthBoard
from mediaserver.broadcast.ladders import Ladders
from mediaserver.bus.messages import ShowSnapshot, ShowStatus
from mediaserver.checkouts import Checkouts
from mediaserver.config import Config, OutgoingConfig, ShopConfig
from mediaserver.errors import RequestRefused
from mediaserver.health import Readiness
from mediaserver.outgoing import SafeClient
from mediaserver.pictures.desk import PictureDesk
from mediaserver.pictures.store import PictureStore
from mediaserver.playheads import Playheads
from mediaserver.profile_desk import ProfileDesk
from mediaserver.shop_desk import ShopDesk
from mediaserver.viewers import ViewerTokens
from mediaserver.webhooks import WebhookDesk
from overlay.checkout.stripe import Stripe
from overlay.checkout.terms import CheckoutTerms
from overlay.shop import Shop
from overlay.show.cues import CueMoment
from overlay.show.log import MediaTime
from overlay.values import ShowEvent
from transcoder.values import Anchor

HOST, OTHER_HOST = "the-host-key-of-show-one", "the-host-key-of-show-two"
OPERATOR = "the-key-of-the-operator"
ANCHOR = Anchor(utc_us=1_700_000_000_000_000, monotonic_ns=0)
NOW_NS = 100_000_000_000
STRIPE_KEY, STRIPE_SECRET = "sk_test_of_nobody", "whsec_of_stripes_events"


class NoClock:
    """An ingest that never knows."""

    async def host_moment(self, session: str, host_utc_us: int) -> int | None:
        return None


@dataclass
class ScriptedAir:
    """A show that is on air at tick 9,000,000, or off air."""

    name: str
    on_air: bool = True

    @property
    def status(self) -> ShowStatus:
        epoch = "e1" if self.on_air else None
        state = "live" if self.on_air else "idle"
        return ShowStatus(show=self.name, title="One", state=state, epoch=epoch)  # type: ignore[arg-type]

    async def stamp(self, moment: Moment) -> CueMoment:
        if not self.on_air:
            raise RequestRefused(409, "not_on_air", "It is not on air.")
        return await stamped(
            moment,
            media_epoch="e1",
            anchor=ANCHOR,
            window_ticks=60 * 90_000,
            session="s",
            clock=NoClock(),
            now_ns=NOW_NS,
        )

    def air_time(self) -> MediaTime | None:
        return MediaTime(media_epoch="e1", pts=ANCHOR.tick(NOW_NS)) if self.on_air else None


@dataclass
class Listener:
    """Who hears what the shop has committed."""

    snapshots: list[ShowSnapshot] = field(default_factory=list)
    events: list[ShowEvent] = field(default_factory=list)

    def snapshot(self, snapshot: ShowSnapshot) -> None:
        self.snapshots.append(snapshot)

    def event(self, event: ShowEvent) -> None:
        self.events.append(event)


@dataclass
class Voice:
    """Hears what is said to single viewers."""

    said: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def tell_viewer(self, show: str, viewer: str, data: dict[str, Any]) -> None:
        self.said.append((show, viewer, data))


@dataclass
class Api:
    """A server and what stands around it."""

    client: TestClient[Any, Any]
    desk: ShopDesk
    listener: Listener
    air: ScriptedAir
    health: HealthBoard
    ladders: Ladders
    endpoints: list[Endpoint]
    names: dict[str, list[str]]
    """What the name server of outgoing requests knows."""
    pictures: PictureDesk
    sights: Playheads
    checkouts: dict[str, CheckoutTerms]
    """How each show's orders are paid; a test may say otherwise."""
    said: list[tuple[str, str, dict[str, Any]]]
    """What viewers were told in private: show, viewer, message."""
    outgoing: SafeClient
    webhooks: WebhookDesk
    profiles: Path
    """The operator's own encoder profiles."""
    records: dict[str, EpochRecord]
    """The last media epoch of each show."""

    async def call(
        self, row: str, *, key: str = "", json: object = None, **headers: str
    ) -> tuple[int, Any]:
        """Status and plain answer of ``METHOD path``, the path below /api/v1."""
        method, path = row.split(" ", 1)
        if key:
            headers["Authorization"] = f"Bearer {key}"
        async with self.client.request(
            method, "/api/v1" + path, headers=headers, json=json
        ) as response:
            has_json = response.content_type == "application/json"
            plain: Any = await response.json() if has_json else None
            if response.status >= 400:
                assert plain["error"]["message"].endswith("."), plain
            return response.status, plain

    async def become_viewer(self) -> None:
        """Have a viewer's cookie from now on."""
        status, _ = await self.call("POST /viewer")
        assert status == 204

    async def stock(self, product: str = "wine", **changes: object) -> Any:
        """Put a product as the host."""
        status, plain = await self.call(
            f"PUT /shows/one/products/{product}", key=HOST, json={**GOODS, **changes}
        )
        assert status == 200, plain
        return plain


GOODS = {
    "name": "Wine",
    "facts": ["Red"],
    "picture": "/demo/wine.svg",
    "price_minor": 1250,
    "currency": "EUR",
    "stock": 3,
    "seller": "The corner shop",
    "returns": "14 days",
}


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a shop that was just made: copying it is far quicker than making it."""
    path = tmp_path_factory.mktemp("shop") / "shop.sqlite3"
    Shop.open(path).close()
    return path


@pytest.fixture
async def api(tmp_path: Path, unused_tcp_port: int, new_database: Path) -> AsyncIterator[Api]:
    """Shows `one` (on air, scripted) and `two` (off air); their hosts and an operator."""
    shows = {"one": ScriptedAir("one"), "two": ScriptedAir("two", on_air=False)}
    viewers = ViewerTokens(b"s" * 32)
    keys = KeyRing({"one": HOST, "two": OTHER_HOST}, operator=OPERATOR)
    access = Access(keys=keys, viewers=viewers, shows=shows)
    listener = Listener()
    shutil.copyfile(new_database, tmp_path / "shop.sqlite3")
    desk = ShopDesk(
        lambda: Shop.open(tmp_path / "shop.sqlite3"), shows=tuple(shows), audience=listener
    )
    await desk.start()
    names: dict[str, list[str]] = {}

    async def resolve(host: str) -> list[str]:
        return names.get(host, [])

    config = OutgoingConfig(allow_private=True, allow_http=True, ports=())
    stack = AsyncExitStack()
    outgoing = await stack.enter_async_context(SafeClient(config, resolve=resolve))
    pictures = PictureDesk(store=PictureStore(tmp_path / "pictures"), outgoing=outgoing)
    imports = ImportResources(shows=shows, desk=desk, pictures=pictures, outgoing=outgoing)
    pictures.start(imports.settle)
    stack.push_async_callback(pictures.close)
    terms = {name: CheckoutTerms() for name in shows}
    voice = Voice()
    webhooks = WebhookDesk(desk=desk, client=outgoing, look_every_s=0.01)
    webhooks.start()
    stack.push_async_callback(webhooks.close)
    sights = Playheads(shows=shows, tokens=viewers)
    shop = shop_endpoints(
        shows=shows,
        desk=desk,
        access=access,
        viewers=viewers,
        imports=imports,
        limits=ShopConfig(),
        checkouts=Checkouts(
            terms,
            desk=desk,
            stripe=Stripe(
                outgoing, secret_key=STRIPE_KEY, api_base=f"http://stripe.example:{unused_tcp_port}"
            ),
        ),
        stripe_secret=STRIPE_SECRET,
        voice=voice,
        hooks=outgoing,
        sights=sights,
    )
    health = HealthBoard()
    ladders = Ladders(shows)
    publishes = PublishResources(health=health.of, ladder=ladders.of)
    records: dict[str, EpochRecord] = {}
    profiles = _profiles(shows, tmp_path, records)
    endpoints = described([*shop, *publishes.endpoints(), *profiles.endpoints()])
    app = make_app(
        routes=routes(endpoints, access), readiness=lambda: Readiness(checks={"shop": True})
    )
    async with TestClient(TestServer(app)) as client:
        yield Api(
            client=client,
            desk=desk,
            listener=listener,
            air=shows["one"],
            health=health,
            ladders=ladders,
            endpoints=endpoints,
            names=names,
            pictures=pictures,
            sights=sights,
            checkouts=terms,
            said=voice.said,
            outgoing=outgoing,
            webhooks=webhooks,
            profiles=tmp_path / "profiles",
            records=records,
        )
    await stack.aclose()
    await desk.close()


def _profiles(
    shows: dict[str, ScriptedAir], folder: Path, records: dict[str, EpochRecord]
) -> ProfileResources:
    (folder / "profiles").mkdir()
    config = Config.model_validate(
        {
            "data": str(folder),
            "profile_folder": str(folder / "profiles"),
            "shows": {name: {} for name in shows},
        }
    )
    return ProfileResources(shows=shows, desk=ProfileDesk(config), recorded=records.get)
