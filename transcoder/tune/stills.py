"""Crops of stills, side by side: the place with the most detail, of the source and of every rung.

Every crop is at the source's size, the rungs scaled up as a player on that screen would.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from numpy.typing import NDArray
from PIL import Image

from transcoder.tune.clip import Clip
from transcoder.tune.show import Rendition
from transcoder.tune.values import Still
from transcoder.values import TICKS_PER_SECOND

_WIDTH, _HEIGHT = 360, 270
_QUALITY = 90
_LOOKED_AT = 12
_BLOCK = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is cropped: a time in ticks of the clip, and a rectangle of the source's picture."""

    pts: int
    left: int
    top: int
    width: int
    height: int


def find_place(clip: Clip) -> tuple[Place, Still]:
    """Where the clip has the most detail, and the source's still of it."""
    duration = round(clip.facts.duration_s * TICKS_PER_SECOND)
    wanted = [duration * (2 * n + 1) // (2 * _LOOKED_AT) for n in range(_LOOKED_AT)]
    best: tuple[float, Place, VideoFrame] | None = None
    for pts, frame in _pictures(clip.reference, wanted):
        luma = _luma(frame)
        width, height = min(_WIDTH, frame.width), min(_HEIGHT, frame.height)
        detail, left, top = busiest(luma, width, height)
        if best is None or detail > best[0]:
            place = Place(pts=pts, left=left, top=top, width=width, height=height)
            best = (detail, place, frame)
    if best is None:
        raise ValueError("the clip has no pictures")
    _, place, frame = best
    facts = clip.facts
    still = _still(frame, place, facts.width, facts.height, profile_name="", rung="")
    return place, still


def still_of(rendition: Rendition, place: Place, clip: Clip, *, profile_name: str) -> Still | None:
    """The same place of a rung; None when its pictures do not reach so far."""
    # A slot shows the source's picture whose time is nearest: half a slot later it surely stands.
    half_slot = TICKS_PER_SECOND // rendition.init.frames_per_second // 2
    found = list(_pictures(rendition.file, [place.pts + half_slot]))
    if not found:
        return None
    return _still(
        found[0][1],
        place,
        clip.facts.width,
        clip.facts.height,
        profile_name=profile_name,
        rung=rendition.init.rendition,
    )


def busiest(luma: NDArray[np.uint8], width: int, height: int) -> tuple[float, int, int]:
    """The detail of the rectangle of `width` x `height` that has the most, its left and its top.

    Detail is the mean difference of neighbouring pixels; places lie on a grid of 16 pixels.
    """
    grey = luma.astype(np.int32)
    detail = np.zeros(grey.shape, dtype=np.int64)
    detail[:, 1:] += np.abs(np.diff(grey, axis=1))
    detail[1:, :] += np.abs(np.diff(grey, axis=0))
    sums = np.pad(detail.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    rows = np.arange(0, max(1, grey.shape[0] - height + 1), _BLOCK)
    columns = np.arange(0, max(1, grey.shape[1] - width + 1), _BLOCK)
    bottom, right = (
        np.minimum(rows + height, grey.shape[0]),
        np.minimum(columns + width, grey.shape[1]),
    )
    inside = (
        sums[np.ix_(bottom, right)]
        - sums[np.ix_(rows, right)]
        - sums[np.ix_(bottom, columns)]
        + sums[np.ix_(rows, columns)]
    )
    row, column = np.unravel_index(int(inside.argmax()), inside.shape)
    share = float(inside[row, column]) / (width * height)
    return share, int(columns[column]), int(rows[row])


def _pictures(path: Path, wanted: Sequence[int]) -> Iterator[tuple[int, VideoFrame]]:
    """The picture that stands at each of the wanted times (ascending, ticks), with its own time."""
    waiting = list(wanted)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        last: tuple[int, VideoFrame] | None = None
        for frame in container.decode(stream):
            if frame.pts is None or frame.time_base is None:
                continue
            pts = round(frame.pts * frame.time_base * TICKS_PER_SECOND)
            while waiting and last is not None and waiting[0] < pts:
                waiting.pop(0)
                yield last
            last = (pts, frame)
            if not waiting:
                return
        if waiting and last is not None:
            yield last


def _luma(frame: VideoFrame) -> NDArray[np.uint8]:
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]


def _still(
    frame: VideoFrame, place: Place, width: int, height: int, *, profile_name: str, rung: str
) -> Still:
    large = frame.reformat(width, height, "rgb24", interpolation=Interpolation.BICUBIC, threads=1)
    box = (place.left, place.top, place.left + place.width, place.top + place.height)
    out = io.BytesIO()
    Image.fromarray(large.to_ndarray()).crop(box).save(out, "WEBP", quality=_QUALITY)
    return Still(
        profile_name=profile_name,
        rung=rung,
        width=place.width,
        height=place.height,
        webp=out.getvalue(),
    )
