"""The encoded rungs of a generation at work: pictures in, samples out for each slot and rung.

One thread a rung; FFmpeg releases the GIL. The top rung's thread fits the source's picture to its
own size. Every rung's thread then scales its picture to the next rung's size, hands that down, and
encodes its own; so no two threads ever work on one picture, and a repeated picture (the same
object again) is scaled once.

A slot may be skipped in every rung, and a rung that dozes encodes only where a part begins; both
answer with a slot without a picture, so that everyone sees how far each rung has come. A rung that
fails stops the ladder; `collect` raises what happened.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence

import structlog

from transcoder.encode import RungEncoder
from transcoder.errors import MediaError
from transcoder.grid import Grid
from transcoder.profiles import RungPlan, Scaler
from transcoder.rung import Job, MakeEncoder, RungAtWork, Task
from transcoder.samples import SlotSamples
from transcoder.slate import SlatePainter

log = structlog.get_logger()


class Ladder:
    """Runs the encoded rungs `plans`, best first; there may be none. All methods but `backlog`
    belong to one thread.

    At most `max_backlog` pictures are in work, and `submit` raises `MediaError` past it, because
    then the machine cannot carry the ladder. Skipped slots are not counted: after a process has
    stood still there may be thousands, which cost nothing. `wake` is called from a
    rung's thread whenever there is something to collect; `on_encoded` with the rung's name and the
    seconds of CPU that a picture cost it.
    """

    def __init__(
        self,
        plans: Sequence[RungPlan],
        *,
        grid: Grid,
        scaler: Scaler,
        slate: SlatePainter,
        max_backlog: int,
        wake: Callable[[], None],
        on_encoded: Callable[[str, float], None],
        encoder: MakeEncoder = RungEncoder,
    ) -> None:
        self._names = tuple(plan.name for plan in plans)
        self._max_backlog = max_backlog
        self._wake = wake
        self._slate = slate
        self._on_encoded = on_encoded
        self._submitted = 0
        self._encoded = [0] * len(plans)
        self._jobs: deque[Job] = deque()
        """Those that some rung may not have encoded; the first is the `_forgotten`th."""
        self._forgotten = 0
        self._pictures = 0
        """How many of them are not skipped."""
        self._samples: deque[tuple[int, SlotSamples]] = deque()
        self._failure: MediaError | None = None
        self._changed = threading.Condition()
        self._abandoned = threading.Event()
        self._wanted_dozing: frozenset[int] = frozenset()
        self._dozing: frozenset[int] = frozenset()
        self._boost_percent, self._boost_slots = 0, 0
        self.encoders = tuple(encoder(plan, grid) for plan in plans)
        self._inboxes: tuple[queue.SimpleQueue[Task | None], ...] = tuple(
            queue.SimpleQueue() for _ in plans
        )
        self._threads = [
            threading.Thread(
                target=self._work, args=(index, tuple(plans), scaler), name=f"rung-{plan.name}"
            )
            for index, plan in enumerate(plans)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def backlog(self) -> int:
        """Slots submitted that some rung has not encoded yet."""
        return self._submitted - min(self._encoded, default=self._submitted)

    def submit(self, job: Job) -> None:
        """Encode the next slot in every rung. Raises `MediaError` when too many wait."""
        self._forget_done()
        if not job.skip:
            if self._pictures >= self._max_backlog:
                raise MediaError(
                    f"the encoders are {self._pictures} pictures behind and cannot keep up"
                )
            self._pictures += 1
        self._submitted += 1
        self._jobs.append(job)
        if self._inboxes:
            self._inboxes[0].put(self._task(job))

    def collect(self) -> list[tuple[int, SlotSamples]]:
        """What was made since the last call, each with the index of its rung in `plans`, in slot
        order for each rung and without a gap. Raises `MediaError` when a rung has failed."""
        if self._failure is not None:
            raise self._failure
        collected = []
        while self._samples:
            collected.append(self._samples.popleft())
        return collected

    def set_dozing(self, names: Collection[str]) -> None:
        """From the next job on that begins a part these rungs encode only such jobs, and keyframes;
        all others encode everything."""
        self._wanted_dozing = frozenset(
            index for index, name in enumerate(self._names) if name in names
        )

    def boost(self, percent: int, slots: int) -> None:
        """Let the next `slots` jobs have so much more bitrate, within each rung's maximum."""
        self._boost_percent, self._boost_slots = percent, slots

    def drain(self, timeout_s: float) -> bool:
        """Wait until all that was submitted is encoded. False when time or a rung ran out."""
        with self._changed:
            self._changed.wait_for(lambda: self._failure or self.backlog == 0, timeout_s)
            return self._failure is None and self.backlog == 0

    def halt(self) -> list[Job]:
        """End the threads after the picture that each has in hand; the jobs of the slots that not
        every rung has encoded, in order, for another ladder. `collect` gives once more what is
        here; beyond the first slot of the jobs it is to be thrown away."""
        self.close()
        return list(self._jobs)[min(self._encoded, default=self._submitted) - self._forgotten :]

    def close(self) -> None:
        """End the threads; what is still queued is dropped. Takes one picture's time at most."""
        self._abandoned.set()
        for inbox in self._inboxes:
            inbox.put(None)
        for thread in self._threads:
            thread.join()

    def _forget_done(self) -> None:
        done = min(self._encoded, default=self._submitted)
        while self._jobs and self._forgotten < done:
            self._pictures -= not self._jobs.popleft().skip
            self._forgotten += 1

    def _task(self, job: Job) -> Task:
        if job.part_start:
            self._dozing = self._wanted_dozing
        percent = None
        if self._boost_slots:
            self._boost_slots -= 1
            percent = self._boost_percent
        dozing = frozenset[int]() if job.part_start or job.idr else self._dozing
        awake = () if job.skip else [i for i in range(len(self._names)) if i not in dozing]
        return Task(
            job=job,
            picture=job.picture,
            busy=max(awake, default=-1) + 1,
            dozing=dozing,
            boost_percent=percent,
        )

    def _work(self, index: int, plans: Sequence[RungPlan], scaler: Scaler) -> None:
        plan = plans[index]
        try:
            rung = RungAtWork(index, plans, scaler, self._slate, self.encoders[index])
            while (task := self._inboxes[index].get()) is not None and not self._abandoned.is_set():
                started_s = time.thread_time()
                picture = rung.prepare(task)
                if index + 1 < len(plans):
                    self._inboxes[index + 1].put(rung.task_below(task, picture))
                samples = rung.encode(task, picture)
                if samples.pictures:
                    self._on_encoded(plan.name, time.thread_time() - started_s)
                self._done(index, samples)
        except MediaError as exc:
            self._failed(exc)
        except Exception as exc:
            log.exception("rung_failed", rung=plan.name)
            self._failed(MediaError(f"the rung {plan.name} failed: {exc}"))

    def _done(self, index: int, samples: SlotSamples) -> None:
        with self._changed:
            self._samples.append((index, samples))
            self._encoded[index] += 1
            self._changed.notify_all()
        self._wake()

    def _failed(self, failure: MediaError) -> None:
        with self._changed:
            self._failure = self._failure or failure
            self._changed.notify_all()
        self._abandoned.set()
        self._wake()
