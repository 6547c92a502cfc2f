"""Headless Chromium as host and as viewer, for benches and end-to-end tests.

The host's page gets a painted camera (`pages/camera.js`): each frame carries its number and the
time at which it was painted, and each press of a key is noted with the frame painted last. The
viewer's page reads number and time from every frame it presents, and notes which cards it shows
beside it (`pages/reader.js`).
Both run on one machine, so both clocks are one, and the difference is the delay glass to glass.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = Path("/usr/bin/chromium")
PAGES = Path(__file__).parent / "pages"
PAINTED_WIDTH, PAINTED_HEIGHT, PAINTED_FPS = 854, 480, 30

_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
_CLOCK_RANGE = 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFrame:
    """One frame that a viewer's page presented."""

    painted_ms: int | None
    """Unix time of its painting mod 2^32, or None where the timecode could not be read."""
    counter: int | None
    """Number of the frame mod 65536, or None likewise."""
    shown_at_ms: float
    """Unix time at which it was due on the screen."""
    media_time_s: float
    height: int
    presented: int = 0
    """How many frames the browser had presented by then; a step over one is a frame we missed."""
    cards: tuple[str, ...] = ()
    """Ids of the cues whose card the page showed beside this frame."""
    emsg: tuple[str, ...] = ()
    """Payloads of the cues in force that hls.js had from emsg boxes."""
    date_ranges: tuple[str, ...] = ()
    """Likewise, from EXT-X-DATERANGE tags."""

    @classmethod
    def parse(cls, plain: dict[str, Any]) -> Self:
        """From what `pages/reader.js` notes."""
        return cls(
            painted_ms=plain["painted"],
            counter=plain["counter"],
            shown_at_ms=float(plain["shownAt"]),
            media_time_s=float(plain["mediaTime"]),
            height=int(plain["height"]),
            presented=int(plain["presented"]),
            cards=tuple(plain["cards"]),
            emsg=tuple(plain["emsg"]),
            date_ranges=tuple(plain["dateRange"]),
        )

    @property
    def delay_s(self) -> float | None:
        """Glass to glass: from painting to presentation."""
        if self.painted_ms is None:
            return None
        behind = (self.shown_at_ms - self.painted_ms) % _CLOCK_RANGE
        return (behind if behind < _CLOCK_RANGE / 2 else behind - _CLOCK_RANGE) / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """One key that was pressed in the host's page."""

    key: str
    counter: int
    """Number of the frame that the camera had painted last, mod 65536."""

    @classmethod
    def parse(cls, plain: dict[str, Any]) -> Self:
        """From what `pages/camera.js` notes."""
        return cls(key=plain["key"], counter=int(plain["counter"]))


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser of its own, closed at the end."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGS)
        try:
            yield browser
        finally:
            await browser.close()


async def host_page(browser: Browser, *, monitor: bool = True) -> Page:
    """A page whose camera and microphone are the painted ones. Without `monitor` its studio does
    not watch the show as well, which on a host's own machine costs the server nothing."""
    page = await browser.new_page(locale="en-US", viewport={"width": 900, "height": 700})
    await page.add_init_script(path=PAGES / "camera.js")
    if not monitor:
        await page.add_init_script("localStorage.setItem('comptoir.studio.monitor', 'off')")
    return page


async def viewer_page(browser: Browser) -> Page:
    """A page that reads the timecode of every frame its video presents."""
    page = await browser.new_page(locale="en-US", viewport={"width": 960, "height": 640})
    await page.add_init_script(path=PAGES / "reader.js")
    return page


async def go_live(page: Page, *, url: str, show: str, key: str) -> None:
    """Open the studio of `show` and press *Go live*."""
    await page.goto(f"{url}/studio/{show}#key={key}")
    await page.get_by_role("button", name="Go live").click()


async def seen_frames(page: Page) -> list[SeenFrame]:
    """The frames presented since the last call."""
    noted = await page.evaluate("() => window.benchFrames.splice(0)")
    return [SeenFrame.parse(frame) for frame in noted]


async def presses(page: Page) -> list[Press]:
    """The keys pressed in a host's page since the last call."""
    return [Press.parse(each) for each in await page.evaluate("() => benchPresses.splice(0)")]


async def stalls(page: Page) -> list[float]:
    """The moments (Unix ms) at which the video had to wait for data since the last call."""
    return [float(each) for each in await page.evaluate("() => window.benchStalls.splice(0)")]
