"""Headless Firefox as host, driven by WebDriver BiDi over its own WebSocket.

Camera and microphone are Firefox's fake ones: colours that change, and a tone. Playwright drives
a Firefox of its own making only; this one is the distribution's.
"""

import asyncio
import contextlib
import itertools
import os
import re
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from bench.polling import eventually

FIREFOX = Path("/usr/bin/firefox-esr")
START_TIMEOUT_S = 30.0
ANSWER_TIMEOUT_S = 20.0

_PREFERENCES: Mapping[str, str | int | bool] = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.gmp-manager.updateEnabled": False,
    "media.autoplay.default": 0,
    "intl.accept_languages": "en-US",
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
_LISTENING = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")


class BidiError(Exception):
    """The browser refused a command, or said what we do not understand."""


class FirefoxPage:
    """One tab. Commands go one after the other."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._context = ""

    async def open(self) -> None:
        """Begin the session and take the first tab."""
        await self._command("session.new", {"capabilities": {}})
        tree = await self._command("browsingContext.getTree", {})
        self._context = tree["contexts"][0]["context"]

    async def goto(self, url: str) -> None:
        """Load a page and wait until it has."""
        await self._command(
            "browsingContext.navigate",
            {"context": self._context, "url": url, "wait": "complete"},
        )

    async def evaluate(self, expression: str) -> Any:
        """The plain value of a JavaScript expression; a promise is waited for."""
        answer = await self._command(
            "script.evaluate",
            {
                "expression": expression,
                "target": {"context": self._context},
                "awaitPromise": True,
                "userActivation": True,
            },
        )
        if answer["type"] != "success":
            raise BidiError(answer["exceptionDetails"]["text"])
        return answer["result"].get("value")

    async def _command(self, method: str, params: dict[str, Any]) -> Any:
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            while True:
                answer = await self._socket.receive_json()
                if answer.get("id") != number:
                    continue  # an event
                if answer["type"] == "error":
                    raise BidiError(f"{method}: {answer['error']}: {answer['message']}")
                return answer["result"]


@contextlib.asynccontextmanager
async def firefox() -> AsyncIterator[FirefoxPage]:
    """A browser of its own with one tab; nothing of it is left at the end."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        profile = Path(folder)
        (profile / "user.js").write_text(
            "".join(
                f"user_pref({_js(name)}, {_js(value)});\n" for name, value in _PREFERENCES.items()
            )
        )
        process = await asyncio.create_subprocess_exec(
            FIREFOX, "--headless", "--no-remote", "--profile", profile,
            "--remote-debugging-port", "0", "about:blank",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "HOME": folder, "MOZ_CRASHREPORTER_DISABLE": "1"},
        )  # fmt: skip
        draining: asyncio.Task[None] | None = None
        try:
            address = await _address(process)
            draining = asyncio.create_task(_drain(process))
            async with aiohttp.ClientSession() as http, http.ws_connect(f"{address}/session") as ws:
                page = FirefoxPage(ws)
                await page.open()
                yield page
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            if draining is not None:
                await draining


async def go_live(page: FirefoxPage, *, url: str, show: str, key: str) -> None:
    """Open the studio of `show` and press *Go live*."""
    await page.goto(f"{url}/studio/{show}#key={key}")
    await eventually(
        lambda: page.evaluate("document.querySelector('.main-action button') !== null"),
        10, "the studio is drawn",
    )  # fmt: skip
    await page.evaluate("document.querySelector('.main-action button').click()")


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    said = b""
    async with asyncio.timeout(START_TIMEOUT_S):
        while line := await process.stderr.readline():
            said += line
            if match := _LISTENING.search(line):
                return match[1].decode()
    raise BidiError(f"Firefox ended at once: {said.decode(errors='replace')[-500:]}")


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    while await process.stderr.read(65536):
        pass


def _js(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)
