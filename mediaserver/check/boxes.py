"""Fragmented MP4 as a judge reads it: tracks, samples, event messages, and what is wrong.

The boxes themselves are read by `transcoder.cmaf.reader` and `runs`, which know nothing of what
writes them. Nothing is raised: what cannot be read is a `Fault`, under the rule that it breaks.
"""

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from transcoder.cmaf.aac import parse_asc
from transcoder.cmaf.avc import holds_idr
from transcoder.cmaf.reader import Box, read_boxes
from transcoder.cmaf.runs import Run, Sample, Track, read_fragments, read_init
from transcoder.cmaf.sps import parse_sps
from transcoder.errors import MediaError

_U32 = struct.Struct(">I")
_EMSG_V1 = struct.Struct(">IQII")
_EMSG_V0 = struct.Struct(">IIII")
_BASE_DATA_OFFSET, _BASE_IS_MOOF = 0x01, 0x02_0000
_BEFORE_MOOF = ("styp", "prft", "sidx", "emsg", "free", "skip", "uuid")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that breaks a rule, as a sentence without its subject."""

    rule: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InitTrack:
    """One track of an init section."""

    track: Track
    codec: str
    """RFC 6381, as far as it can be told; else the sample entry's four characters."""
    exact: bool
    """`codec` is all that CODECS may say."""
    width: int
    height: int
    edits: tuple[tuple[int, int], ...]
    """Duration and media time of each edit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Init:
    """An init section."""

    brands: tuple[str, ...]
    tracks: tuple[InitTrack, ...]
    faults: tuple[Fault, ...]

    def of(self, handler: str) -> InitTrack | None:
        """The first track of that kind: ``vide`` or ``soun``."""
        return next((each for each in self.tracks if each.track.handler == handler), None)

    @property
    def lead(self) -> InitTrack | None:
        """The track that decides durations and segment starts."""
        return self.of("vide") or self.of("soun")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An `emsg` box of either version."""

    version: int
    flags: int
    scheme: str
    value: str
    timescale: int
    time: int
    """Presentation time (v1) or its delta (v0), in `timescale`."""
    duration: int
    id: int
    message: bytes
    in_place: bool
    """Before a `moof`."""
    fragment: int
    """Index of the fragment that it belongs to."""

    @property
    def id3(self) -> bool:
        """Whether it means to carry an ID3 tag."""
        return "id3" in self.scheme.lower() or self.message[:3] == b"ID3"

    @property
    def time_s(self) -> float:
        """The presentation time in seconds."""
        return self.time / (self.timescale or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One track's samples in a part or segment, all fragments together."""

    track: int
    start: int
    """First decode time."""
    duration: int
    samples: tuple[Sample, ...]
    idr: tuple[bool | None, ...]
    """For each sample whether it is an IDR picture; None where that cannot be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A part or a segment."""

    spans: dict[int, Span]
    """By track id."""
    fragments: tuple[dict[int, tuple[int, int]], ...]
    """Of each fragment: first and last decode time of each track."""
    events: tuple[Event, ...]
    faults: tuple[Fault, ...]

    def span(self, track: InitTrack | None) -> Span | None:
        """The samples of that track."""
        return None if track is None else self.spans.get(track.track.track)


def inspect_init(data: bytes) -> Init:
    """What an init section says, and MP-01."""
    try:
        boxes = read_boxes(data)
        tracks = tuple(_track(track, trak) for track, trak in _traks(data, boxes))
        faults = tuple(Fault("MP-01", what) for what in _wrong_init(boxes, tracks))
        brands = _brands(boxes)
    except MediaError as exc:
        return Init(brands=(), tracks=(), faults=(Fault("MP-01", f"cannot be read: {exc}"),))
    return Init(brands=brands, tracks=tracks, faults=faults)


def inspect_media(data: bytes, init: Init) -> Media:
    """What a part or segment holds by its init section, and MP-03, MP-04, MP-12."""
    faults: list[Fault] = []
    try:
        boxes = read_boxes(data)
        faults += _wrong_order(boxes)
        faults += _wrong_headers(boxes, init)
        read = read_fragments(data, tuple(each.track for each in init.tracks))
    except MediaError as exc:
        rule = "MP-04" if "tfdt" in str(exc) else "MP-03"
        faults.append(Fault(rule, f"cannot be read: {exc}"))
        return Media(spans={}, fragments=(), events=(), faults=tuple(faults))
    spans = _spans([run for fragment in read for run in fragment.runs], data, init, faults)
    fragments = tuple(
        {run.track: (run.decode_time, run.decode_time + run.duration) for run in fragment.runs}
        for fragment in read
    )
    return Media(
        spans=spans, fragments=fragments, events=tuple(_events(boxes)), faults=tuple(faults)
    )


def _traks(data: bytes, boxes: tuple[Box, ...]) -> Iterator[tuple[Track, Box]]:
    tracks = read_init(data)
    moov = next(box for box in boxes if box.kind == "moov")
    yield from zip(tracks, moov.all("trak"), strict=True)


def _brands(boxes: tuple[Box, ...]) -> tuple[str, ...]:
    body = boxes[0].payload
    names = [body[:4], *(body[at : at + 4] for at in range(8, len(body) - 3, 4))]
    return tuple(name.decode("latin-1") for name in names)


def _track(track: Track, trak: Box) -> InitTrack:
    codec, exact, width, height = track.entry.kind, False, 0, 0
    avcc, esds = track.entry.find("avcC"), track.entry.find("esds")
    if avcc is not None and len(avcc.payload) > 8:
        body = avcc.payload
        sps = parse_sps(body[8 : 8 + int.from_bytes(body[6:8])])
        codec, exact = f"{track.entry.kind}.{body[1:4].hex()}", True
        width, height = sps.width, sps.height
    elif esds is not None:
        object_type = _object_type(esds.payload[4:])
        if object_type is not None:
            codec, exact = f"mp4a.40.{object_type}", True
    return InitTrack(
        track=track, codec=codec, exact=exact, width=width, height=height, edits=_edits(trak)
    )


def _edits(trak: Box) -> tuple[tuple[int, int], ...]:
    elst = trak.find("edts", "elst")
    if elst is None:
        return ()
    long = elst.unpack(_U32, 0)[0] >> 24 == 1
    layout = struct.Struct(">QqI" if long else ">IiI")
    count = min(elst.unpack(_U32, 4)[0], 100)
    entries = (elst.unpack(layout, 8 + at * layout.size) for at in range(count))
    return tuple((duration, time) for duration, time, _ in entries)


def _object_type(descriptors: bytes) -> int | None:
    """The audio object type in an `esds` (ISO/IEC 14496-1 §7.2.6): ES → decoder → specific."""
    at = 0
    for tag, head in ((3, 3), (4, 13), (5, 0)):
        if at >= len(descriptors) or descriptors[at] != tag:
            return None
        at += 1
        while at < len(descriptors) and descriptors[at] & 0x80:
            at += 1
        at += 1 + head
    return parse_asc(descriptors[at : at + 16]).object_type


def _wrong_init(boxes: tuple[Box, ...], tracks: tuple[InitTrack, ...]) -> Iterator[str]:
    handlers = [each.track.handler for each in tracks]
    if handlers.count("vide") > 1 or handlers.count("soun") > 1 or not handlers:
        yield f"has tracks {', '.join(handlers) or 'none'}: one video and one audio at most"
    if len({each.track.track for each in tracks}) != len(tracks):
        yield "has two tracks of one id"
    moov = next(box for box in boxes if box.kind == "moov")
    for trak in moov.all("trak"):
        for kind, at in (("stts", 4), ("stsc", 4), ("stsz", 8), ("stco", 4)):
            table = trak.find("mdia", "minf", "stbl", kind)
            if table is not None and table.unpack(_U32, at)[0]:
                yield f"has samples in {kind}: they belong into fragments"


def _wrong_order(boxes: tuple[Box, ...]) -> Iterator[Fault]:
    """MP-03: each `moof` is followed by its `mdat`."""
    kinds = [box.kind for box in boxes if box.kind not in _BEFORE_MOOF]
    if not kinds:
        yield Fault("MP-03", "holds no fragment")
    for index, kind in enumerate(kinds):
        if kind != ("moof", "mdat")[index % 2]:
            yield Fault("MP-03", f"holds {kind!r} where a moof and its mdat alternate")
            return
    if len(kinds) % 2:
        yield Fault("MP-03", "ends with a moof that has no mdat")


def _wrong_headers(boxes: tuple[Box, ...], init: Init) -> Iterator[Fault]:
    """MP-04: what each `tfhd` says, and that there is a `tfdt`."""
    known = {each.track.track for each in init.tracks}
    for moof in (box for box in boxes if box.kind == "moof"):
        for traf in moof.all("traf"):
            flags, track = traf.need("tfhd").unpack(struct.Struct(">II"), 0)
            if flags & _BASE_DATA_OFFSET or not flags & _BASE_IS_MOOF:
                yield Fault("MP-04", "gives a base data offset instead of default-base-is-moof")
            if known and track not in known:
                yield Fault("MP-04", f"has samples of track {track}, which the init lacks")


def _spans(runs: list[Run], data: bytes, init: Init, faults: list[Fault]) -> dict[int, Span]:
    spans: dict[int, Span] = {}
    video = init.of("vide")
    for track in {run.track for run in runs}:
        mine = [run for run in runs if run.track == track]
        for before, after in itertools.pairwise(mine):
            if before.decode_time + before.duration != after.decode_time:
                faults.append(Fault("MP-05", f"jumps in track {track} from fragment to fragment"))
        samples = tuple(sample for run in mine for sample in run.samples)
        is_avc = (
            video is not None
            and video.track.track == track
            and video.track.entry.kind in ("avc1", "avc3")
        )
        idr = tuple(_idr(sample, data) if is_avc else None for sample in samples)
        if any(i is not None and i != s.sync for i, s in zip(idr, samples, strict=True)):
            faults.append(Fault("MP-12", "flags samples as sync that are no IDR, or not those"))
        spans[track] = Span(
            track=track,
            start=mine[0].decode_time,
            duration=sum(run.duration for run in mine),
            samples=samples,
            idr=idr,
        )
    return spans


def _idr(sample: Sample, data: bytes) -> bool | None:
    try:
        return holds_idr(data[sample.offset : sample.offset + sample.size])
    except MediaError:
        return None


def _events(boxes: tuple[Box, ...]) -> Iterator[Event]:
    fragment = 0
    for index, box in enumerate(boxes):
        fragment += box.kind == "moof"
        if box.kind == "emsg":
            rest = (each.kind for each in boxes[index + 1 :] if each.kind not in _BEFORE_MOOF)
            yield _event(box, fragment, in_place=next(rest, "") == "moof")


def _event(box: Box, fragment: int, *, in_place: bool) -> Event:
    body = box.payload
    version, flags = (body[0], int.from_bytes(body[1:4])) if len(body) >= 4 else (0, 0)
    numbers, texts = (0, 0, 0, 0), b""
    if version == 1 and len(body) >= 4 + _EMSG_V1.size:
        numbers, texts = _EMSG_V1.unpack_from(body, 4), body[4 + _EMSG_V1.size :]
        scheme, _, rest = texts.partition(b"\0")
        value, _, message = rest.partition(b"\0")
    else:
        scheme, _, rest = body[4:].partition(b"\0")
        value, _, rest = rest.partition(b"\0")
        message = rest[_EMSG_V0.size :]
        if len(rest) >= _EMSG_V0.size:
            numbers = _EMSG_V0.unpack_from(rest)
    timescale, time, duration, number = numbers
    return Event(
        version=version,
        flags=flags,
        scheme=scheme.decode("utf-8", "replace"),
        value=value.decode("utf-8", "replace"),
        timescale=timescale,
        time=time,
        duration=duration,
        id=number,
        message=message,
        in_place=in_place,
        fragment=fragment,
    )
