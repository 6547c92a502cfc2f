"""The media values that cross the walls of a room, each frozen, each with one wire form.

All times are integer **ticks** of 1/90,000 s on the show's *media timeline*, which starts at 0 with
the first frame of the media epoch. The `Anchor` ties tick 0 to UTC, once, and to the machine's
monotonic clock, so that a wall clock that steps changes nothing on air.
"""

from dataclasses import dataclass
from typing import Literal

from transcoder.wire import wire_value

TICKS_PER_SECOND = 90_000
"""A tick is 1/90,000 s: RTP's video clock, and the timescale of the video tracks."""
STRETCH_TICKS = TICKS_PER_SECOND * 2 // 5
"""A segment that is cut at a source's keyframe outlasts the regular length by less than this:
rfc8216bis §4.4.3.1 has EXTINF, rounded to the nearest second, within the target duration."""

Kind = Literal["video", "audio"]
Codec = Literal["h264", "vp8", "opus"]


@wire_value("anchor", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """Where a media epoch's tick 0 lies on the clocks of this machine."""

    utc_us: int
    """Unix time of tick 0, in microseconds."""
    monotonic_ns: int
    """`time.monotonic_ns()` of tick 0; the same clock in every process of one machine."""

    def tick(self, monotonic_ns: int) -> int:
        """The tick that is *now* when the monotonic clock reads `monotonic_ns` (floored)."""
        return (monotonic_ns - self.monotonic_ns) * TICKS_PER_SECOND // 1_000_000_000

    def monotonic_ns_at(self, tick: int) -> int:
        """When the monotonic clock reaches `tick`."""
        return self.monotonic_ns + tick * 1_000_000_000 // TICKS_PER_SECOND

    def utc_us_at(self, tick: int) -> int:
        """Unix time of `tick`, in microseconds: EXT-X-PROGRAM-DATE-TIME."""
        return self.utc_us + tick * 1_000_000 // TICKS_PER_SECOND


@wire_value("access_unit", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class AccessUnit:
    """One encoded frame as the host sent it: ingest → transcoder.

    `data` is an H.264 access unit in Annex B byte stream form (ITU-T H.264 Annex B), one VP8 frame
    (RFC 6386), or one Opus packet (RFC 6716).
    """

    kind: Kind
    codec: Codec
    source: int
    """Counts the publishes of the epoch from 1. A change means: new encoder, reset the decoders."""
    pts: int
    """Presentation time in ticks. Never negative."""
    keyframe: bool
    """True where decoding can start. Always true for audio."""
    damaged: bool
    """True when packets before this frame were lost, so that what refers back cannot be trusted."""
    data: bytes


@wire_value("init", version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class InitSection:
    """What a player needs before a rendition's first part: `ftyp` + `moov`, and how to list it.

    A new `generation` of the same rendition is a discontinuity (EXT-X-DISCONTINUITY, EXT-X-MAP).
    All renditions of an epoch change generation together.
    """

    show: str
    epoch: str
    rendition: str
    generation: int
    """Counts the encoders of the epoch from 0, the same in all renditions."""
    ladder: tuple[str, ...]
    """The names of all renditions, best first: the epoch is on air when each has a part."""
    anchor: Anchor
    codecs: str
    """RFC 6381, video then audio: ``avc1.4D401F,mp4a.40.2``."""
    width: int
    height: int
    frames_per_second: int
    bandwidth_bps: int
    """Peak of any run of segments of 0.5 to 1.5 target durations (rfc8216bis §4.4.6.2)."""
    average_bandwidth_bps: int
    part_ticks: int
    """The part target: the longest a part ever is."""
    segment_ticks: int
    """The regular length of a segment; one that is cut at a source's keyframe may be longer by less
    than `STRETCH_TICKS`."""
    data: bytes
    own_width: int = 0
    """The size of the rung itself, where it shows another's samples; 0: `width` and `height`."""
    own_height: int = 0


@wire_value("timed_metadata", version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class TimedMetadata:
    """Something that is to happen on one frame: main → worker, and carried by the `Part` in which
    it begins. The transcoder does not know what it means.

    In band it is an `emsg` box (version 1, ID3) in every rendition, and an EXT-X-DATERANGE in every
    playlist. A (id, revision) never changes once sent.
    """

    id: str
    """1 to 64 of ``A-Z a-z 0-9 _ -``: names it in every form."""
    revision: int
    pts: int
    """The tick of the frame that is meant, also where that frame's part has already left."""
    duration: int
    """Ticks; more than 22500 (250 ms), because players take a shorter one for infinite."""
    payload: bytes
    """At most 1024 bytes of JSON in UTF-8, for the player."""
    sharp: bool = False
    """Its frame is worth a keyframe and a few more bits (`on_pin` of the profile)."""


@wire_value("part", version=3)
@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One partial segment: `moof` + `mdat` with one video and one audio track run."""

    show: str
    epoch: str
    rendition: str
    generation: int
    """The `InitSection` that decodes it."""
    number: int
    """Runs through the epoch without a gap, the same in all renditions: it names the part's URI."""
    msn: int
    """Media sequence number of the segment that this part belongs to."""
    index: int
    """Place within the segment, from 0."""
    decode_time: int
    """Ticks of the first video sample (there is no reordering: presentation is the same)."""
    duration: int
    """Exact duration of the video samples in ticks."""
    independent: bool
    """True when it holds a keyframe (INDEPENDENT=YES; rfc8216bis §4.4.4.9)."""
    last: bool
    """True when its segment ends with it."""
    cues: tuple[TimedMetadata, ...]
    """What begins in it: those with their frame in it, and those whose frame's part had left."""
    data: bytes
    late_keyframe: bool = False
    """Its first picture is no keyframe, one that comes later is."""

    @property
    def opens(self) -> bool:
        """True when it begins with a keyframe, so that a player can begin with all of it."""
        return self.independent and not self.late_keyframe


@wire_value("epoch_end", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEnd:
    """The media epoch is over; no part follows (EXT-X-ENDLIST)."""

    show: str
    epoch: str
