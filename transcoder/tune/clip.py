"""A clip as a host sends it: H.264 without reordering and Opus, on the media timeline from 0.

A clip whose pictures are like that already is taken as it is; any other is encoded anew, close to
lossless, so that what is judged afterwards is our ladder and not this step. The pictures are kept
as a file too (`REFERENCE`), which is what rungs are compared with.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from transcoder.decode import MAX_PIXELS
from transcoder.profiles import MIN_SIDE
from transcoder.tune.errors import TuneError
from transcoder.tune.ffmpeg import Ffmpeg
from transcoder.tune.values import ClipFacts
from transcoder.values import TICKS_PER_SECOND, AccessUnit

REFERENCE = "reference.mp4"
_SOUND = "sound.mka"
_MAKE_S = 600
SOURCE = 1
"""The number of the one publish."""
_MIN_S = 0.5
_MEZZANINE = (
    "-c:v", "libx264", "-preset", "veryfast", "-crf", "12", "-bf", "0", "-g", "60",
    "-pix_fmt", "yuv420p",
    # Sides must be even; what is larger than a source may be is made smaller.
    "-vf", "scale=w='trunc(min(iw,4096)/2)*2':h=-2:flags=bicubic",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A host's access units in order of time, and the file of its pictures."""

    facts: ClipFacts
    units: tuple[AccessUnit, ...]
    folder: Path
    """Where `REFERENCE` is."""

    @property
    def reference(self) -> Path:
        """The pictures as they were sent; picture times in ticks, from 0."""
        return self.folder / REFERENCE


def make_clip(path: Path, *, folder: Path, seconds: float, ffmpeg: Ffmpeg) -> Clip:
    """The first `seconds` of the clip at `path`. Raises `TuneError` when it has no usable video."""
    if not path.is_file():
        raise TuneError(f"There is no clip {path}.")
    as_it_is, has_sound = _looked_at(path)
    codec = ("-c:v", "copy") if as_it_is else _MEZZANINE
    arguments = [
        "-protocol_whitelist", "file,pipe", "-t", f"{seconds:g}", "-i", str(path.absolute()),
        "-map", "0:v:0", "-an", *codec, "-fps_mode", "passthrough",
        "-video_track_timescale", str(TICKS_PER_SECOND), REFERENCE,
    ]  # fmt: skip
    if has_sound:
        arguments += [
            "-map", "0:a:0", "-vn", "-c:a", "libopus", "-b:a", "128k", "-ac", "2",
            "-ar", "48000", "-frame_duration", "20", _SOUND,
        ]  # fmt: skip
    try:
        ffmpeg.run(arguments, folder=folder, timeout_s=_MAKE_S)
    except TuneError as exc:
        if not _has_pictures(folder / REFERENCE):
            raise TuneError(f"{path.name} cannot be read as a video clip ({exc}).") from None
    return load_clip(folder, name=path.name, passed=as_it_is)


def load_clip(folder: Path, *, name: str = "", passed: bool = False) -> Clip:
    """The clip that `make_clip` put into `folder`. Raises `TuneError`."""
    try:
        video, size = _video_units(folder / REFERENCE)
    except av.FFmpegError as exc:
        raise TuneError(f"{name} cannot be read as a video clip ({exc.strerror}).") from None
    if len(video) < 2:
        raise TuneError(f"{name} has no moving picture.")
    step = (video[-1].pts - video[0].pts) / (len(video) - 1)
    duration_s = (video[-1].pts + step) / TICKS_PER_SECOND
    if duration_s < _MIN_S:
        raise TuneError(f"{name} is {duration_s:.2f} s long; {_MIN_S:g} s are the least.")
    width, height = size
    if width * height > MAX_PIXELS or min(size) < MIN_SIDE:
        raise TuneError(
            f"The pictures of {name} have {width}x{height}; at least {MIN_SIDE} on a side and at "
            f"most {MAX_PIXELS:,} pixels can be taken."
        )
    sound = _sound_units(folder / _SOUND, until_tick=video[-1].pts)
    return Clip(
        facts=ClipFacts(
            name=name,
            width=width,
            height=height,
            frames_per_second=TICKS_PER_SECOND / step,
            duration_s=duration_s,
            rate_bps=8 * sum(len(unit.data) for unit in video) / duration_s,
            passed=passed,
        ),
        units=tuple(sorted([*video, *sound], key=lambda unit: unit.pts)),
        folder=folder,
    )


def _looked_at(path: Path) -> tuple[bool, bool]:
    """Whether its pictures can be sent as they are, and whether it has sound."""
    try:
        with av.open(str(path), options={"protocol_whitelist": "file"}) as container:
            return _is_sendable(container), bool(container.streams.audio)
    except (av.FFmpegError, OSError):
        return False, False


def _is_sendable(container: InputContainer) -> bool:
    """H.264 4:2:0, progressive and upright, in order of presentation, of a size that is legal."""
    if not container.streams.video:
        return False
    stream = container.streams.video[0]
    codec = stream.codec_context
    fits = codec.name == "h264" and codec.pix_fmt == "yuv420p" and not codec.has_b_frames
    if not fits or codec.width * codec.height > MAX_PIXELS or codec.width % 2 or codec.height % 2:
        return False
    picture = next(container.decode(stream), None)
    return picture is not None and picture.rotation == 0 and not picture.interlaced_frame


def _has_pictures(path: Path) -> bool:
    """Whether FFmpeg got as far as pictures before it complained, as at a file's torn end."""
    try:
        return path.is_file() and len(_video_units(path)[0]) > 1
    except av.FFmpegError:
        return False


def _video_units(path: Path) -> tuple[list[AccessUnit], tuple[int, int]]:
    with av.open(str(path)) as container:
        if not container.streams.video:
            return [], (0, 0)
        stream = container.streams.video[0]
        units: list[AccessUnit] = []
        for packet in _annexb(container):
            pts = _ticks(packet)
            if pts is None:
                continue
            first = units[0].pts if units else pts
            units.append(_unit("video", pts, data=bytes(packet), keyframe=packet.is_keyframe))
            if pts < first:
                raise TuneError(f"The pictures of {path.name} are out of order.")
        origin = units[0].pts if units else 0
        size = (stream.codec_context.width, stream.codec_context.height)
    return [replace(unit, pts=unit.pts - origin) for unit in units], size


def _annexb(container: InputContainer) -> Iterator["Packet[Stream]"]:
    stream = container.streams.video[0]
    to_annexb = BitStreamFilterContext("h264_mp4toannexb", stream)
    for packet in container.demux(stream):
        if packet.size:
            yield from to_annexb.filter(packet)


def _sound_units(path: Path, *, until_tick: int) -> list[AccessUnit]:
    """The sound as Opus packets; none when the clip has none."""
    try:
        with av.open(str(path)) as container:
            return [
                _unit("audio", pts, data=bytes(packet), keyframe=True)
                for packet in container.demux(container.streams.audio[0])
                if packet.size and (pts := _ticks(packet)) is not None and 0 <= pts <= until_tick
            ]
    except (av.FFmpegError, IndexError, OSError):
        return []


def _ticks(packet: "Packet[Any]") -> int | None:
    if packet.pts is None or packet.time_base is None:
        return None
    return round(packet.pts * packet.time_base * TICKS_PER_SECOND)


def _unit(kind: str, pts: int, *, data: bytes, keyframe: bool) -> AccessUnit:
    return AccessUnit(
        kind="video" if kind == "video" else "audio",
        codec="h264" if kind == "video" else "opus",
        source=SOURCE,
        pts=pts,
        keyframe=keyframe,
        damaged=False,
        data=data,
    )
