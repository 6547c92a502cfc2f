"""A made-up broadcast, a clock to set, and a whole gateway on a real socket with a bus and a main.

The parts are any bytes: the gateway never looks into them.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from mediaserver.bus.messages import AirState, Metrics, ShowSnapshot, ShowStatus
from mediaserver.bus.unix import Connection, dial_forever, serve
from mediaserver.gateway.event_sockets import EventSockets
from mediaserver.gateway.faces import Faces
from mediaserver.gateway.feed import Feed
from mediaserver.gateway.hot.limits import Limits
from mediaserver.gateway.metrics import GatewayMetrics
from mediaserver.gateway.origin import Origin
from mediaserver.gateway.proxy import Proxy
from mediaserver.gateway.server import GatewayServer
from mediaserver.gateway.shows import Shows
from overlay.show import events as shop_events
from overlay.show.fold import ShowState
from overlay.values import Cue, ShowEvent
from transcoder.values import Anchor, EpochEnd, InitSection, Part, TimedMetadata

UTC_US = 1_760_000_000_000_000
SECOND_NS = 1_000_000_000


@dataclass
class ManualClock:
    """A monotonic clock that stands still until it is told to go on."""

    now_ns: int = 1000 * SECOND_NS

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, seconds: float) -> None:
        self.now_ns += round(seconds * SECOND_NS)


@dataclass
class Broadcast:
    """Makes the messages of a media epoch, one part number at a time."""

    show: str = "demo"
    epoch: str = "e1"
    ladder: tuple[str, ...] = ("720p", "360p")
    parts_per_segment: int = 6
    part_ticks: int = 30_000
    part_bytes: int = 40
    number: int = 0
    msn: int = 0
    index: int = 0
    tick: int = 0
    generation: int = 0
    sent: list[object] = field(default_factory=list)

    def status(self, state: AirState = "live", title: str = "Démo") -> ShowStatus:
        return ShowStatus(show=self.show, title=title, state=state, epoch=self.epoch)

    def init(self, rendition: str) -> InitSection:
        return InitSection(
            show=self.show,
            epoch=self.epoch,
            rendition=rendition,
            generation=self.generation,
            ladder=self.ladder,
            anchor=Anchor(utc_us=UTC_US, monotonic_ns=1000 * SECOND_NS),
            codecs="avc1.4D401F,mp4a.40.2",
            width=1280,
            height=720,
            frames_per_second=30,
            bandwidth_bps=2_800_000,
            average_bandwidth_bps=2_500_000,
            part_ticks=self.part_ticks,
            segment_ticks=self.part_ticks * self.parts_per_segment,
            data=f"init {rendition} {self.generation}".encode(),
        )

    def inits(self) -> list[InitSection]:
        return self._kept([self.init(rendition) for rendition in self.ladder])

    def data(self, rendition: str, number: int) -> bytes:
        return f"<{self.epoch} {rendition} {number}>".encode().ljust(self.part_bytes, b".")

    def parts(
        self,
        *,
        last: bool | None = None,
        duration: int | None = None,
        cues: tuple[TimedMetadata, ...] = (),
    ) -> list[Part]:
        """The parts of the next number, one for each rendition."""
        last = self.index == self.parts_per_segment - 1 if last is None else last
        duration = self.part_ticks if duration is None else duration
        made = [
            Part(
                show=self.show,
                epoch=self.epoch,
                rendition=rendition,
                generation=self.generation,
                number=self.number,
                msn=self.msn,
                index=self.index,
                decode_time=self.tick,
                duration=duration,
                independent=self.index % 3 == 0,
                last=last,
                cues=cues,
                data=self.data(rendition, self.number),
            )
            for rendition in self.ladder
        ]
        self.number, self.tick = self.number + 1, self.tick + duration
        self.msn, self.index = (self.msn + 1, 0) if last else (self.msn, self.index + 1)
        return self._kept(made)

    def many(self, count: int) -> list[Part]:
        """The parts of the next `count` numbers."""
        return [part for _ in range(count) for part in self.parts()]

    def new_generation(self) -> list[InitSection]:
        """Another encoder takes over: a new segment begins, whatever was open."""
        self.generation += 1
        if self.index:
            self.msn, self.index = self.msn + 1, 0
        return self.inits()

    def end(self) -> EpochEnd:
        return EpochEnd(show=self.show, epoch=self.epoch)

    def _kept(self, messages: list[Any]) -> list[Any]:
        self.sent += messages
        return messages


@dataclass
class ShowLog:
    """Main's log of a show: appends events, and folds them into snapshots."""

    show: str = "demo"
    epoch: str = "log1"
    state: ShowState = field(default_factory=lambda: ShowState.empty("log1"))

    def snapshot(self) -> ShowSnapshot:
        return ShowSnapshot(
            show=self.show,
            epoch=self.epoch,
            offset=self.state.offset,
            state=self.state.to_plain(),
        )

    def new_epoch(self, epoch: str) -> None:
        self.epoch, self.state = epoch, ShowState.empty(epoch)

    def event(self, kind: Any = "order", data: dict[str, Any] | None = None) -> ShowEvent:
        made = ShowEvent(
            show=self.show,
            epoch=self.epoch,
            offset=self.state.offset + 1,
            media_epoch=None,
            pts=None,
            utc_us=UTC_US,
            type=kind,
            data={"product": "jam", "quantity": 1, "orders": 1} if data is None else data,
        )
        self.state = self.state.apply(made)
        return made

    def events(self, count: int) -> list[ShowEvent]:
        return [self.event() for _ in range(count)]

    def product(self, product: str = "jam", name: str = "Confiture") -> ShowEvent:
        return self.event(
            "product",
            {
                "id": product,
                "name": name,
                "available": 3,
                "sold_out": False,
                "variants": [{"id": "default", "available": 3, "sold_out": False}],
            },
        )

    def cue(self, name: str, *, pts: int, duration: int = 90_000, ends: str = "") -> ShowEvent:
        cue = Cue(
            id=name,
            revision=1,
            type="unpin" if ends else "pin",
            media_epoch="e1",
            pts=pts,
            duration=duration,
            product=None if ends else "jam",
            ends=ends or None,
        )
        return self.event("cue", shop_events.cue(cue))


@pytest.fixture
def show_log() -> ShowLog:
    """An empty log of the show `demo`."""
    return ShowLog()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def broadcast() -> Callable[..., Broadcast]:
    """Makes a `Broadcast`."""
    return Broadcast


@pytest.fixture
def shows() -> Shows:
    return Shows(window_s=12)


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - any condition, not an event of ours
            await asyncio.sleep(0)


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Lets the loop run until a condition holds."""
    return _until


@dataclass
class MainSide:
    """What main does, as far as a gateway can see: its bus and its HTTP socket."""

    bus_path: Path
    http_path: Path
    peers: list[Connection] = field(default_factory=list)
    received: list[Any] = field(default_factory=list)
    metrics: list[Any] = field(default_factory=list)
    server: asyncio.Server | None = None

    async def open_bus(self) -> None:
        self.server = await serve(self.bus_path, self._own)

    async def close_bus(self) -> None:
        if self.server is not None:
            self.server.close()
            for peer in list(self.peers):
                await peer.close()
            await self.server.wait_closed()
            self.server = None

    def send(self, *messages: object) -> None:
        for message in messages:
            self.peers[-1].send(message)

    async def _own(self, connection: Connection) -> None:
        self.peers.append(connection)
        try:
            async for message in connection:
                (self.metrics if isinstance(message, Metrics) else self.received).append(message)
        finally:
            self.peers.remove(connection)


@dataclass
class RunningGateway:
    """A gateway on a real port, its insides, and an HTTP client towards it."""

    main: MainSide
    shows: Shows
    feed: Feed
    events: EventSockets
    metrics: GatewayMetrics
    url: str
    port: int
    http: aiohttp.ClientSession
    marks: int = 0

    async def take(self, *messages: object) -> None:
        """Send over the bus, and wait until all of it is published."""
        self.main.send(*messages)
        self.marks += 1
        mark = f"mark {self.marks}"
        self.main.send(ShowStatus(show="marker", title=mark, state="idle", epoch=None))

        def marked() -> bool:
            state = self.shows.state("marker")
            return state is not None and mark.encode() in state.body and not self.feed._publishing

        await _until(marked)

    def waiting(self, count: int) -> Callable[[], bool]:
        return lambda: self.shows.waiting == count


@pytest.fixture
async def main_side(tmp_path: Path) -> AsyncIterator[MainSide]:
    """Main's bus, listening; its HTTP socket is the test's to open."""
    side = MainSide(bus_path=tmp_path / "bus", http_path=tmp_path / "http")
    await side.open_bus()
    yield side
    await side.close_bus()


@pytest.fixture
async def gateway(main_side: MainSide, clock: ManualClock) -> AsyncIterator[RunningGateway]:
    """A whole gateway, connected to `main_side`, with the clock of the test."""
    shows = Shows(window_s=12)
    metrics = GatewayMetrics(shows)
    events = EventSockets(
        shows,
        metrics=shows.event_metrics,
        clock_ns=clock,
        allowed_origins=("https://shop.example",),
        wall_ns=lambda: UTC_US * 1000,
    )
    feed = Feed(
        shows=shows,
        metrics=metrics,
        gateway_id="g1",
        clock_ns=clock,
        playheads=events.playheads,
    )
    async with Proxy(main_side.http_path) as proxy, aiohttp.ClientSession() as http:
        server = GatewayServer(
            origin=Origin(shows, lists_shows=True),
            events=events,
            faces=Faces({}, {}),
            proxy=proxy,
            metrics=metrics,
            limits=Limits(max_load=2.0),  # a test that waits spins, which looks like a full server
        )
        port = await server.start("127.0.0.1", 0, reuse_port=False)
        dialling = asyncio.create_task(dial_forever(main_side.bus_path, feed.converse))
        await _until(lambda: bool(main_side.peers))
        yield RunningGateway(
            main=main_side,
            shows=shows,
            feed=feed,
            events=events,
            metrics=metrics,
            url=f"http://127.0.0.1:{port}",
            port=port,
            http=http,
        )
        dialling.cancel()
        await asyncio.gather(dialling, return_exceptions=True)
        shows.close()
        events.close()
        await server.stop()


@pytest.fixture
async def main_http(main_side: MainSide) -> AsyncIterator[Callable[[Any], Awaitable[None]]]:
    """Serves a handler on main's HTTP socket: what the proxy talks to."""
    runners: list[web.ServerRunner] = []

    async def start(handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        runner = web.ServerRunner(
            web.Server(handler, access_log=None, auto_decompress=False), shutdown_timeout=0.1
        )
        await runner.setup()
        await web.UnixSite(runner, str(main_side.http_path)).start()
        runners.append(runner)

    yield start
    for runner in runners:
        await runner.cleanup()


class Viewer:
    """GETs with everything read, so that a test can look at it."""

    def __init__(self, gateway: RunningGateway) -> None:
        self._gateway = gateway

    async def ask(
        self, path: str, *, method: str = "GET", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        named = {"Accept-Encoding": "identity"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._gateway.http.request(
            method,
            self._gateway.url + path,
            headers=named,
            auto_decompress=False,
            allow_redirects=False,
        ) as response:
            return response.status, dict(response.headers), await response.read()

    def later(self, path: str) -> asyncio.Task[tuple[int, dict[str, str], bytes]]:
        return asyncio.create_task(self.ask(path))


@pytest.fixture
def viewer(gateway: RunningGateway) -> Viewer:
    """Asks the gateway as a player does."""
    return Viewer(gateway)


@pytest.fixture
async def on_air(gateway: RunningGateway) -> Broadcast:
    """A show on air with one whole segment and two parts of the next."""
    made = Broadcast()
    await gateway.take(made.status(), *made.inits(), *made.many(8))
    return made
