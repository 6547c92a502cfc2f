"""What the boxes say: the tracks of an init section, and the timed samples of its fragments.

It reads any muxed or unmuxed fMP4, not only ours, and raises nothing but `MediaError`.
"""

import bisect
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from transcoder.cmaf.reader import Box, read_boxes
from transcoder.errors import MediaError

MAX_SAMPLES = 100_000
"""Of one reading: a sample may take no byte of a `trun`, so the bytes bound nothing."""

_U32 = struct.Struct(">I")
_U64 = struct.Struct(">Q")
_I32 = struct.Struct(">i")
_TREX = struct.Struct(">IIIII")
_NON_SYNC = 0x1_0000

# tfhd (§8.8.7.1)
_BASE_DATA_OFFSET, _DESCRIPTION, _DURATION, _SIZE, _FLAGS = 0x01, 0x02, 0x08, 0x10, 0x20
_BASE_IS_MOOF = 0x02_0000
# trun (§8.8.8.1)
_DATA_OFFSET, _FIRST_FLAGS = 0x01, 0x04
_EACH_DURATION, _EACH_SIZE, _EACH_FLAGS, _EACH_OFFSET = 0x100, 0x200, 0x400, 0x800


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What samples have where their run does not say it."""

    duration: int
    size: int
    flags: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A track of an init section."""

    track: int
    handler: str
    """``vide``, ``soun`` and so on."""
    timescale: int
    entry: Box
    """Its first sample entry, with the codec's configuration among the children."""
    defaults: Defaults
    edits: bool
    """It has an edit list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One sample of a fragment."""

    time: int
    """Decode time in the track's timescale."""
    duration: int
    composition_offset: int
    sync: bool
    offset: int
    """Of its first byte, in the data that was read."""
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one fragment holds of one track."""

    track: int
    decode_time: int
    base_is_moof: bool
    samples: tuple[Sample, ...]

    @property
    def duration(self) -> int:
        """The sum of its samples' durations."""
        return sum(sample.duration for sample in self.samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """One `moof` with its `mdat`."""

    sequence: int
    runs: tuple[Run, ...]


def read_init(data: bytes) -> tuple[Track, ...]:
    """The tracks of an init section. Raises `MediaError`."""
    boxes = read_boxes(data)
    moov = next((box for box in boxes if box.kind == "moov"), None)
    if not boxes or boxes[0].kind != "ftyp" or moov is None:
        raise MediaError("an init section is an 'ftyp' and a 'moov'")
    defaults: dict[int, Defaults] = {}
    for trex in moov.need("mvex").all("trex"):
        track, _, duration, size, flags = trex.unpack(_TREX, 4)
        defaults[track] = Defaults(duration=duration, size=size, flags=flags)
    return tuple(_track(trak, defaults) for trak in moov.all("trak"))


def read_fragments(data: bytes, tracks: tuple[Track, ...] = ()) -> tuple[Fragment, ...]:
    """The fragments of a part or segment; `tracks` give the defaults that it leaves out.

    Raises `MediaError`, also when a sample lies outside of every `mdat`.
    """
    boxes = read_boxes(data)
    mdats = [box for box in boxes if box.kind == "mdat"]
    defaults = {track.track: track.defaults for track in tracks}
    fragments = []
    left = MAX_SAMPLES
    for box in boxes:
        if box.kind == "moof":
            fragments.append(_fragment(box, defaults, left))
            left -= sum(len(run.samples) for run in fragments[-1].runs)
    for fragment in fragments:
        for run in fragment.runs:
            _check_places(run, mdats)
    return tuple(fragments)


def _check_places(run: Run, mdats: list[Box]) -> None:
    starts = [mdat.start + mdat.head for mdat in mdats]
    for sample in run.samples:
        index = bisect.bisect_right(starts, sample.offset) - 1
        end = sample.offset + sample.size
        if index < 0 or end > mdats[index].start + mdats[index].size:
            raise MediaError(f"a sample at {sample.offset}, {sample.size} bytes, is in no 'mdat'")


def _track(trak: Box, defaults: Mapping[int, Defaults]) -> Track:
    tkhd, mdhd = trak.need("tkhd"), trak.need("mdia", "mdhd")
    (track,) = tkhd.unpack(_U32, 20 if _version(tkhd) else 12)
    (timescale,) = mdhd.unpack(_U32, 20 if _version(mdhd) else 12)
    entries = trak.need("mdia", "minf", "stbl", "stsd").children
    if not entries or not timescale or track not in defaults:
        raise MediaError(f"track {track} lacks a sample entry, a timescale or a 'trex'")
    return Track(
        track=track,
        handler=trak.need("mdia", "hdlr").payload[8:12].decode("latin-1"),
        timescale=timescale,
        entry=entries[0],
        defaults=defaults[track],
        edits=trak.find("edts", "elst") is not None,
    )


def _fragment(moof: Box, defaults: Mapping[int, Defaults], left: int) -> Fragment:
    (sequence,) = moof.need("mfhd").unpack(_U32, 4)
    runs = []
    for traf in moof.all("traf"):
        runs.append(_run(traf, moof.start, defaults, left))
        left -= len(runs[-1].samples)
    return Fragment(sequence=sequence, runs=tuple(runs))


def _run(traf: Box, moof_start: int, defaults: Mapping[int, Defaults], left: int) -> Run:
    tfhd, tfdt = traf.need("tfhd"), traf.need("tfdt")
    track, base, own = _header(tfhd, moof_start, defaults)
    (decode_time,) = tfdt.unpack(_U64 if _version(tfdt) else _U32, 4)
    samples: list[Sample] = []
    time, offset = decode_time, base
    for trun in traf.all("trun"):
        found = _samples(trun, time, base, offset, own, left - len(samples))
        samples += found
        if found:
            time = found[-1].time + found[-1].duration
            offset = found[-1].offset + found[-1].size
    return Run(
        track=track,
        decode_time=decode_time,
        base_is_moof=bool(_flags(tfhd) & _BASE_IS_MOOF),
        samples=tuple(samples),
    )


def _header(
    tfhd: Box, moof_start: int, defaults: Mapping[int, Defaults]
) -> tuple[int, int, Defaults]:
    """Track, base of the data offsets, and defaults; without a base given it is the `moof`."""
    flags = _flags(tfhd)
    (track,) = tfhd.unpack(_U32, 4)
    at, base = 8, moof_start
    if flags & _BASE_DATA_OFFSET:
        (base,) = tfhd.unpack(_U64, at)
        at += 8
    if flags & _DESCRIPTION:
        at += 4
    movie = defaults.get(track, Defaults(duration=0, size=0, flags=0))
    values = [movie.duration, movie.size, movie.flags]
    for index, bit in enumerate((_DURATION, _SIZE, _FLAGS)):
        if flags & bit:
            (values[index],) = tfhd.unpack(_U32, at)
            at += 4
    return track, base, Defaults(duration=values[0], size=values[1], flags=values[2])


def _samples(
    trun: Box, time: int, base: int, offset: int, defaults: Defaults, left: int
) -> list[Sample]:
    flags = _flags(trun)
    (count,) = trun.unpack(_U32, 4)
    if count > left:
        raise MediaError(f"there are more than {MAX_SAMPLES} samples")
    at = 8
    if flags & _DATA_OFFSET:
        offset = base + trun.unpack(_I32, at)[0]
        at += 4
    first_flags = defaults.flags
    if flags & _FIRST_FLAGS:
        (first_flags,) = trun.unpack(_U32, at)
        at += 4
    samples = []
    for index in range(count):
        values = [defaults.duration, defaults.size, defaults.flags if index else first_flags, 0]
        for place, bit in enumerate((_EACH_DURATION, _EACH_SIZE, _EACH_FLAGS, _EACH_OFFSET)):
            if flags & bit:
                signed = bit == _EACH_OFFSET and _version(trun) == 1
                (values[place],) = trun.unpack(_I32 if signed else _U32, at)
                at += 4
        duration, size, sample_flags, composition_offset = values
        samples.append(
            Sample(
                time=time,
                duration=duration,
                composition_offset=composition_offset,
                sync=not sample_flags & _NON_SYNC,
                offset=offset,
                size=size,
            )
        )
        time += duration
        offset += size
    return samples


def _version(full: Box) -> int:
    return full.unpack(_U32, 0)[0] >> 24


def _flags(full: Box) -> int:
    return full.unpack(_U32, 0)[0] & 0xFF_FFFF
