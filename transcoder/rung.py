"""One rung's share of a slot: its picture prepared, scaled for the rung below, and encoded.

Everything here belongs to the rung's own thread (`transcoder.ladder`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog
from av.video.frame import VideoFrame

from transcoder.cmaf.video_config import VideoConfig
from transcoder.errors import MediaError
from transcoder.grid import Grid
from transcoder.profiles import RungPlan, Scaler
from transcoder.samples import EncodedPicture, SlotSamples
from transcoder.scale import Fitter, letterbox
from transcoder.slate import SlatePainter

log = structlog.get_logger()


class Encoder(Protocol):
    """What a rung needs of an encoder (`transcoder.encode.RungEncoder`)."""

    @property
    def plan(self) -> RungPlan:
        """As it is kept to: another encoder than planned where its device is missing."""
        ...

    @property
    def config(self) -> VideoConfig:
        """What the init section says of its pictures."""
        ...

    def encode(self, frame: VideoFrame, *, slot: int, idr: bool) -> EncodedPicture:
        """The sample of `slot`, which shows `frame` (already of the rung's size)."""
        ...

    def boost(self, percent: int | None) -> None:
        """Raise the bitrate by so much within its maximum; None: as the profile has it."""
        ...


MakeEncoder = Callable[[RungPlan, Grid], Encoder]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One slot to encode. `picture` None is the slate, which the top rung draws."""

    slot: int
    picture: VideoFrame | None
    idr: bool
    """A keyframe in every rung, dozing ones included."""
    part_start: bool
    """A part begins with it: every rung has a picture."""
    skip: bool = False
    """No rung has a picture: the one before stands on. Not with `idr` or `part_start`."""

    def __post_init__(self) -> None:
        if self.skip and (self.idr or self.part_start):
            raise ValueError(f"slot {self.slot} begins a part or a keyframe and cannot be skipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A job on its way down the rungs, each known by its index."""

    job: Job
    picture: VideoFrame | None
    """The job's for the top rung; for each other what the one above has scaled for it, None where
    no rung from there on encodes the slot."""
    busy: int
    """How many rungs, counted from the top, reach down to the last that encodes the slot."""
    dozing: frozenset[int]
    boost_percent: int | None


class RungAtWork:
    """The rung `plans[index]`, from the first task to the last."""

    def __init__(
        self,
        index: int,
        plans: Sequence[RungPlan],
        scaler: Scaler,
        slate: SlatePainter,
        encoder: Encoder,
    ) -> None:
        self._index = index
        self._encoder = encoder
        self._top = _TopPictures(plans[0], scaler, slate) if index == 0 else None
        below = plans[index + 1 : index + 2]
        self._below = _CachedFitter(below[0], scaler, copy=True) if below else None
        self._boost_percent: int | None = None

    def prepare(self, task: Task) -> VideoFrame | None:
        """The picture of the rung's size; None where neither it nor any below encodes the slot."""
        if self._index >= task.busy:
            return None
        picture = self._top(task.picture) if self._top else task.picture
        if picture is None:
            raise MediaError(f"slot {task.job.slot} came down without a picture")
        return picture

    def task_below(self, task: Task, picture: VideoFrame | None) -> Task:
        """The same for the next rung."""
        needed = picture is not None and self._index + 1 < task.busy
        fitted = self._below.fit(picture) if needed and self._below and picture else None
        return replace(task, picture=fitted)

    def encode(self, task: Task, picture: VideoFrame | None) -> SlotSamples:
        """What the rung makes of the slot, which may be nothing."""
        slot = task.job.slot
        if picture is None or self._index in task.dozing:
            return SlotSamples(slot=slot, pictures=())
        if task.boost_percent != self._boost_percent:
            self._encoder.boost(task.boost_percent)
            self._boost_percent = task.boost_percent
        encoded = self._encoder.encode(picture, slot=slot, idr=task.job.idr)
        return SlotSamples(slot=slot, pictures=(encoded,))


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


class _TopPictures:
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
