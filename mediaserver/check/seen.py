"""Everything that was seen of an origin: what the rules judge.

Filled by `observe` and `probes`, then only read. Bodies of media are kept up to `MAX_KEPT_BYTES` a
rendition, for comparing and decoding; beyond it their digests remain.
"""

import hashlib
from dataclasses import dataclass, field

from mediaserver.check.boxes import Init, InitTrack, Media, Span
from mediaserver.check.fetch import Reply
from mediaserver.check.playlist import MediaPlaylist, Multivariant, Ref, Segment, Variant

MAX_KEPT_BYTES = 48 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload:
    """A media playlist as it was fetched once."""

    reply: Reply
    playlist: MediaPlaylist | None
    """None unless it was answered with 200."""
    target: tuple[int, int | None] | None
    """Media sequence number and part that were asked for; None for a plain one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part or a segment, as it was listed and as it came."""

    segment: Segment
    """As it was listed when this was fetched."""
    index: int | None
    """Of the part; None for the whole segment."""
    duration_s: float
    independent: bool
    ref: Ref
    reply: Reply
    media: Media | None
    """None unless it and its init section came."""
    init: Init | None
    digest: bytes
    hinted: bool
    """It was asked for while it was only hinted at."""

    @property
    def key(self) -> tuple[int, int]:
        """Media sequence number and index; -1 for the whole segment."""
        return self.segment.msn, -1 if self.index is None else self.index

    @property
    def name(self) -> str:
        """What a finding calls it."""
        kind = "Segment" if self.index is None else "Part"
        return f"{kind} {self.ref} (number {self.segment.msn}{self._dot})"

    @property
    def lead(self) -> tuple[InitTrack, Span] | None:
        """The track that decides durations and starts, with its samples."""
        track = self.init.lead if self.init else None
        span = self.media.span(track) if self.media else None
        return None if track is None or span is None else (track, span)

    @property
    def start_s(self) -> float | None:
        """Where it begins on the media timeline."""
        lead = self.lead
        return None if lead is None else lead[1].start / lead[0].track.timescale

    @property
    def media_s(self) -> float | None:
        """How long its samples last."""
        lead = self.lead
        return None if lead is None else lead[1].duration / lead[0].track.timescale

    @property
    def _dot(self) -> str:
        return "" if self.index is None else f".{self.index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hinted:
    """A part that was asked for when its hint was read."""

    ref: Ref
    edge: tuple[int, int]
    """Where it should come to lie."""
    reply: Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A part that was asked for anew as soon as it was listed."""

    ref: Ref
    key: tuple[int, int]
    reply: Reply
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """A delta update, with the playlists before and beside it."""

    skip: str
    before: MediaPlaylist
    full: MediaPlaylist
    reply: Reply
    update: MediaPlaylist | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Media that was asked for again after it had left the playlist."""

    kind: str
    ref: Ref
    left_for_s: float
    kept_s: float
    """How long it must be there."""
    reply: Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A RENDITION-REPORT, put to the test at once."""

    own: str
    other: str
    at: tuple[int, int]
    """Media sequence number and part that the other is said to list."""
    read_s: float
    """When the playlist with the report came."""
    reply: Reply
    playlist: MediaPlaylist | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A question that no player asks, and its answer."""

    name: str
    reply: Reply
    playlist: MediaPlaylist | None = None
    target: tuple[int, int | None] | None = None
    compare: bytes = field(default=b"", repr=False)
    """What the body should be, where that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What a decoder made of a run of parts."""

    name: str
    samples: int
    frames: int
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The multivariant playlist as it was fetched once."""

    reply: Reply
    multivariant: Multivariant


@dataclass(slots=True, kw_only=True)
class Rendition:
    """One media playlist and what it led to."""

    name: str
    url: str
    variant: Variant | None
    """None for a rendition of EXT-X-MEDIA."""
    reloads: list[Reload] = field(default_factory=list)
    inits: dict[Ref, tuple[Reply, Init]] = field(default_factory=dict)
    init_data: dict[Ref, bytes] = field(default_factory=dict, repr=False)
    parts: dict[tuple[int, int], Piece] = field(default_factory=dict)
    segments: dict[int, Piece] = field(default_factory=dict)
    hinted: list[Hinted] = field(default_factory=list)
    again: list[Again] = field(default_factory=list)
    deltas: list[Delta] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)
    decoded: list[Decoded] = field(default_factory=list)
    kept_bytes: int = 0
    data: dict[tuple[int, int], bytes] = field(default_factory=dict, repr=False)

    @property
    def playlists(self) -> list[MediaPlaylist]:
        """Every whole playlist, in the order in which they came."""
        return [reload.playlist for reload in self.reloads if reload.playlist is not None]

    @property
    def latest(self) -> MediaPlaylist | None:
        """The newest of them."""
        return next((r.playlist for r in reversed(self.reloads) if r.playlist), None)

    @property
    def listed(self) -> dict[int, Segment]:
        """Every segment that was ever listed whole, as it was first."""
        found: dict[int, Segment] = {}
        for playlist in self.playlists:
            for segment in playlist.whole:
                found.setdefault(segment.msn, segment)
        return found

    @property
    def init(self) -> Init | None:
        """The newest init section."""
        return next((init for _, init in reversed(self.inits.values())), None)

    @property
    def is_video(self) -> bool:
        """Whether it has a video track, as far as is known."""
        init = self.init
        return init is None or init.of("vide") is not None

    @property
    def ordered(self) -> list[Piece]:
        """Its parts in order."""
        return [self.parts[key] for key in sorted(self.parts)]

    @property
    def pieces(self) -> list[Piece]:
        """Its parts and segments."""
        return [*self.ordered, *(self.segments[msn] for msn in sorted(self.segments))]

    def keep(self, piece: Piece) -> None:
        """Remember a piece, and its bytes where there is room."""
        if piece.index is None:
            self.segments[piece.segment.msn] = piece
        else:
            self.parts[piece.key] = piece
        if piece.reply.ok and self.kept_bytes + len(piece.reply.body) <= MAX_KEPT_BYTES:
            self.kept_bytes += len(piece.reply.body)
            self.data[piece.key] = piece.reply.body


@dataclass(slots=True, kw_only=True)
class Observation:
    """What was seen of an origin."""

    url: str
    indexes: list[Index]
    """Every one that was read; there is a first."""
    renditions: list[Rendition] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    reported: list[Reported] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    """Every reply, without bodies."""
    alpn: str | None = None
    """What TLS agreed on; None without TLS."""

    @property
    def index(self) -> Reply:
        """The answer in which the first multivariant playlist came."""
        return self.indexes[0].reply

    @property
    def multivariant(self) -> Multivariant:
        """The first multivariant playlist."""
        return self.indexes[0].multivariant

    @property
    def video(self) -> list[Rendition]:
        """The renditions with video."""
        return [each for each in self.renditions if each.is_video]

    @property
    def rtt_s(self) -> float:
        """The quickest answer there was."""
        return min((r.first_s - r.sent_s for r in self.replies if r.status), default=0.0)

    @property
    def part_target_s(self) -> float:
        """The largest PART-TARGET."""
        found = [p.part_target_s or 0.0 for r in self.renditions if (p := r.latest)]
        return max(found, default=0.0)

    @property
    def target_s(self) -> int:
        """The largest target duration."""
        return max((p.target_s for r in self.renditions if (p := r.latest)), default=0)

    def probe(self, *names: str) -> list[Probe]:
        """The probes of those names."""
        return [probe for probe in self.probes if probe.name in names]


def digest_of(data: bytes) -> bytes:
    """For telling whether two bodies are the same."""
    return hashlib.sha256(data).digest()
