"""``comptoir import`` and ``comptoir export``: clients of a running server's API.

The key is the show's host key or the operator key. A file is sent; an address is fetched by the
server, through its own safe client.
"""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.table import Table
from yarl import URL

from mediaserver.config import SHOW_NAME
from mediaserver.errors import ComptoirError
from overlay.catalog.imports.rows import MAX_FILE_BYTES

TIMEOUT = aiohttp.ClientTimeout(total=60)
MAX_TOLD = 60
"""Entries of a report that are shown; those that are unchanged are only counted."""

_COLOURS = {"added": "green", "changed": "yellow", "refused": "red"}


class GoodsError(ComptoirError):
    """The server is away, refuses, or its answer is none."""

    code = "goods_failed"


class GoodsClient:
    """One show of one server."""

    def __init__(self, *, server: str, show: str, key: str) -> None:
        """Raises `GoodsError` for what cannot be an address, a show or a key."""
        if not SHOW_NAME.fullmatch(show):
            raise GoodsError(f"{show!r} is no name of a show.")
        if not key:
            raise GoodsError("Give the show's host key, or the operator key, as COMPTOIR_KEY.")
        try:
            self._show = URL(server.rstrip("/")) / "api/v1/shows" / show
        except ValueError:
            self._show = URL()
        if self._show.scheme not in ("http", "https"):
            raise GoodsError(f"{server!r} is no address such as http://localhost:8080.")
        self._headers = {"Authorization": f"Bearer {key}"}

    async def import_file(self, path: Path, options: Mapping[str, str]) -> dict[str, Any]:
        """The report of importing the file. Raises `GoodsError`."""
        try:
            with path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as exc:
            raise GoodsError(f"{path} cannot be read: {exc.strerror}.") from None
        if len(content) > MAX_FILE_BYTES:
            raise GoodsError(f"{path} has more than {MAX_FILE_BYTES} bytes.")
        headers = {"Content-Type": "application/octet-stream"}
        url = self._show / "products/import" % dict(options)
        return _report(await self._ask("POST", url, data=io.BytesIO(content), headers=headers))

    async def import_from(self, form: Mapping[str, Any]) -> dict[str, Any]:
        """The report of importing from another shop, or from an address. Raises `GoodsError`."""
        return _report(await self._ask("POST", self._show / "products/import-from", json=form))

    async def export(self) -> bytes:
        """The products as CSV. Raises `GoodsError`."""
        return await self._ask("GET", self._show / "products.csv")

    async def _ask(self, method: str, url: URL, **more: Any) -> bytes:
        headers = {**self._headers, **more.pop("headers", {})}
        try:
            async with (
                aiohttp.ClientSession(timeout=TIMEOUT) as http,
                http.request(method, url, headers=headers, allow_redirects=False, **more) as reply,
            ):
                body = await reply.read()
                status, reason = reply.status, reply.reason
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise GoodsError(f"{url.origin()} does not answer: {exc or 'too slow'}.") from None
        if status != 200:
            raise GoodsError(_sentence(body) or f"The server answered {status} {reason}.")
        return body


def told(report: Mapping[str, Any], console: Console) -> bool:
    """Print the report; whether all of it is well."""
    table = Table("row", "product", "", "what", box=None, pad_edge=False)
    entries = [entry for entry in report["entries"] if entry["result"] != "unchanged"]
    for entry in entries[:MAX_TOLD]:
        result = entry["result"]
        what = entry.get("message") or ", ".join(entry.get("fields", ())) or entry.get("name", "")
        colour = _COLOURS.get(result, "")
        table.add_row(
            str(entry["row"]), entry["product"] or "", f"[{colour}]{result}[/]", _plain(what)
        )
    if entries:
        console.print(table)
    if len(entries) > MAX_TOLD:
        console.print(f"… and {len(entries) - MAX_TOLD} more")
    counts = ", ".join(
        f"{report[name]} {name}" for name in ("added", "changed", "unchanged", "refused")
    )
    done = "Applied" if report["applied"] else "Not applied"
    console.print(f"{done}: {counts}; {report['rows']} rows.")
    return not report["refused"]


def import_options(given: Mapping[str, Any]) -> dict[str, str]:
    """As the query string has them; what is not given is left out."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in given.items()
        if value is not None
    }


def import_form(
    source: str,
    file_format: str,
    token: str | None,
    consumer: str | None,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """The body of an import from an address. Raises `GoodsError`."""
    form = {name: value for name, value in options.items() if value is not None}
    if file_format == "shopify-api":
        return {**form, "source": "shopify", "address": source, "token": token}
    if file_format == "woocommerce-api":
        name, colon, secret = (consumer or "").partition(":")
        if not colon:
            raise GoodsError("Give WooCommerce's keys as COMPTOIR_IMPORT_KEY=KEY:SECRET.")
        keys = {"key": name, "secret": secret}
        return {**form, "source": "woocommerce", "address": source, **keys}
    return {**form, "source": "file", "address": source, "format": file_format}


def _plain(text: str) -> str:
    """Without what the console would take for markup."""
    return text.replace("[", r"\[")


def _report(body: bytes) -> dict[str, Any]:
    try:
        report = json.loads(body)
        if isinstance(report, dict) and {"entries", "applied", "rows"} <= report.keys():
            return report
    except ValueError:
        pass
    raise GoodsError("The server's answer is no report of an import.")


def _sentence(body: bytes) -> str:
    """Of an API error."""
    try:
        error = json.loads(body)["error"]
        field = f" ({error['field']})" if error.get("field") else ""
        return f"{error['message']}{field}"
    except (ValueError, LookupError, TypeError):
        return ""
