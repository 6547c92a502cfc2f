"""A show with its neighbours: a real pool and store, a recorded feed, a scripted ingest."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from mediaserver.broadcast.desk import ShowDesk, ShowPolicy
from mediaserver.broadcast.epochs import EpochStore
from mediaserver.broadcast.recipe import Recipe
from mediaserver.broadcast.show import ShowRunner
from mediaserver.bus.messages import OpenSession, SessionEvent, ShowStatus
from mediaserver.errors import PublishRefused
from mediaserver.profiles import find_profile
from mediaserver.workers.pool import Worker, WorkerPool
from transcoder.control import EndEpoch, StartEpoch
from transcoder.values import Anchor, EpochEnd, InitSection, Part, TimedMetadata
from transcoder.wire import Deframer

ANCHOR = Anchor(utc_us=1_000_000, monotonic_ns=1_000)


@dataclass
class ScriptedIngest:
    """Answers every offer with "answer", or refuses with `refusal`."""

    refusal: PublishRefused | None = None
    opened: list[OpenSession] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    routed: list[tuple[str, str]] = field(default_factory=list)
    moment: int | None = None
    """The tick that a host's clock leads to."""

    async def open(self, offer: OpenSession) -> str:
        if self.refusal is not None:
            raise self.refusal
        self.opened.append(offer)
        return "answer"

    async def host_moment(self, session: str, host_utc_us: int) -> int | None:
        return self.moment

    def close(self, session: str) -> None:
        self.closed.append(session)

    def route(self, session: str, au_socket: str) -> None:
        self.routed.append((session, au_socket))


@dataclass
class ScriptedRecipes:
    """Gives every epoch the same recipe, until a test puts another in its place."""

    recipe: Recipe

    async def next(self, show: str) -> Recipe:
        return self.recipe


@dataclass
class RecordedPeer:
    """A worker's connection that keeps what it was sent."""

    sent: list[object] = field(default_factory=list)

    def send(self, value: object) -> None:
        self.sent.append(value)


@dataclass
class Stage:
    """One show and everything around it that a test looks at."""

    folder: Path
    grace_s: float = 1000.0
    second_publisher: str = "refuse"
    ingest: ScriptedIngest = field(default_factory=ScriptedIngest)
    published: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._deframer = Deframer()
        self._count = 0
        self.recipes = ScriptedRecipes(
            Recipe(name="default", profile=find_profile("default"), latency="low")
        )
        self.pool = WorkerPool(spares=1, want=lambda message: None)
        self.show = self.new_main()

    def new_main(self) -> ShowRunner:
        """A show runner as a freshly started main makes it, on the same data folder."""
        return ShowRunner(
            name="demo",
            title="Demo",
            desk=ShowDesk(
                pool=self.pool,
                ingest=self.ingest,
                store=EpochStore(self.folder / "epochs.json"),
                say=lambda said: self.published.extend(self._deframer.feed(said.data)),
                recipes=self.recipes,
            ),
            policy=ShowPolicy(
                grace_s=self.grace_s,
                window_s=60,
                second_publisher="take_over" if self.second_publisher == "take_over" else "refuse",
            ),
        )

    def worker(self) -> Worker:
        """One more idle worker in the pool."""
        self._count += 1
        path = Path(f"/run/au-{self._count}")
        worker = Worker(name=f"worker-{self._count}", au_socket=path, connection=RecordedPeer())
        self.pool.attach_idle(worker)
        return worker

    def told(self, worker: Worker) -> list[object]:
        """What a worker was sent."""
        assert isinstance(worker.connection, RecordedPeer)
        return worker.connection.sent

    def start_of(self, worker: Worker) -> StartEpoch:
        """The one `StartEpoch` that a worker was sent."""
        (start,) = [sent for sent in self.told(worker) if isinstance(sent, StartEpoch)]
        return start

    def was_ended(self, worker: Worker) -> bool:
        """Whether a worker was told to end its epoch."""
        return any(isinstance(sent, EndEpoch) for sent in self.told(worker))

    def event(self, session: str, state: str) -> None:
        """Let ingest report on a session."""
        message = SessionEvent(session=session, state="closed", reason="")
        self.show.session_event(replace(message, state=state))  # type: ignore[arg-type]

    def encode(
        self,
        worker: Worker,
        *numbers: int,
        skip: str = "",
        cues: tuple[TimedMetadata, ...] = (),
    ) -> None:
        """Let a worker deliver its init sections and the steps `numbers`, `skip` one rendition;
        each part carries `cues`."""
        start = self.start_of(worker)
        for rendition in ("480p", "360p"):
            self.show.worker_made(worker, self._init(start, rendition))
        for number in numbers:
            for rendition in ("480p", "360p"):
                if rendition != skip:
                    self.show.worker_part(worker, self._part(start, rendition, number, cues))

    async def until(self, holds: Callable[[], object]) -> None:
        """Let the loop turn until `holds()` is true; a test that waits in vain times out."""
        for _ in range(100_000):
            if holds():
                return
            await asyncio.sleep(0)
        raise AssertionError("waited in vain")

    @property
    def parts(self) -> list[tuple[str, int, int]]:
        """(rendition, number, msn) of every part that gateways were sent."""
        return [(p.rendition, p.number, p.msn) for p in self.published if isinstance(p, Part)]

    @property
    def states(self) -> list[str]:
        """The states that gateways were told, in order."""
        return [s.state for s in self.published if isinstance(s, ShowStatus)]

    @property
    def ends(self) -> list[str]:
        """The epochs that gateways were told are over."""
        return [e.epoch for e in self.published if isinstance(e, EpochEnd)]

    def _init(self, start: StartEpoch, rendition: str) -> InitSection:
        return InitSection(
            show="demo",
            epoch=start.epoch,
            rendition=rendition,
            generation=start.generation,
            ladder=("480p", "360p"),
            anchor=ANCHOR,
            codecs="avc1.42C01F,mp4a.40.2",
            width=854,
            height=480,
            frames_per_second=30,
            bandwidth_bps=1,
            average_bandwidth_bps=1,
            part_ticks=30_000,
            segment_ticks=180_000,
            data=b"init",
        )

    def _part(
        self, start: StartEpoch, rendition: str, number: int, cues: tuple[TimedMetadata, ...]
    ) -> Part:
        msn = start.next_msn + (number - start.next_number) // 6
        return Part(
            show="demo",
            epoch=start.epoch,
            rendition=rendition,
            generation=start.generation,
            number=number,
            msn=msn,
            index=(number - start.next_number) % 6,
            decode_time=number * 30_000,
            duration=30_000,
            independent=number % 3 == 0,
            last=(number - start.next_number) % 6 == 5,
            cues=cues,
            data=b"part",
        )


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A show whose gateways, ingest and workers are recorded."""
    return Stage(folder=tmp_path)
