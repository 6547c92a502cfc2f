"""Products in and out over HTTP, and pictures, by host and operator."""

import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from PIL import Image

from overlay.catalog.imports.rows import MAX_FILE_BYTES

HOST, OPERATOR = "the-host-key-of-show-one", "the-key-of-the-operator"
AUTH = {"Authorization": f"Bearer {HOST}"}
IMPORT = "/api/v1/shows/one/products/import"
FILE = "id,name,price,currency,stock,pictures\nwine,Wine,12.50,EUR,3,\nbeer,Beer,-1,EUR,3,\n"
VARIANTS = [
    {"options": ["M"], "price_minor": 2500, "struck_minor": 3000, "stock": 3},
    {"options": ["L"], "price_minor": 2600, "stock": 0},
]


def _picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (50, 40), "red").save(out, "PNG")
    return out.getvalue()


@pytest.fixture
async def merchant(api: Any) -> AsyncIterator[str]:
    """Another server, with a feed and a picture; its address."""

    async def feed(_: web.Request) -> web.Response:
        return web.Response(text=f"id,name,price,currency,stock,pictures\nwine,Wine,5,EUR,3,{here}")

    async def picture(_: web.Request) -> web.Response:
        return web.Response(body=_picture())

    app = web.Application()
    app.add_routes([web.get("/feed.csv", feed), web.get("/a.png", picture)])
    server = TestServer(app)
    async with server:
        api.names["shop.example"] = ["127.0.0.1"]
        here = f"http://shop.example:{server.port}/a.png"
        yield f"http://shop.example:{server.port}"


async def _import(api: Any, content: str | io.BytesIO = FILE, **query: str) -> tuple[int, Any]:
    async with api.client.post(
        IMPORT, data=content, params={"format": "csv", **query}, headers=AUTH
    ) as response:
        return response.status, await response.json()


async def test_first_the_difference_then_the_deed(api: Any) -> None:
    status, said = await _import(api)
    assert (status, said["applied"], said["added"], said["refused"]) == (200, False, 1, 1)
    refused = said["entries"][1]
    assert (refused["row"], refused["product"], refused["field"]) == (3, "beer", "price")
    assert api.listener.events == []
    _, undone = await _import(api, apply="true")
    assert (undone["applied"], api.listener.events) == (False, [])
    _, done = await _import(api, apply="true", partial="true")
    assert done["applied"]
    assert [event.type for event in api.listener.events] == ["product"]
    assert api.listener.events[0].pts is not None
    _, again = await _import(api)
    assert (again["unchanged"], again["added"]) == (1, 0)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"format": "xls"}, "format"),
        ({"apply": "yes"}, "apply"),
        ({"currency": "euro"}, "currency"),
        ({"default_stock": "-1"}, "default_stock"),
        ({"default_stock": "1000000000"}, "default_stock"),
        ({"surprise": "1"}, "surprise"),
    ],
)
async def test_a_bad_query_is_refused(api: Any, query: dict[str, str], field: str) -> None:
    status, plain = await _import(api, **query)
    assert (status, plain["error"]["field"]) == (400, field)


async def test_a_bad_file_is_refused_whole(api: Any) -> None:
    status, plain = await _import(api, "nothing")
    assert (status, plain["error"]["code"]) == (400, "not_importable")
    status, plain = await _import(api, io.BytesIO(b"x" * (MAX_FILE_BYTES + 1)))
    assert (status, plain["error"]["code"]) == (413, "too_large")


async def test_what_goes_out_comes_in_again(api: Any) -> None:
    await api.stock(name="=cmd|' /C calc'!A0", description="a\nb", cap=2)
    shirt = {"options": ["Size"], "variants": VARIANTS, "price_minor": None, "stock": None}
    plain = await api.stock("shirt", **shirt)
    assert [variant["id"] for variant in plain["variants"]] == ["m", "l"]
    assert plain["lowest_30d_minor"] == 2500
    async with api.client.get("/api/v1/shows/one/products.csv", headers=AUTH) as response:
        text = await response.text()
        assert response.content_type == "text/csv"
        assert "attachment" in response.headers["Content-Disposition"]
    assert "\"'=cmd" in text or "'=cmd" in text
    _, said = await _import(api, text)
    assert (said["unchanged"], said["changed"], said["refused"]) == (2, 0, 0)


async def test_an_import_fetches_its_file_and_its_pictures(api: Any, merchant: str) -> None:
    form = {"source": "file", "format": "csv", "address": f"{merchant}/feed.csv", "apply": True}
    row = "POST /shows/one/products/import-from"
    status, done = await api.call(row, key=HOST, json=form)
    assert (status, done["applied"], done["added"]) == (200, True, 1)
    await api.pictures.idle()
    _, listed = await api.call("GET /shows/one/products")
    (product,) = listed["products"]
    assert product["picture"].startswith("/pictures/")
    assert [event.type for event in api.listener.events] == ["product", "product"]
    _, again = await api.call(row, key=OPERATOR, json=form)
    assert (again["unchanged"], again["changed"]) == (1, 0)


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"source": "file", "address": "https://a.example/x"}, 400, "invalid"),
        ({"source": "shopify", "address": "https://a.example"}, 400, "invalid"),
        ({"source": "woocommerce", "address": "https://a.example", "key": "a"}, 400, "invalid"),
        ({"source": "shopify", "address": "ftp://a", "token": "t"}, 422, "outgoing_failed"),
        (
            {"source": "shopify", "address": "https://a.example", "token": "t"},
            422,
            "outgoing_failed",
        ),
        (
            {"source": "file", "address": "file:///etc/passwd", "format": "csv"},
            422,
            "outgoing_failed",
        ),
        ({"source": "ebay", "address": "https://a.example"}, 400, "invalid"),
    ],
)
async def test_a_shop_that_cannot_be_asked(
    api: Any, form: dict[str, object], status: int, code: str
) -> None:
    given, plain = await api.call("POST /shows/one/products/import-from", key=HOST, json=form)
    assert (given, plain["error"]["code"]) == (status, code), plain


async def test_keys_of_another_shop_are_not_told(
    api: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    form = {"source": "shopify", "address": "https://a.example", "token": "shpat_secret"}
    _, plain = await api.call("POST /shows/one/products/import-from", key=HOST, json=form)
    assert "shpat_secret" not in str(plain)
    assert "shpat_secret" not in "".join(capfd.readouterr())


async def test_pictures_are_uploaded_or_fetched(api: Any, merchant: str) -> None:
    url, headers = "/api/v1/shows/one/pictures", {**AUTH, "Content-Type": "image/png"}
    async with api.client.post(url, data=_picture(), headers=headers) as response:
        assert response.status == 201
        uploaded = await response.json()
    _, fetched = await api.call(
        "POST /shows/one/pictures", key=HOST, json={"url": f"{merchant}/a.png"}
    )
    assert fetched == uploaded
    async with api.client.post(url, data=b"<svg/>", headers=headers) as response:
        assert (response.status, (await response.json())["error"]["field"]) == (400, "picture")
    async with api.client.post(url, data=b"x", headers=AUTH) as response:
        assert response.status == 415
    status, plain = await api.call(
        "POST /shows/one/pictures", key=HOST, json={"url": f"{merchant}/none.png"}
    )
    assert (status, plain["error"]["code"]) == (422, "outgoing_failed")
