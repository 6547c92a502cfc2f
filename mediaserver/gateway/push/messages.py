"""What media push says and hears, in msgpack (`docs/media-push.md`). Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from mediaserver.gateway.event_frames import BadMessage, frame
from transcoder.values import TICKS_PER_SECOND, InitSection, Part

MAX_BUFFER_MS = 10_000
DEFAULT_BUFFER_MS = 500
DEFAULT_MAX_BPS = 2_000_000

OverReason = Literal["ended", "unknown"]
SkipReason = Literal["slow", "lost"]

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """What a client asks for; what it leaves out has the value that suits a page just opened."""

    epoch: _Name | None = None
    """None: the one that the show names."""
    rendition: _Name | None = None
    """None: the server chooses by `max_bps`."""
    max_bps: _Count = DEFAULT_MAX_BPS
    buffer_ms: int = DEFAULT_BUFFER_MS
    at: _Count | Literal["live"] = "live"
    """The number of the part to go on with."""

    @property
    def buffer_ticks(self) -> int:
        """`buffer_ms` within its bounds, on the media timeline."""
        return min(max(self.buffer_ms, 0), MAX_BUFFER_MS) * TICKS_PER_SECOND // 1000


def parse_subscribe(message: Mapping[str, Any]) -> Subscribe:
    """A client's `subscribe`. Keys that are not known are passed over. Raises `BadMessage`."""
    try:
        return msgspec.convert(message, Subscribe)
    except msgspec.ValidationError as exc:
        raise BadMessage(f"no subscribe of this protocol: {exc}") from None


def renditions(epoch: str, inits: Iterable[InitSection]) -> bytes:
    """What there is to choose from, best first."""
    return _framed(
        {
            "type": "renditions",
            "epoch": epoch,
            "renditions": [
                {
                    "name": init.rendition,
                    "codecs": init.codecs,
                    "width": init.width,
                    "height": init.height,
                    "fps": init.frames_per_second,
                    "bandwidth": init.bandwidth_bps,
                    "average_bandwidth": init.average_bandwidth_bps,
                }
                for init in inits
            ],
        }
    )


def subscribed(
    *, epoch: str, rendition: str, number: int, buffer_ticks: int, part_ticks: int
) -> bytes:
    """From part `number` on it is this rendition."""
    return _framed(
        {
            "type": "subscribed",
            "epoch": epoch,
            "rendition": rendition,
            "number": number,
            "buffer_ms": _ms(buffer_ticks),
            "part_ms": _ms(part_ticks),
        }
    )


def init(section: InitSection) -> bytes:
    """What decodes the parts that follow."""
    return _framed(
        {
            "type": "init",
            "epoch": section.epoch,
            "rendition": section.rendition,
            "generation": section.generation,
            "codecs": section.codecs,
            "width": section.width,
            "height": section.height,
            "data": section.data,
        }
    )


def part(made: Part, *, discontinuity: bool) -> bytes:
    """A part, its bytes being those of ``part-{number}.m4s``."""
    return _framed(
        {
            "type": "part",
            "epoch": made.epoch,
            "rendition": made.rendition,
            "generation": made.generation,
            "number": made.number,
            "msn": made.msn,
            "index": made.index,
            "decode_time": made.decode_time,
            "duration": made.duration,
            "independent": made.independent,
            "discontinuity": discontinuity,
            "data": made.data,
        }
    )


def skipped(first: int, last: int, reason: SkipReason) -> bytes:
    """Parts `first` to `last`, both included, are not coming."""
    return _framed({"type": "skipped", "from": first, "to": last, "reason": reason})


def media_over(reason: OverReason) -> bytes:
    """The subscription is over."""
    return _framed({"type": "media_over", "reason": reason})


def _framed(message: Mapping[str, Any]) -> bytes:
    return frame(message, "msgpack")


def _ms(ticks: int) -> int:
    return round(ticks * 1000 / TICKS_PER_SECOND)
