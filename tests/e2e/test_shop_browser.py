"""The pages sell: what a viewer and a host do in Chromium, against the whole server, on air."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, WebSocket, expect

from bench.chromium import CHROMIUM, chromium
from bench.hls import HlsClient
from bench.host import DemoHost
from bench.node import Node
from bench.polling import eventually
from bench.shop import VIEWER_COOKIE, ShopClient
from mediaserver.demo.stock import GOODS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.media,
    pytest.mark.usefixtures("chromium_here"),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]

ON_AIR_S, SEEN_S = 40.0, 25.0
SEEN_MS = SEEN_S * 1000
LONG_MS = 120_000
APRON, HONEY, OIL, PARCEL = "linen-apron", "lavender-honey", "green-oil", "corner-parcel"
APRICOT, WINE = "apricot-jar", "levant-red"
"""The second is shown in the rehearsal alone."""
HOST_KEY, OPERATOR_KEY = "host-key-of-the-tests", "operator-key-of-the-tests"
ELSEWHERE, TILL = "elsewhere", "https://till.example/pay"
"""A show that is paid at the merchant's."""
DESK = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A server of one show, whose merchant has the operator key."""
    folder = tmp_path_factory.mktemp("node")
    checkout = {"kind": "handoff", "url": TILL, "secret": "a-secret-of-the-tests-and-their-till"}
    settings = {"operator_key": OPERATOR_KEY, "shows": {ELSEWHERE: {"checkout": checkout}}}
    shows = {"show1": HOST_KEY, ELSEWHERE: "another-key-of-the-tests"}
    with Node(folder=folder, shows=shows, settings=settings) as node:
        yield node
        assert "Traceback" not in node.log()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(server: Node, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ShopClient]:
    """The first show, on air, with goods on its shelf."""
    (show, key), *_ = server.keys.items()
    log_path = tmp_path_factory.mktemp("host") / "host.log"
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        client = ShopClient(http=http, url=server.url, show=show, key=key)
        await client.fill()
        with DemoHost(whip_url=server.whip_url(show), key=key, log_path=log_path):
            await eventually(
                lambda: HlsClient(http).variants(f"{server.url}/live/{show}/index.m3u8"),
                ON_AIR_S, "the show is on air", despite=(aiohttp.ClientError,),
            )  # fmt: skip
            yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def merchant(server: Node) -> AsyncIterator[ShopClient]:
    """The merchant's own systems: they may look into carts."""
    show = next(iter(server.keys))
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield ShopClient(http=http, url=server.url, show=show, key=OPERATOR_KEY)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    async with chromium() as browser:
        yield browser


class Viewer:
    """A visitor of the watch page, with a cookie jar of their own."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.said: list[str] = []
        page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda sent: self.said.append(str(sent)))

    async def reports(self) -> list[str]:
        """What the page has told the server of its playhead."""
        return [each for each in self.said if "playhead" in each]

    @classmethod
    async def come(cls, browser: Browser, server: Node, *, lang: str = "en") -> "Viewer":
        context = await browser.new_context(viewport=DESK, locale=lang)  # type: ignore[arg-type]
        viewer = cls(await context.new_page())
        await viewer.page.goto(f"{server.url}/watch/{next(iter(server.keys))}")
        await viewer.page.locator("comptoir-player[data-state=live]").wait_for(timeout=SEEN_MS)
        return viewer

    def card(self, product: str) -> Locator:
        return self.page.locator(f".product-card[data-product={product}]")

    async def open_cart(self) -> Locator:
        await self.page.locator(".cart-button").click()
        return self.page.locator("comptoir-cart dialog[open]")

    async def order(self) -> str:
        """Order what is in the cart by the form: the number."""
        drawer = await self.open_cart()
        await drawer.get_by_role("button", name="Place order").click()
        await drawer.get_by_label("Name").fill("Ada Buyer")
        await drawer.get_by_label("E-mail").fill("ada@example.org")
        await drawer.get_by_role("button", name="Place order").click()
        number = drawer.locator("[data-order-number]")
        await number.wait_for(timeout=SEEN_MS)
        return await number.get_attribute("data-order-number") or ""

    async def id(self) -> str:
        """As the server knows them, which is soon after they first do something."""

        async def cookie() -> str:
            found = await self.page.context.cookies()
            return next((each["value"] for each in found if each["name"] == VIEWER_COOKIE), "")

        return (await eventually(cookie, SEEN_S, "the viewer is known")).split(".")[1]

    async def leave(self) -> None:
        await self.page.context.close()


class Studio:
    """The host's second device: it drives the shop, and publishes nothing."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.desk = page.locator("comptoir-shop-desk")

    @classmethod
    async def open(cls, browser: Browser, server: Node) -> "Studio":
        (show, key), *_ = server.keys.items()
        context = await browser.new_context(viewport=DESK, locale="en")  # type: ignore[arg-type]
        page = await context.new_page()
        await page.add_init_script("localStorage.setItem('comptoir.studio.monitor', 'off')")
        await page.goto(f"{server.url}/studio/{show}#key={key}")
        return cls(page)

    async def tab(self, name: str) -> None:
        await self.desk.get_by_role("tab", name=name).click()

    async def leave(self) -> None:
        await self.page.context.close()


async def pin(shop: ShopClient, *products: str) -> None:
    for product in products:
        reply = await shop.cue(type="pin", product=product, duration_ms=LONG_MS)
        assert reply.status in (200, 201), reply


async def test_a_variant_is_chosen_and_ordered_by_the_form(
    server: Node, shop: ShopClient, browser: Browser
) -> None:
    viewer = await Viewer.come(browser, server)
    await pin(shop, APRON)
    card = viewer.card(APRON)
    await expect(card.locator("s")).to_contain_text("45", timeout=SEEN_MS)
    await expect(card).to_contain_text("Lowest price of the last 30 days")
    await card.get_by_role("button", name="Choose").click()
    sheet = viewer.page.locator("comptoir-product dialog[open]")
    await sheet.get_by_text("L–XL", exact=True).click()
    await sheet.get_by_text("Slate", exact=True).click()
    await sheet.get_by_role("button", name="Add to cart").click()
    number = await viewer.order()
    (order,) = [each for each in await shop.orders() if each["number"] == number]
    assert order["items"][0]["product"] == APRON
    assert "Slate" in order["items"][0]["choice"]
    assert order["contact"]["email"] == "ada@example.org"
    await viewer.leave()


async def test_what_the_host_marks_sold_out_is_sold_out_for_every_viewer(
    server: Node, shop: ShopClient, browser: Browser
) -> None:
    viewer = await Viewer.come(browser, server)
    studio = await Studio.open(browser, server)
    await pin(shop, OIL)
    button = viewer.card(OIL).locator(".deal .button")
    await expect(button).to_be_enabled(timeout=SEEN_MS)
    await studio.tab("Stock")
    await studio.desk.get_by_role("button", name="Mark sold out: Green olive oil").click()
    await expect(button).to_be_disabled(timeout=SEEN_MS)
    await expect(button).to_contain_text("Sold out")
    await studio.desk.get_by_role("button", name="Sell again: Green olive oil").click()
    await expect(button).to_be_enabled(timeout=SEEN_MS)
    await studio.leave()
    await viewer.leave()


async def test_the_stock_that_the_host_sets_is_what_every_viewer_sees(
    server: Node, shop: ShopClient, browser: Browser
) -> None:
    viewer = await Viewer.come(browser, server)
    studio = await Studio.open(browser, server)
    await pin(shop, OIL)
    card = viewer.card(OIL)
    await expect(card.locator(".deal .button")).to_be_enabled(timeout=SEEN_MS)
    before = (await shop.product(OIL))["available"]
    await studio.tab("Stock")
    field = studio.desk.get_by_label("Stock in all, sold and held included: Green olive oil")
    in_all = int(await field.input_value(timeout=SEEN_MS))
    await field.fill("1.5")
    await field.press("Enter")
    alert = studio.desk.get_by_role("tabpanel", name="Stock").get_by_role("alert")
    await expect(alert).to_contain_text("whole number")
    await field.fill(str(in_all - before + 2))
    await field.press("Enter")
    await expect(card).to_contain_text("2 left", timeout=SEEN_MS)
    assert (await shop.product(OIL))["available"] == 2
    await field.fill(str(in_all))
    await studio.desk.get_by_role("button", name="Set the stock: Green olive oil").click()
    await expect(card).not_to_contain_text("2 left", timeout=SEEN_MS)
    assert (await shop.product(OIL))["available"] == before
    await studio.leave()
    await viewer.leave()


async def test_the_studio_runs_a_flash_sale_and_a_viewer_buys_at_its_price(
    server: Node, shop: ShopClient, browser: Browser
) -> None:
    viewer = await Viewer.come(browser, server)
    studio = await Studio.open(browser, server)
    await pin(shop, HONEY)
    await viewer.card(HONEY).wait_for(timeout=SEEN_MS)
    await studio.tab("Stock")
    honey = studio.desk.locator(f"li[data-product={HONEY}]")
    await honey.get_by_role("button", name="Flash sale").click()
    await studio.desk.get_by_label("How many").fill("5")
    await studio.desk.get_by_role("button", name="Start now").click()
    flash = viewer.card(HONEY).locator(".flash")
    await expect(flash).to_contain_text("left", timeout=SEEN_MS)
    await expect(viewer.card(HONEY).locator(".price-tag strong")).to_contain_text("7.52")
    countdown = flash.locator("[data-countdown-ms]")
    assert 0 < int(await countdown.get_attribute("data-countdown-ms") or 0) <= 300_000
    await viewer.card(HONEY).get_by_role("button", name="Add to cart").click()
    number = await viewer.order()
    (order,) = [each for each in await shop.orders() if each["number"] == number]
    assert order["total_minor"] == 752
    assert order["items"][0]["offer"] is not None
    told = await eventually(viewer.reports, SEEN_S, "the page tells which frame it is on")
    assert "media_epoch" in told[0]
    running = studio.desk.locator("li.running")
    await expect(running).to_contain_text("4 left", timeout=SEEN_MS)
    await running.get_by_role("button", name="Take back").click()
    await expect(viewer.card(HONEY).locator(".flash")).to_have_count(0, timeout=SEEN_MS)
    await studio.leave()
    await viewer.leave()


async def test_a_coupon_is_claimed_and_taken_off_the_order(
    server: Node, shop: ShopClient, browser: Browser
) -> None:
    viewer = await Viewer.come(browser, server)
    terms = {"kind": "coupon", "currency": "EUR", "percent_off": 10, "shared_code": True}
    assert (await shop.call("PUT", "offers/live-ten", terms)).status == 200
    started = await shop.call("POST", "offers/live-ten/start", {"duration_ms": LONG_MS})
    assert started.status == 200, started
    offer = viewer.page.locator("comptoir-offers [data-offer=live-ten]")
    await offer.get_by_role("button", name="Get the code").click(timeout=SEEN_MS)
    await offer.locator("[data-code]").wait_for(timeout=SEEN_MS)
    await pin(shop, OIL)
    await viewer.card(OIL).get_by_role("button", name="Add to cart").click(timeout=SEEN_MS)
    number = await viewer.order()
    (order,) = [each for each in await shop.orders() if each["number"] == number]
    assert order["total_minor"] == 1665
    assert (await shop.call("POST", "offers/live-ten/cancel")).status == 200
    await expect(offer).to_have_count(0, timeout=SEEN_MS)
    await viewer.leave()


async def test_a_cart_that_the_merchant_changes_changes_on_the_page(
    server: Node, shop: ShopClient, browser: Browser, merchant: ShopClient
) -> None:
    viewer = await Viewer.come(browser, server)
    await pin(shop, OIL)
    await viewer.card(OIL).get_by_role("button", name="Add to cart").click(timeout=SEEN_MS)
    badge = viewer.page.locator(".cart-button .badge")
    await expect(badge).to_have_text("1")
    path = f"carts/{await viewer.id()}"

    async def stored() -> bool:
        reply = await merchant.call("GET", path)
        return reply.status == 200 and len(reply.body["cart"]["items"]) == 1

    await eventually(stored, SEEN_S, "the merchant sees the cart")
    items = [{"product": OIL, "quantity": 2}, {"product": HONEY, "quantity": 1}]
    assert (await merchant.call("PUT", path, {"items": items})).status == 200
    await expect(badge).to_have_text("3", timeout=SEEN_MS)
    drawer = await viewer.open_cart()
    await expect(drawer.locator(f"li[data-product={HONEY}]")).to_contain_text("Lavender honey")
    await viewer.leave()


async def test_the_last_units_are_sold_once_and_the_other_viewer_is_told(
    server: Node, shop: ShopClient, browser: Browser
) -> None:
    first, second = [await Viewer.come(browser, server) for _ in range(2)]
    await pin(shop, PARCEL)
    left = (await shop.product(PARCEL))["available"]
    for viewer in (first, second):
        button = viewer.card(PARCEL).locator(".deal .button")
        for _ in range(left):
            await button.click(timeout=SEEN_MS)
        await expect(viewer.page.locator(".cart-button .badge")).to_have_text(str(left))
    await first.order()
    await expect(second.card(PARCEL).locator(".deal .button")).to_be_disabled(timeout=SEEN_MS)
    drawer = await second.open_cart()
    await drawer.get_by_role("button", name="Place order").click()
    await drawer.get_by_label("Name").fill("Bob")
    await drawer.get_by_label("E-mail").fill("bob@example.org")
    await drawer.get_by_role("button", name="Place order").click()
    await expect(drawer.get_by_role("alert")).to_contain_text("The corner parcel", timeout=SEEN_MS)
    assert (await shop.product(PARCEL))["available"] == 0
    for viewer in (first, second):
        await viewer.leave()


async def test_a_price_that_has_changed_is_asked_about_before_anything_is_ordered(
    server: Node, shop: ShopClient, browser: Browser
) -> None:
    viewer = await Viewer.come(browser, server)
    await pin(shop, APRICOT)
    await viewer.card(APRICOT).get_by_role("button", name="Add to cart").click(timeout=SEEN_MS)
    drawer = await viewer.open_cart()
    await expect(drawer.locator(".total")).to_contain_text("6.90", timeout=SEEN_MS)
    await drawer.get_by_role("button", name="Place order").click()
    (good,) = [good.to_plain() for good in GOODS if good.id == APRICOT]
    assert (
        await shop.call("PUT", f"products/{APRICOT}", {**good, "price_minor": 750})
    ).status == 200
    await drawer.get_by_label("Name").fill("Ada Buyer")
    await drawer.get_by_label("E-mail").fill("ada@example.org")
    await drawer.get_by_role("button", name="Place order").click()
    await expect(drawer.get_by_role("alert")).to_contain_text("price", timeout=SEEN_MS)
    await expect(drawer.locator(".total")).to_contain_text("7.50")
    await drawer.get_by_role("button", name="Order at the new price").click()
    await drawer.locator("[data-order-number]").wait_for(timeout=SEEN_MS)
    assert (await shop.call("PUT", f"products/{APRICOT}", good)).status == 200
    (order,) = [each for each in await shop.orders() if each["items"][0]["product"] == APRICOT]
    assert order["total_minor"] == 750
    await viewer.leave()


async def test_the_run_of_show_pins_two_products_at_once_and_a_second_device_follows(
    server: Node, shop: ShopClient, browser: Browser
) -> None:
    viewer = await Viewer.come(browser, server)
    studio, other = [await Studio.open(browser, server) for _ in range(2)]
    await studio.desk.get_by_label("Moment", exact=True).fill("Breakfast")
    await studio.desk.get_by_label("Product 1").select_option(HONEY)
    await studio.desk.get_by_label("Product 2").select_option(APRICOT)
    await studio.desk.get_by_role("button", name="Add", exact=True).click()
    moment = other.desk.locator("ol.run li")
    await expect(moment).to_contain_text("Breakfast", timeout=SEEN_MS)
    await studio.desk.get_by_label("Moment", exact=True).fill("Welcome")
    await studio.desk.get_by_role("button", name="Add", exact=True).click()
    await expect(moment).to_have_count(2, timeout=SEEN_MS)
    await studio.desk.get_by_role("button", name="Earlier: Welcome").press("Enter")
    await expect(moment.first).to_contain_text("Welcome", timeout=SEEN_MS)
    await studio.desk.get_by_role("button", name="Show", exact=True).click()
    for product in (HONEY, APRICOT):
        await viewer.card(product).wait_for(timeout=SEEN_MS)
    await expect(other.desk.get_by_label("Done: Breakfast")).to_be_checked(timeout=SEEN_MS)
    await other.desk.get_by_role("button", name="Undo the last step").click()
    await expect(viewer.page.locator("comptoir-card[data-cue-id]")).to_have_count(
        0, timeout=SEEN_MS
    )
    for page in (studio, other, viewer):
        await page.leave()


async def test_a_rehearsal_takes_back_what_was_done_in_it(
    server: Node, shop: ShopClient, browser: Browser
) -> None:
    viewer = await Viewer.come(browser, server)
    studio = await Studio.open(browser, server)
    before = (await shop.product(WINE))["available"]
    await studio.desk.get_by_role("button", name="Start a rehearsal").click()
    await studio.page.locator(".rehearsal-banner").wait_for(timeout=SEEN_MS)
    await viewer.page.locator(".rehearsal").wait_for(timeout=SEEN_MS)
    await pin(shop, WINE)
    await viewer.card(WINE).get_by_role("button", name="Add to cart").click(timeout=SEEN_MS)
    await viewer.order()
    assert (await shop.product(WINE))["available"] == before - 1
    await viewer.page.get_by_role("button", name="Back to the show").click()
    await studio.desk.get_by_role("button", name="End the rehearsal").click()
    await expect(viewer.page.locator(".rehearsal")).to_have_count(0, timeout=SEEN_MS)
    await expect(viewer.card(WINE)).to_have_count(0, timeout=SEEN_MS)
    assert (await shop.product(WINE))["available"] == before
    await studio.leave()
    await viewer.leave()


async def test_an_order_that_is_paid_elsewhere_waits_and_says_what_became_of_it(
    server: Node, browser: Browser
) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        keys = (server.keys[ELSEWHERE], OPERATOR_KEY)
        host, merchant = [
            ShopClient(http=session, url=server.url, show=ELSEWHERE, key=key) for key in keys
        ]
        good = {**GOODS[0].to_plain(), "name": "Lamp"}
        assert (await host.call("PUT", "products/lamp", {**good, "policy": "hold"})).status == 200
        page = await browser.new_page(viewport=DESK, locale="en")  # type: ignore[arg-type]
        viewer = Viewer(page)
        await page.route(f"{TILL}**", lambda route: route.fulfill(body="The till"))
        await page.goto(f"{server.url}/watch/{ELSEWHERE}")
        await page.evaluate("fetch('/api/v1/viewer', {method: 'POST'})")
        await page.evaluate("localStorage.setItem('comptoir.viewer', 'yes')")
        lamp = {"items": [{"product": "lamp", "quantity": 1}]}
        filled = await merchant.call("PUT", f"carts/{await viewer.id()}", lamp)
        assert filled.status == 200, filled
        await page.reload()
        drawer = await viewer.open_cart()
        await expect(drawer.locator("li[data-product=lamp]")).to_contain_text("Kept for you")
        await drawer.get_by_role("button", name="Place order").click()
        await page.wait_for_url(f"{TILL}**", timeout=SEEN_MS)
        await page.goto(f"{server.url}/watch/{ELSEWHERE}")
        drawer = await viewer.open_cart()
        waiting = drawer.locator("[data-order-state=held]")
        await expect(waiting).to_contain_text("Pay within", timeout=SEEN_MS)
        number = await waiting.locator("[data-order-number]").get_attribute("data-order-number")
        await waiting.get_by_role("button", name="Go to payment").click()
        await page.wait_for_url(f"{TILL}**", timeout=SEEN_MS)
        paid = await merchant.call("POST", f"orders/{number}/payment", {"reference": "till-1"})
        assert paid.status == 200, paid
        await page.goto(f"{server.url}/watch/{ELSEWHERE}")
        drawer = await viewer.open_cart()
        await drawer.locator("[data-order-state=confirmed]").wait_for(timeout=SEEN_MS)
        await page.close()


MERCHANT_PAGE = """<!doctype html><title>A shop</title>
<script src="/embed/comptoir.js"></script>
<comptoir-player show="%s" style="height: 700px"></comptoir-player>
<script>
  const player = document.querySelector('comptoir-player');
  window.asked = [];
  window.cart = null;
  player.configure({ currency: 'EUR', locale: 'en', buttons: { product: 'hide' } });
  player.on(player.EVENT.ADD_TO_CART, (event, callback) => {
    asked.push(event);
    callback(asked.length === 1 ? { success: false, reason: 'out-of-stock' } : true);
  });
  player.on(player.EVENT.CART_CHANGED, (event) => { window.cart = event.items; });
</script>"""


async def test_a_merchants_page_has_the_last_word_on_its_cart(
    server: Node, shop: ShopClient, browser: Browser
) -> None:
    page = await browser.new_page(viewport=DESK, locale="en")  # type: ignore[arg-type]
    body = MERCHANT_PAGE % next(iter(server.keys))
    await page.route("**/a-shop", lambda route: route.fulfill(body=body, content_type="text/html"))
    await page.goto(f"{server.url}/a-shop")
    frame = page.frame_locator("comptoir-player iframe")
    await frame.locator("comptoir-player[data-state=live]").wait_for(timeout=SEEN_MS)
    await pin(shop, OIL)
    add = frame.locator(f".product-card[data-product={OIL}] .deal .button")
    await add.click(timeout=SEEN_MS)
    drawer = frame.locator("comptoir-cart dialog[open]")
    await expect(drawer.get_by_role("alert")).to_contain_text("Green olive oil", timeout=SEEN_MS)
    await drawer.get_by_role("button", name="Close").click()
    await add.click()
    await expect(frame.locator(".cart-button .badge")).to_have_text("1", timeout=SEEN_MS)
    asked = await page.evaluate("asked")
    assert [event["product"] for event in asked] == [OIL, OIL]
    assert (asked[0]["price_minor"], asked[0]["currency"]) == (1850, "EUR")
    await page.evaluate(f"player.updateCart([{{product: '{OIL}', quantity: 3}}])")
    await expect(frame.locator(".cart-button .badge")).to_have_text("3", timeout=SEEN_MS)
    assert (await page.evaluate("cart"))[0]["quantity"] == 3
    await expect(frame.locator(".details")).to_be_hidden()
    await page.close()
