"""Makes stills of the pictures that a run decodes, in a thread of its own.

What is decoded is the host's: the slate is painted later, so while it is on air the last stills
stay. What comes while the thread is busy is passed over. Its priority is that of the others: it
holds the interpreter's lock for milliseconds at a time, and one that is put last on a busy machine
holds it for a hundred, with the thread of the media waiting.
"""

import threading
import time
from collections.abc import Callable
from typing import Protocol

import structlog
from av.video.frame import VideoFrame

from transcoder.decode import Picture
from transcoder.errors import MediaError
from transcoder.slots import AHEAD_TICKS
from transcoder.stills.render import copied, image_of, images
from transcoder.stills.values import Still, StillKind
from transcoder.values import TICKS_PER_SECOND

log = structlog.get_logger()


class Wanted(Protocol):
    """What of a profile's `pictures` section is followed. 0 seconds: none of that kind."""

    @property
    def poster_every_s(self) -> int: ...
    @property
    def poster_height(self) -> int: ...
    @property
    def thumbnail_every_s(self) -> int: ...
    @property
    def thumbnail_height(self) -> int: ...


class Schedule:
    """When a still of one kind is due: with the first picture of each period of the timeline.
    Pure."""

    def __init__(self, every_s: int) -> None:
        self._every_ticks = every_s * TICKS_PER_SECOND
        self._due_tick = 0

    def due(self, tick: int) -> bool:
        """Whether the picture at `tick` should become one."""
        return self._every_ticks > 0 and tick >= self._due_tick

    def made(self, tick: int) -> None:
        """It became one: the next is of another period."""
        self._due_tick = (tick // self._every_ticks + 1) * self._every_ticks


class StillMaker:
    """Stills of one epoch, from construction to `close`.

    `offer` belongs to one thread; `made` is called from the maker's. One picture at a time is in
    work, none waits. `spent` hears the seconds of CPU that each took.
    """

    def __init__(
        self,
        wanted: Wanted,
        *,
        show: str,
        epoch: str,
        made: Callable[[Still], None],
        spent: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._show = show
        self._epoch = epoch
        self._made = made
        self._spent = spent
        self._schedules: dict[StillKind, Schedule] = {
            "poster": Schedule(wanted.poster_every_s),
            "thumbnail": Schedule(wanted.thumbnail_every_s),
        }
        self._limits: dict[StillKind, int] = {
            "poster": wanted.poster_height,
            "thumbnail": wanted.thumbnail_height,
        }
        self._job: tuple[VideoFrame, int, tuple[StillKind, ...]] | None = None
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None
        if wanted.poster_every_s or wanted.thumbnail_every_s:
            self._thread = threading.Thread(target=self._work, name="stills")
            self._thread.start()

    def offer(self, picture: Picture, now_tick: int) -> None:
        """A picture has been decoded. It is copied where it is wanted, so that the caller may do
        with it what it likes. One of the future, which is not shown either, is passed over."""
        tick = picture.pts
        if tick > now_tick + AHEAD_TICKS or self._thread is None:
            return
        kinds = tuple(kind for kind, schedule in self._schedules.items() if schedule.due(tick))
        if not kinds or self._busy:
            return
        for kind in kinds:
            self._schedules[kind].made(tick)
        try:
            job = (copied(picture.frame), tick, kinds)
        except (ValueError, MemoryError) as exc:
            log.warning("still_not_made", epoch=self._epoch, error=str(exc))
            return
        with self._changed:
            self._job = job
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread; a still in work is finished first. Again is harmless."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing is in work. False after `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._job is None, timeout_s)

    @property
    def _busy(self) -> bool:
        with self._changed:
            return self._job is not None

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._job or self._closed)
                job = self._job
            if job is None:
                return
            self._make(*job)
            with self._changed:
                self._job = None
                self._changed.notify_all()

    def _make(self, picture: VideoFrame, tick: int, kinds: tuple[StillKind, ...]) -> None:
        started_s = time.thread_time()
        for kind in kinds:
            try:
                self._made(self._still(picture, tick, kind))
            except (MediaError, OSError, ValueError, MemoryError) as exc:
                log.warning("still_not_made", epoch=self._epoch, kind=kind, error=str(exc))
        self._spent(time.thread_time() - started_s)

    def _still(self, picture: VideoFrame, tick: int, kind: StillKind) -> Still:
        image = image_of(picture, self._limits[kind])
        return Still(
            show=self._show,
            epoch=self._epoch,
            kind=kind,
            tick=tick,
            width=image.width,
            height=image.height,
            images=images(image, kind),
        )
