"""Both engines of the bus between a main that is scripted and gateways that are real."""

import asyncio
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest

from bench.redis_server import RedisServer, installed
from mediaserver.broadcast.feed import GatewayFeed
from mediaserver.bus import said, streams, unix
from mediaserver.bus.messages import ShowAudience, ShowOwner, ShowSnapshot, ShowStatus
from mediaserver.bus.redis_lease import Lease
from mediaserver.bus.redis_link import RedisLink
from mediaserver.bus.redis_outlet import ShowOutlet
from mediaserver.bus.redis_reader import RedisReader
from mediaserver.bus.said import Said, ShowBase
from mediaserver.gateway.feed import Feed
from mediaserver.gateway.metrics import GatewayMetrics
from mediaserver.gateway.shows import Shows
from overlay.show.fold import ShowState
from overlay.values import ShowEvent
from transcoder.stills.shelf import Shelf
from transcoder.stills.values import TYPES, Still, StillImage, StillKind
from transcoder.values import Anchor, InitSection, Part
from transcoder.wire import frame

SHOW = "demo"
PART_TICKS = 30_000
PARTS = 6
LADDER = ("720p", "360p")
WINDOW_STEPS = 60


async def _until(true: Callable[[], bool], timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not true():  # noqa: ASYNC110 - any condition, not an event of ours
            await asyncio.sleep(0)


@pytest.fixture
def until() -> Callable[..., Any]:
    """Lets the loop run until a condition holds."""
    return _until


@pytest.fixture(scope="session")
def _redis_here() -> None:
    if not installed():
        missing = "redis-server is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)


@pytest.fixture
def redis_server(_redis_here: None, tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of the test's own."""
    with RedisServer(tmp_path) as server:
        yield server


@dataclass
class Main:
    """What main has of a show: its status, its log, its window; `base` brings anyone up to date."""

    say: Callable[[Said], None] = lambda _: None
    epoch: str = "e1"
    log: ShowState = field(default_factory=lambda: ShowState.empty("log1"))
    inits: list[Said] = field(default_factory=list)
    steps: deque[Said] = field(default_factory=lambda: deque(maxlen=WINDOW_STEPS))
    shelf: Shelf = field(default_factory=lambda: Shelf(WINDOW_STEPS * PART_TICKS))
    number: int = 0

    @property
    def status(self) -> Said:
        state = "live" if self.steps else "idle"
        epoch = self.epoch if self.steps else None
        return said.status(
            ShowStatus(show=SHOW, title="Demo", state=state, epoch=epoch)  # type: ignore[arg-type]
        )

    def begin(self) -> None:
        for rendition in LADDER:
            init = InitSection(
                show=SHOW, epoch=self.epoch, rendition=rendition, generation=0, ladder=LADDER,
                anchor=Anchor(
                    utc_us=time.time_ns() // 1000, monotonic_ns=time.monotonic_ns()
                ),
                codecs="avc1.4D401F,mp4a.40.2", width=1280, height=720, frames_per_second=30,
                bandwidth_bps=2, average_bandwidth_bps=1, part_ticks=PART_TICKS,
                segment_ticks=PART_TICKS * PARTS, data=b"init",
            )  # fmt: skip
            self.inits.append(said.init(init, frame(init)))
            self.say(self.inits[-1])
        self.step()
        self.say(self.status)

    def step(self, count: int = 1) -> None:
        """The parts of the next numbers."""
        for _ in range(count):
            number, self.number = self.number, self.number + 1
            parts = [
                Part(
                    show=SHOW, epoch=self.epoch, rendition=rendition, generation=0, number=number,
                    msn=number // PARTS, index=number % PARTS, decode_time=number * PART_TICKS,
                    duration=PART_TICKS, independent=number % 3 == 0,
                    last=number % PARTS == PARTS - 1, cues=(),
                    data=f"<{self.epoch} {rendition} {number}>".encode() * 50,
                )
                for rendition in LADDER
            ]  # fmt: skip
            step = Said(
                show=SHOW, kind="step", data=b"".join(map(frame, parts)), epoch=self.epoch,
                number=number,
            )  # fmt: skip
            self.steps.append(step)
            self.say(step)

    def still(self, second: int, kind: StillKind) -> None:
        """A poster or a thumbnail."""
        images = tuple(StillImage(media_type=form, data=b"%d" % second) for form in TYPES[kind])
        made = Still(
            show=SHOW, epoch=self.epoch, kind=kind, tick=second * 90_000, width=16, height=9,
            images=images,
        )  # fmt: skip
        if self.shelf.add(made):
            self.say(said.still(made))

    def event(self, count: int = 1) -> None:
        """The next lines of the log."""
        for _ in range(count):
            event = ShowEvent(
                show=SHOW, epoch=self.log.epoch, offset=self.log.offset + 1, media_epoch=None,
                pts=None, utc_us=0, type="order",
                data={"product": "jam", "quantity": 1, "orders": 1},
            )  # fmt: skip
            self.log = self.log.apply(event)
            self.say(said.event(event))

    def snapshot(self) -> Said:
        return said.snapshot(
            ShowSnapshot(
                show=SHOW,
                epoch=self.log.epoch,
                offset=self.log.offset,
                state=self.log.to_plain(),
            )
        )

    def base(self) -> ShowBase:
        return ShowBase(
            status=self.status,
            audience=said.audience(ShowAudience(show=SHOW, viewers=0)),
            log=self.snapshot(),
            media=(*self.inits, *self.steps, *map(said.still, self.shelf)),
            window_steps=WINDOW_STEPS,
        )


class Gateway:
    """A gateway's inner half: what it took, and what its viewers see."""

    def __init__(self, name: str) -> None:
        self.shows = Shows(window_s=12)
        self.metrics = GatewayMetrics(self.shows)
        self.feed = Feed(
            shows=self.shows,
            metrics=self.metrics,
            gateway_id=name,
            clock_ns=time.monotonic_ns,
        )
        self.edges: list[int] = []
        """The last number of the playlists that viewers were given, at each look."""
        self.tasks: list[asyncio.Task[None]] = []
        self.reader: RedisReader | None = None

    def edge(self, main: Main) -> int:
        """The number of the part that viewers' playlists end with; -1 while they have none."""
        publication = self.shows.publication(SHOW, main.epoch)
        latest = None if publication is None else publication.renditions["720p"].latest
        edge = -1 if latest is None else latest.edge.next_number - 1
        self.edges.append(edge)
        return edge

    def part(self, main: Main, number: int) -> bytes | None:
        publication = self.shows.publication(SHOW, main.epoch)
        assert publication is not None
        return publication.epoch.windows["720p"].data("part", number)

    @property
    def stills(self) -> tuple[bytes, list[int]]:
        """The poster, and the seconds of the thumbnails there are."""
        stills = self.shows.stills(SHOW)
        if stills is None:
            return b"", []
        there = [n for n in range(100) if stills.thumbnail("e1", n * 90_000).status == 200]
        return stills.poster("image/jpeg").body, there

    @property
    def log(self) -> tuple[str, int] | None:
        return self.shows.log_place(SHOW)

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.shows.close()


class Engine(Protocol):
    """Between a main and its gateways."""

    main: Main

    async def open(self) -> None:
        """Main starts."""

    async def close(self) -> None:
        """Main dies."""

    async def gateway(self) -> Gateway:
        """One more gateway starts."""

    async def settled(self) -> None:
        """All that main has said is where a gateway that starts now will find it."""

    async def end(self) -> None: ...


class UnixEngine:
    """A node of one machine."""

    def __init__(self, folder: Path) -> None:
        self.main = Main()
        self._path = folder / "main.sock"
        self._server: asyncio.Server | None = None
        self._connections: set[unix.Connection] = set()
        self._gateways: list[Gateway] = []

    async def open(self) -> None:
        feed = GatewayFeed(replay=self._replay)
        self.main.say = lambda news: feed.publish(news.data)

        async def accept(connection: unix.Connection) -> None:
            self._connections.add(connection)
            try:
                await feed.attach(connection)
                async for _ in connection:
                    pass
            finally:
                feed.detach(connection)
                self._connections.discard(connection)

        self._server = await unix.serve(self._path, accept)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            for connection in list(self._connections):
                connection.abort()
            await self._server.wait_closed()
            self._server = None
        self.main.say = lambda _: None

    async def gateway(self) -> Gateway:
        made = Gateway(f"g{len(self._gateways)}")
        made.tasks = [asyncio.create_task(unix.dial_forever(self._path, made.feed.converse))]
        self._gateways.append(made)
        return made

    async def settled(self) -> None:
        return

    async def end(self) -> None:
        for gateway in self._gateways:
            await gateway.stop()
        await self.close()

    def _replay(self) -> list[bytes]:
        base = self.main.base()
        assert base.log is not None
        return [base.log.data, base.status.data, *(news.data for news in base.media)]


class RedisEngine:
    """Main and gateways on different nodes."""

    def __init__(
        self, url: str, *, node: str = "a", lease_s: float = 2.0, life_s: float = streams.LIFE_S
    ) -> None:
        self.main = Main()
        self.owned: list[bool] = []
        self.outlet: ShowOutlet | None = None
        self._url, self._node, self._lease_s, self._life_s = url, node, lease_s, life_s
        self._link: RedisLink | None = None
        self._running: asyncio.Task[None] | None = None
        self._gateways: list[Gateway] = []
        self._links: list[RedisLink] = []

    def start(self) -> ShowOutlet:
        self._link = RedisLink(self._url, timeout_s=1.0)
        self.outlet = ShowOutlet(
            lease=Lease(
                SHOW, link=self._link, node=self._node, lease_s=self._lease_s,
                life_s=self._life_s,
            ),
            link=self._link,
            owner=ShowOwner(show=SHOW, node=self._node, address=f"{self._node}:1"),
            base=self.main.base,
            owned=lambda _, ours: self.owned.append(ours),
        )  # fmt: skip
        self.main.say = self.outlet.say
        self._running = asyncio.create_task(self.outlet.run())
        return self.outlet

    async def open(self) -> None:
        outlet = self.start()
        await _until(lambda: outlet.refills > 0)

    async def close(self) -> None:
        if self._running is not None and self._link is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            await self._link.close()
            self._running = None
        self.main.say = lambda _: None

    async def gateway(self, **options: Any) -> Gateway:
        made = Gateway(f"{self._node}/g{len(self._gateways)}")
        link = RedisLink(self._url, timeout_s=1.0)
        made.reader = RedisReader(link, made.feed, meter=made.metrics, **options)
        made.tasks = [asyncio.create_task(made.reader.run())]
        self._gateways.append(made)
        self._links.append(link)
        return made

    async def settled(self) -> None:
        assert self.outlet is not None
        outlet = self.outlet
        await _until(lambda: not outlet.waiting)

    async def end(self) -> None:
        for gateway in self._gateways:
            await gateway.stop()
        await self.close()
        for link in self._links:
            await link.close()


@pytest.fixture(params=["unix", "redis"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Engine]:
    """An engine with a main that has started, and no gateway."""
    made: Engine
    if request.param == "unix":
        made = UnixEngine(tmp_path)
    else:
        made = RedisEngine(request.getfixturevalue("redis_server").url)
    await made.open()
    yield made
    await made.end()


@pytest.fixture
async def over_redis(redis_server: RedisServer) -> AsyncIterator[Callable[..., RedisEngine]]:
    """Makes mains of further nodes, none of them started."""
    made: list[RedisEngine] = []

    def make(node: str, **options: float) -> RedisEngine:
        made.append(RedisEngine(redis_server.url, node=node, **options))
        return made[-1]

    yield make
    for engine in made:
        await engine.end()
