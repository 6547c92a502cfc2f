"""``comptoir import`` and ``export``: what they send, what they say, how they end."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from rich.console import Console
from typer.testing import CliRunner

from mediaserver import goods
from mediaserver.cli import cli
from mediaserver.goods import GoodsClient, GoodsError

REPORT = {
    "applied": False, "rows": 2, "added": 1, "changed": 0, "unchanged": 0, "refused": 1,
    "entries": [
        {"row": 2, "result": "added", "product": "a", "name": "[bold]A"},
        {"row": 3, "result": "refused", "product": None, "field": "price", "message": "Too low."},
    ],
}  # fmt: skip


@pytest.fixture
def told() -> Callable[[dict[str, Any]], tuple[bool, str]]:
    def tell(report: dict[str, Any]) -> tuple[bool, str]:
        console = Console(record=True, width=100, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
        with console.file:
            good = goods.told(report, console)
        return good, console.export_text()

    return tell


def test_a_report_is_told(told: Any) -> None:
    good, text = told(REPORT)
    assert not good
    assert "[bold]A" in text
    assert "Too low." in text
    assert "Not applied: 1 added, 0 changed, 0 unchanged, 1 refused; 2 rows." in text
    assert told({**REPORT, "refused": 0, "applied": True, "entries": []})[0]


@pytest.fixture
def asked() -> list[tuple[str, str, Any]]:
    return []


@pytest.fixture
def server(asked: list[tuple[str, str, Any]]) -> TestServer:
    async def answer(request: web.Request) -> web.Response:
        asked.append((request.method, str(request.rel_url), await request.read()))
        if request.headers["Authorization"] != "Bearer the-key":
            fault = {"code": "wrong_key", "message": "This key does not open that."}
            return web.json_response({"error": fault}, status=403)
        if request.path.endswith(".csv"):
            return web.Response(body=b"id\r\na\r\n")
        return web.json_response(REPORT)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return TestServer(app)


async def test_what_is_sent(
    server: TestServer, asked: list[tuple[str, str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("id\na\n")
    async with server:
        client = GoodsClient(server=str(server.make_url("/")), show="one", key="the-key")
        query = goods.import_options({"format": "csv", "apply": True, "currency": None})
        assert await client.import_file(tmp_path / "a.csv", query) == REPORT
        form = goods.import_form("https://a.example", "shopify-api", "t", None, {"apply": False})
        assert await client.import_from(form) == REPORT
        assert await client.export() == b"id\r\na\r\n"
        stranger = GoodsClient(server=str(server.make_url("/")), show="one", key="x")
        with pytest.raises(GoodsError, match="does not open that"):
            await stranger.export()
    base = "/api/v1/shows/one/products"
    assert asked[0] == ("POST", f"{base}/import?format=csv&apply=true", b"id\na\n")
    assert asked[1][:2] == ("POST", f"{base}/import-from")
    assert json.loads(asked[1][2]) == {
        "source": "shopify", "address": "https://a.example", "token": "t", "apply": False,
    }  # fmt: skip
    assert asked[2][:2] == ("GET", f"{base}.csv")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"server": "http://localhost:1", "show": "One"}, "no name of a show"),
        ({"server": "localhost", "show": "one"}, "no address"),
        ({"server": "ftp://localhost", "show": "one"}, "no address"),
        ({"server": "http://localhost:1", "show": "one", "key": ""}, "COMPTOIR_KEY"),
    ],
)
def test_what_cannot_be_is_a_sentence(options: dict[str, str], sentence: str) -> None:
    with pytest.raises(GoodsError, match=sentence):
        GoodsClient(**{"key": "the-key", **options})


def test_a_server_that_is_away_is_a_sentence(unused_tcp_port: int, tmp_path: Path) -> None:
    client = GoodsClient(server=f"http://127.0.0.1:{unused_tcp_port}", show="one", key="k")
    with pytest.raises(GoodsError, match="does not answer"):
        asyncio.run(client.export())
    with pytest.raises(GoodsError, match="cannot be read"):
        asyncio.run(client.import_file(tmp_path / "none.csv", {}))


def test_the_commands_are_there() -> None:
    for command in ("import", "export"):
        result = CliRunner().invoke(cli, [command, "--help"])
        assert result.exit_code == 0
    result = CliRunner().invoke(cli, ["import", "one", "none.csv", "--key", ""])
    assert isinstance(result.exception, GoodsError)


def test_woocommerces_keys_are_a_pair() -> None:
    form = goods.import_form("https://a.example", "woocommerce-api", None, "ck:cs", {})
    assert (form["key"], form["secret"]) == ("ck", "cs")
    with pytest.raises(GoodsError):
        goods.import_form("https://a.example", "woocommerce-api", None, None, {})
