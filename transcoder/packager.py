"""How encoded samples become parts and init sections.

One `RenditionPackager` a rendition turns the samples of a `PartPlan` into a `Part`. Pure: no clock,
no codec, no socket.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from transcoder.cmaf.aac import AAC_FRAME_SAMPLES, AUDIO_RATE_HZ, audio_codec_string
from transcoder.cmaf.fragment import (
    NON_SYNC_FLAGS,
    SYNC_FLAGS,
    TrackRun,
    fragment,
)
from transcoder.cmaf.movie import AUDIO_TRACK, VIDEO_TRACK, AudioTrack, init_bytes
from transcoder.cmaf.video_config import VideoConfig
from transcoder.cues import in_band
from transcoder.cutter import PartPlan
from transcoder.errors import MediaError
from transcoder.grid import Grid
from transcoder.samples import EncodedPicture, SlotSamples
from transcoder.values import Anchor, InitSection, Part, TimedMetadata


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFrame:
    """One AAC access unit: 1024 samples at 48 kHz."""

    start: int
    """First sample, counted at 48 kHz on the media timeline: sample 0 is tick 0."""
    data: bytes
    """A raw AAC access unit, without ADTS header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioConfig:
    """What the init section says of the audio track."""

    asc: bytes
    """AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1): 48 kHz AAC-LC."""


class RenditionPackager:
    """Makes the parts of one rendition, in the order of their plans.

    It refuses (`MediaError`) whatever a player could not play without a gap: slots that are not
    the plan's, a part that begins without a picture, a segment that begins without a keyframe,
    audio that does not go on exactly where the last part's ended.
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
        video: Sequence[SlotSamples],
        audio: Sequence[AudioFrame],
        cues: tuple[TimedMetadata, ...],
    ) -> Part:
        """The part of `plan`: an `emsg` for each cue, one `moof` with a run for each track, one
        `mdat`. `video` has an entry for each slot of it.

        Of the audio it takes the frames that end within the part. A part of a single slot above
        46 frames per second, cut at an epoch's end, may have none: its audio `traf` is left out.
        """
        samples = self._timed(plan, video)
        keys = [picture.keyframe for picture, _ in samples]
        runs = [self._video_run(plan, samples, keys)]
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
            independent=any(keys),
            late_keyframe=any(keys) and not keys[0],
            last=plan.last,
            cues=cues,
            data=events + fragment(plan.number + 1, runs),
        )

    def _timed(
        self, plan: PartPlan, video: Sequence[SlotSamples]
    ) -> list[tuple[EncodedPicture, int]]:
        """Each picture and how many ticks it is shown: the durations add up to the part's."""
        if [samples.slot for samples in video] != list(range(plan.first_slot, plan.end_slot)):
            raise MediaError(
                f"part {plan.number} of {self._rendition} needs what is shown in each slot from "
                f"{plan.first_slot} to {plan.end_slot - 1}"
            )
        if not video[0].pictures:
            raise MediaError(f"part {plan.number} of {self._rendition} begins without a picture")
        if plan.index == 0 and not video[0].pictures[0].keyframe:
            raise MediaError(f"slot {plan.first_slot} of {self._rendition} must be a keyframe")
        timed: list[tuple[EncodedPicture, int]] = []
        for samples in video:
            if samples.pictures:
                timed += zip(samples.pictures, self._shares(samples), strict=True)
            else:
                picture, ticks = timed[-1]
                timed[-1] = picture, ticks + self._grid.slot_ticks
        return timed

    def _shares(self, samples: SlotSamples) -> list[int]:
        """How the pictures of a slot share its time: equally, to the tick."""
        ticks, count = self._grid.slot_ticks, len(samples.pictures)
        if count > ticks:
            raise MediaError(f"slot {samples.slot} of {self._rendition} has {count} pictures")
        return [ticks * (n + 1) // count - ticks * n // count for n in range(count)]

    def _check_audio(self, audio: Sequence[AudioFrame]) -> None:
        due = audio[0].start if self._next_audio is None else self._next_audio
        for frame in audio:
            if frame.start != due:
                raise MediaError(f"audio goes on at sample {frame.start} where {due} is due")
            due += AAC_FRAME_SAMPLES
        self._next_audio = due

    def _video_run(
        self, plan: PartPlan, samples: Sequence[tuple[EncodedPicture, int]], keys: Sequence[bool]
    ) -> TrackRun:
        durations = [ticks for _, ticks in samples]
        flags = [SYNC_FLAGS if keyframe else NON_SYNC_FLAGS for keyframe in keys]
        return TrackRun(
            track=VIDEO_TRACK,
            decode_time=self._grid.tick_of(plan.first_slot),
            sample_duration=durations[0],
            default_flags=NON_SYNC_FLAGS,
            first_flags=flags[0],
            samples=[picture.data for picture, _ in samples],
            durations=durations if len(set(durations)) > 1 else None,
            flags=flags if any(keys[1:]) else None,
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
    """The init section of one rendition. Raises `MediaError` when the audio's header cannot be
    read."""
    return InitSection(
        show=show,
        epoch=epoch,
        rendition=rendition,
        generation=generation,
        ladder=ladder,
        anchor=anchor,
        codecs=f"{video.codec_string},{audio_codec_string(audio.asc)}",
        width=video.width,
        height=video.height,
        frames_per_second=grid.frames_per_second,
        bandwidth_bps=bandwidth_bps,
        average_bandwidth_bps=average_bandwidth_bps,
        part_ticks=grid.part_ticks,
        segment_ticks=grid.segment_ticks,
        data=init_bytes(video, AudioTrack(asc=audio.asc, rate_hz=AUDIO_RATE_HZ)),
    )
