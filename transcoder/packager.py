"""Where parts and segments are cut, and how encoded samples become parts and init sections.

One `Cutter` serves all renditions of an epoch run, so their boundaries are the same by
construction; one `RenditionPackager` a rendition turns the samples of a `PartPlan` into a `Part`.
Pure: no clock, no codec, no socket.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from transcoder.cmaf.aac import AAC_FRAME_SAMPLES, AUDIO_RATE_HZ, audio_codec_string
from transcoder.cmaf.avc import holds_idr
from transcoder.cmaf.fragment import (
    NON_SYNC_FLAGS,
    SYNC_FLAGS,
    TrackRun,
    fragment,
)
from transcoder.cmaf.movie import AUDIO_TRACK, VIDEO_TRACK, AudioTrack, VideoTrack, init_bytes
from transcoder.cmaf.sps import parse_sps
from transcoder.cues import in_band
from transcoder.errors import MediaError
from transcoder.grid import Grid
from transcoder.values import Anchor, InitSection, Part, TimedMetadata


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPlan:
    """What one part holds, the same in every rendition."""

    number: int
    msn: int
    index: int
    first_slot: int
    slots: int
    independent: bool
    """It begins with an IDR frame; no other frame of it is one."""
    last: bool
    """Its segment ends with it."""


class Cutter:
    """Cuts one epoch run into parts and segments, for all renditions.

    A run is what one set of encoders makes: an epoch's whole life, or the stretch from a lost
    worker to its end. `first_slot` begins a segment and is an IDR frame in every rendition.
    """

    def __init__(self, *, grid: Grid, first_slot: int, next_number: int, next_msn: int) -> None:
        self._grid = grid
        self._origin = first_slot
        self._first_number = next_number
        self._first_msn = next_msn
        self._done = 0

    def wants_idr(self, slot: int) -> bool:
        """True for the slots that every rendition encodes as an IDR frame."""
        return (slot - self._origin) % self._grid.idr_slots == 0

    @property
    def current(self) -> PartPlan:
        """The part being filled, as it will be if it becomes a regular one."""
        grid = self._grid
        msn, index = divmod(self._done, grid.segment_slots // grid.part_slots)
        first_slot = self._origin + self._done * grid.part_slots
        return PartPlan(
            number=self._first_number + self._done,
            msn=self._first_msn + msn,
            index=index,
            first_slot=first_slot,
            slots=grid.part_slots,
            independent=self.wants_idr(first_slot),
            last=(index + 1) * grid.part_slots == grid.segment_slots,
        )

    def advance(self) -> PartPlan:
        """The regular part whose slots are now all filled; the next one becomes current."""
        plan = self.current
        self._done += 1
        return plan

    def cut_short(self, end_slot: int) -> PartPlan | None:
        """The run ends before `end_slot`: its final part, possibly shorter, closing its segment.

        None when no slot of the current part is filled. A segment is then left open if the run
        ends at a part boundary within one: nothing can be appended to close it, so the gateway
        closes the open segment itself when `EpochEnd` (or the next generation) comes. The cutter
        is spent afterwards. Raises ValueError when the current part ought to have been advanced.
        """
        plan = self.current
        slots = end_slot - plan.first_slot
        if slots > plan.slots:
            raise ValueError(f"slot {end_slot} lies past the part that begins at {plan.first_slot}")
        if slots <= 0:
            return None
        return PartPlan(
            number=plan.number,
            msn=plan.msn,
            index=plan.index,
            first_slot=plan.first_slot,
            slots=slots,
            independent=plan.independent,
            last=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSample:
    """One encoded picture in its slot; it is shown for exactly one slot."""

    slot: int
    keyframe: bool
    """It is an IDR picture."""
    data: bytes
    """Slice NAL units behind 4-byte lengths (`transcoder.cmaf.avc.annexb_to_avcc`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFrame:
    """One AAC access unit: 1024 samples at 48 kHz."""

    start: int
    """First sample, counted at 48 kHz on the media timeline: sample 0 is tick 0."""
    data: bytes
    """A raw AAC access unit, without ADTS header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoConfig:
    """What the init section says of the video track; `sps` and `pps` are NAL units, bare."""

    width: int
    height: int
    sps: bytes
    pps: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioConfig:
    """What the init section says of the audio track."""

    asc: bytes
    """AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1): 48 kHz AAC-LC."""


class RenditionPackager:
    """Makes the parts of one rendition, in the order of their plans.

    It refuses (`MediaError`) whatever a player could not play without a gap: samples that do not
    fill the plan's slots, keyframes elsewhere than planned, audio that does not go on exactly
    where the last part's ended.
    """

    def __init__(
        self, *, show: str, epoch: str, rendition: str, generation: int, grid: Grid
    ) -> None:
        self._show = show
        self._epoch = epoch
        self._rendition = rendition
        self._generation = generation
        self._grid = grid
        self._next_audio: int | None = None

    def part(
        self,
        plan: PartPlan,
        video: Sequence[VideoSample],
        audio: Sequence[AudioFrame],
        cues: tuple[TimedMetadata, ...],
    ) -> Part:
        """The part of `plan`: an `emsg` for each cue, one `moof` with a run for each track, one
        `mdat`.

        Of the audio it takes the frames that end within the part. A part of a single slot above
        46 frames per second, cut at an epoch's end, may have none: its audio `traf` is left out.
        """
        self._check_video(plan, video)
        runs = [self._video_run(plan, video)]
        if audio:
            self._check_audio(audio)
            runs.append(_audio_run(audio))
        start_tick = self._grid.tick_of(plan.first_slot)
        # CMAF §7.4.5: event messages stand before the `moof` they belong to.
        events = in_band(cues, part_number=plan.number, start_tick=start_tick)
        return Part(
            show=self._show,
            epoch=self._epoch,
            rendition=self._rendition,
            generation=self._generation,
            number=plan.number,
            msn=plan.msn,
            index=plan.index,
            decode_time=start_tick,
            duration=plan.slots * self._grid.slot_ticks,
            independent=plan.independent,
            last=plan.last,
            cues=cues,
            data=events + fragment(plan.number + 1, runs),
        )

    def _check_video(self, plan: PartPlan, video: Sequence[VideoSample]) -> None:
        end_slot = plan.first_slot + plan.slots
        if [sample.slot for sample in video] != list(range(plan.first_slot, end_slot)):
            raise MediaError(
                f"part {plan.number} of {self._rendition} needs one picture for each slot from "
                f"{plan.first_slot} to {end_slot - 1}"
            )
        for sample in video:
            wanted = plan.independent and sample.slot == plan.first_slot
            if sample.keyframe != wanted or holds_idr(sample.data) != wanted:
                wish = "an" if wanted else "no"
                raise MediaError(f"slot {sample.slot} of {self._rendition} must be {wish} IDR")

    def _check_audio(self, audio: Sequence[AudioFrame]) -> None:
        due = audio[0].start if self._next_audio is None else self._next_audio
        for frame in audio:
            if frame.start != due:
                raise MediaError(f"audio goes on at sample {frame.start} where {due} is due")
            due += AAC_FRAME_SAMPLES
        self._next_audio = due

    def _video_run(self, plan: PartPlan, video: Sequence[VideoSample]) -> TrackRun:
        return TrackRun(
            track=VIDEO_TRACK,
            decode_time=self._grid.tick_of(plan.first_slot),
            sample_duration=self._grid.slot_ticks,
            default_flags=NON_SYNC_FLAGS,
            first_flags=SYNC_FLAGS if plan.independent else NON_SYNC_FLAGS,
            samples=[sample.data for sample in video],
        )


def _audio_run(audio: Sequence[AudioFrame]) -> TrackRun:
    return TrackRun(
        track=AUDIO_TRACK,
        decode_time=audio[0].start,
        sample_duration=AAC_FRAME_SAMPLES,
        default_flags=SYNC_FLAGS,
        first_flags=SYNC_FLAGS,
        samples=[frame.data for frame in audio],
    )


def init_section(
    *,
    show: str,
    epoch: str,
    rendition: str,
    generation: int,
    ladder: tuple[str, ...],
    anchor: Anchor,
    grid: Grid,
    video: VideoConfig,
    audio: AudioConfig,
    bandwidth_bps: int,
    average_bandwidth_bps: int,
) -> InitSection:
    """The init section of one rendition. Raises `MediaError` when the encoders' own headers
    cannot be read or name another picture size than `video`."""
    sps = parse_sps(video.sps)
    if (sps.width, sps.height) != (video.width, video.height):
        raise MediaError(
            f"the encoder of {rendition} makes {sps.width}x{sps.height}, "
            f"not {video.width}x{video.height}"
        )
    return InitSection(
        show=show,
        epoch=epoch,
        rendition=rendition,
        generation=generation,
        ladder=ladder,
        anchor=anchor,
        codecs=f"{sps.codec_string},{audio_codec_string(audio.asc)}",
        width=video.width,
        height=video.height,
        frames_per_second=grid.frames_per_second,
        bandwidth_bps=bandwidth_bps,
        average_bandwidth_bps=average_bandwidth_bps,
        part_ticks=grid.part_ticks,
        segment_ticks=grid.segment_ticks,
        data=init_bytes(
            VideoTrack(sps=sps, sps_nal=video.sps, pps_nal=video.pps),
            AudioTrack(asc=audio.asc, rate_hz=AUDIO_RATE_HZ),
        ),
    )
