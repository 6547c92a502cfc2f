"""`comptoir demo`: on air within seconds, goods on the shelf, and one pinned after the other."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bench.node import COMPTOIR, ROOT, free_port
from bench.polling import eventually
from mediaserver.demo.stock import GOODS

pytestmark = pytest.mark.media

START_S, TURN_S, STOP_S = 60.0, 30.0, 20.0
DIST = ROOT / "overlay/web/dist"


@pytest.fixture
def demo_url(tmp_path: Path) -> Iterator[str]:
    """The demo's address; it ends well on Ctrl-C and says no word of trouble."""
    port = free_port()
    output = tmp_path / "demo.log"
    ports = ("--http-port", str(port), "--admin-port", str(free_port()))
    with output.open("wb") as file:
        process = subprocess.Popen(
            [COMPTOIR, "demo", *ports, "--webrtc-port", str(free_port()), "--data", tmp_path / "d"],
            stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        status = process.wait(STOP_S)
    said = output.read_text(encoding="utf-8")
    assert status == 0, said
    assert "demo_shop_refused" not in said
    assert "Traceback" not in said


async def test_the_demo_shows_its_goods_one_after_the_other(
    demo_url: str, http: aiohttp.ClientSession
) -> None:
    async def state() -> dict[str, Any]:
        async with http.get(f"{demo_url}/live/demo/state", raise_for_status=True) as response:
            report: dict[str, Any] = await response.json()
        return report

    async def pinned(count: int) -> list[str]:
        cues = (await state())["cues"]
        return [cue["product"] for cue in cues] if len(cues) >= count else []

    despite = (aiohttp.ClientError, LookupError)
    await eventually(lambda: pinned(1), START_S, "a card is pinned", despite=despite)
    shown = await eventually(lambda: pinned(2), TURN_S, "another is pinned", despite=despite)
    assert shown[:2] == [good.id for good in GOODS[:2]]
    products = (await state())["products"]
    assert set(products) == {good.id for good in GOODS}
    if DIST.is_dir():
        for product in products.values():
            async with http.get(demo_url + product["picture"]) as response:
                assert response.status == 200
                assert response.content_type == "image/svg+xml"
