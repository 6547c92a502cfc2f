"""One publish's video: access units in, pictures out that are fit to be shown.

A decoder does not say when a picture refers to one that never came: it conceals and smears. So
`ShowGate` (pure) follows what was lost and decides what is shown; `SourceDecoder` is the codec
around it. One decoder lives as long as its source and codec, on the thread that feeds it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import av
import structlog
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from transcoder.orientation import upright
from transcoder.profiles import MAX_SIDE, MIN_SIDE
from transcoder.values import AccessUnit

log = structlog.get_logger()

HOLD_NS = 2_000_000_000
"""The last good picture is held no longer than this when no keyframe comes."""
KEYFRAME_EVERY_NS = 500_000_000
"""At most two keyframe requests a second."""
MAX_PIXELS = 4096 * 2304
"""Larger pictures are refused by the decoder: memory is bounded, the headers are a stranger's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A decoded picture and its time in ticks."""

    pts: int
    frame: VideoFrame


Verdict = Literal["skip", "hide", "show"]
"""Of an access unit: do not decode it, decode it unseen, show what comes of it."""


class ShowGate:
    """Whether to decode the next access unit, and whether to show what comes of it.

    Closed until the first keyframe: nothing is decoded. Then open; a damaged unit or a decode
    error shuts it, and decoding goes on unseen behind the last good picture until a keyframe
    comes, or for `HOLD_NS`: then smeared pictures are shown, since they are better than none, and
    further damage no longer shuts the gate before a keyframe has come.
    """

    def __init__(self) -> None:
        self._state: Literal["waiting", "open", "shut", "smeared"] = "waiting"
        self._shut_since_ns = 0

    @property
    def needs_keyframe(self) -> bool:
        """True while decoding would be better for a keyframe."""
        return self._state != "open"

    def admit(self, *, keyframe: bool, damaged: bool, now_ns: int) -> Verdict:
        """What to do with the next access unit."""
        if keyframe:
            self._state = "open"
        elif self._state == "open" and damaged:
            self.failed(now_ns)
        elif self._state == "shut" and now_ns - self._shut_since_ns >= HOLD_NS:
            self._state = "smeared"
        if self._state == "waiting":
            return "skip"
        return "hide" if self._state == "shut" else "show"

    def failed(self, now_ns: int) -> None:
        """The decoder refused a unit."""
        if self._state == "open":
            self._state, self._shut_since_ns = "shut", now_ns


class KeyframeAsker:
    """Spaces keyframe requests: one at once, then one each `every_ns` while needed."""

    def __init__(self, every_ns: int = KEYFRAME_EVERY_NS) -> None:
        self._every_ns = every_ns
        self._next_ns: int | None = None

    def ask(self, *, needed: bool, now_ns: int) -> bool:
        """True when a request is to be sent now."""
        if not needed or (self._next_ns is not None and now_ns < self._next_ns):
            return False
        self._next_ns = now_ns + self._every_ns
        return True


class SourceDecoder:
    """Decodes the H.264 or VP8 of one source. Never raises for what a stranger sent.

    `on_error` is called for each access unit that the codec refuses.
    """

    def __init__(self, source: int, *, on_error: Callable[[], None]) -> None:
        self.source = source
        self._on_error = on_error
        self._gate = ShowGate()
        self._asker = KeyframeAsker()
        self._codec: VideoCodecContext | None = None
        self._codec_name = ""
        self._broken = False

    def wants_keyframe(self, now_ns: int) -> bool:
        """True when a keyframe should be asked for now; at most twice a second."""
        return self._asker.ask(needed=self._gate.needs_keyframe, now_ns=now_ns)

    def decode(self, unit: AccessUnit, now_ns: int) -> list[Picture]:
        """The pictures to show that `unit` completes: one as a rule, none, rarely several."""
        if unit.codec != self._codec_name:
            self._codec, self._codec_name, self._gate = None, unit.codec, ShowGate()
        verdict = self._gate.admit(keyframe=unit.keyframe, damaged=unit.damaged, now_ns=now_ns)
        if verdict == "skip":
            return []
        if self._codec is None or (self._broken and unit.keyframe):
            self._codec, self._broken = _open_decoder(unit.codec), False
        try:
            pictures = list(_decoded(self._codec, unit))
        except (av.FFmpegError, ValueError, MemoryError) as exc:
            self._on_error()
            self._broken = True
            self._gate.failed(now_ns)
            log.debug("access_unit_undecodable", source=self.source, error=str(exc))
            return []
        return pictures if verdict == "show" else []


def _open_decoder(codec: str) -> VideoCodecContext:
    context = av.CodecContext.create(codec, "r")
    if not isinstance(context, VideoCodecContext):
        raise TypeError(f"{codec} is no video codec")
    context.thread_count = 1
    context.flags |= Flags.low_delay
    context.options = {"max_pixels": str(MAX_PIXELS)}
    return context


def _decoded(codec: VideoCodecContext, unit: AccessUnit) -> Iterator[Picture]:
    if not unit.data:
        raise ValueError("to the codec an empty packet is the end of the stream")
    packet = av.Packet(unit.data)
    packet.pts = packet.dts = unit.pts
    for frame in codec.decode(packet):
        if min(frame.width, frame.height) < MIN_SIDE or max(frame.width, frame.height) > MAX_SIDE:
            raise ValueError(f"a picture of {frame.width}x{frame.height} is of no use")
        pts = unit.pts if frame.pts is None else frame.pts
        yield Picture(pts=pts, frame=upright(frame))
