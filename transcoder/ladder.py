"""The rungs of an epoch run at work: pictures in, one sample for each slot and rung out.

One thread a rung; FFmpeg releases the GIL. The top rung's thread fits the source's picture to its
own size. Every rung's thread then scales its picture to the next rung's size, hands that down, and
encodes its own; so no two threads ever work on one picture, and a repeated picture (the same
object again) is scaled once.

A rung that fails stops the ladder; `collect` raises what happened.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog
from av.video.frame import VideoFrame

from transcoder.encode import RungEncoder
from transcoder.errors import MediaError
from transcoder.grid import Grid
from transcoder.packager import VideoSample
from transcoder.profiles import RungPlan, Scaler
from transcoder.scale import Fitter, letterbox
from transcoder.slate import SlatePainter

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One slot to encode. `picture` None is the slate, which the top rung draws."""

    slot: int
    picture: VideoFrame | None
    idr: bool


class Ladder:
    """Runs `plans`, best first. `submit` and `collect` belong to one thread.

    At most `max_backlog` slots are in work: the rungs' queues hold no more, and `submit` raises
    `MediaError` past it, because then the machine cannot carry the ladder. `wake` is called from a
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
    ) -> None:
        self._max_backlog = max_backlog
        self._wake = wake
        self._slate = slate
        self._on_encoded = on_encoded
        self._submitted = 0
        self._encoded = [0] * len(plans)
        self._samples: deque[tuple[int, VideoSample]] = deque()
        self._failure: MediaError | None = None
        self._changed = threading.Condition()
        self._abandoned = threading.Event()
        self.encoders = tuple(RungEncoder(plan, grid) for plan in plans)
        self._inboxes: tuple[queue.SimpleQueue[Job | None], ...] = tuple(
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
        return self._submitted - min(self._encoded)

    def submit(self, job: Job) -> None:
        """Encode the next slot in every rung. Raises `MediaError` when hopelessly behind."""
        if self.backlog >= self._max_backlog:
            raise MediaError(f"the encoders are {self.backlog} pictures behind and cannot keep up")
        self._submitted += 1
        self._inboxes[0].put(job)

    def collect(self) -> list[tuple[int, VideoSample]]:
        """The samples made since the last call, each with the index of its rung, in slot order for
        each rung. Raises `MediaError` when a rung has failed."""
        if self._failure is not None:
            raise self._failure
        collected = []
        while self._samples:
            collected.append(self._samples.popleft())
        return collected

    def drain(self, timeout_s: float) -> bool:
        """Wait until all that was submitted is encoded. False when time or a rung ran out."""
        with self._changed:
            self._changed.wait_for(lambda: self._failure or self.backlog == 0, timeout_s)
            return self._failure is None and self.backlog == 0

    def close(self) -> None:
        """End the threads; what is still queued is dropped. Takes one picture's time at most."""
        self._abandoned.set()
        for inbox in self._inboxes:
            inbox.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, index: int, plans: Sequence[RungPlan], scaler: Scaler) -> None:
        plan = plans[index]
        try:
            prepare = _Preparer(plan, scaler, self._slate) if index == 0 else None
            below = _below(plans[index + 1 :], scaler)
            while (job := self._inboxes[index].get()) is not None and not self._abandoned.is_set():
                started_s = time.thread_time()
                picture = prepare(job.picture) if prepare else job.picture
                if picture is None:
                    raise MediaError(f"slot {job.slot} came down without a picture")
                if below:
                    self._inboxes[index + 1].put(replace(job, picture=below.fit(picture)))
                sample = self.encoders[index].encode(picture, slot=job.slot, idr=job.idr)
                self._on_encoded(plan.name, time.thread_time() - started_s)
                self._done(index, sample)
        except MediaError as exc:
            self._failed(exc)
        except Exception as exc:
            log.exception("rung_failed", rung=plan.name)
            self._failed(MediaError(f"the rung {plan.name} failed: {exc}"))

    def _done(self, index: int, sample: VideoSample) -> None:
        with self._changed:
            self._samples.append((index, sample))
            self._encoded[index] += 1
            self._changed.notify_all()
        self._wake()

    def _failed(self, failure: MediaError) -> None:
        with self._changed:
            self._failure = self._failure or failure
            self._changed.notify_all()
        self._abandoned.set()
        self._wake()


class _CachedFitter:
    """Fits pictures to one rung's size, a repeated one (the same object) once.

    With `copy` a picture that fits as it is is copied, because its encoder will write to it.
    """

    def __init__(self, plan: RungPlan, scaler: Scaler, *, copy: bool) -> None:
        self._fitter = Fitter(width=plan.width, height=plan.height, scaler=scaler)
        self._copy = copy
        self._source: VideoFrame | None = None
        self.fitted: VideoFrame | None = None
        """What the last call returned."""

    def fit(self, picture: VideoFrame) -> VideoFrame:
        if self.fitted is None or picture is not self._source:
            fitted = self._fitter.fit(picture)
            if self._copy and fitted is picture:
                fitted = letterbox(picture, picture.width, picture.height)
            self._source, self.fitted = picture, fitted
        return self.fitted


def _below(plans: Sequence[RungPlan], scaler: Scaler) -> _CachedFitter | None:
    return _CachedFitter(plans[0], scaler, copy=True) if plans else None


class _Preparer:
    """The top rung's pictures: the source's fitted, or the slate made of the last one.

    A picture that cannot be scaled is the source's fault, not ours: the last one stays.
    """

    def __init__(self, plan: RungPlan, scaler: Scaler, slate: SlatePainter) -> None:
        self._plan = plan
        self._painter = slate
        self._top = _CachedFitter(plan, scaler, copy=False)
        self._slate: VideoFrame | None = None

    def __call__(self, picture: VideoFrame | None) -> VideoFrame:
        if picture is not None:
            try:
                self._top.fit(picture)
            except MediaError as exc:
                log.debug("picture_unusable", error=str(exc))
            if self._top.fitted is not None:
                self._slate = None
                return self._top.fitted
        if self._slate is None:
            last, plan = self._top.fitted, self._plan
            self._slate = self._painter.paint(last, width=plan.width, height=plan.height)
        return self._slate
