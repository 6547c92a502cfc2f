"""One generation of an epoch run: fixed roles of the rungs, from one init section to the next.

It belongs to one thread, that of the `Stage` that owns it; only the encoders run elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from transcoder.assemble import Assembler, AudioSource
from transcoder.cmaf.video_config import VideoConfig
from transcoder.cues import CueQueue
from transcoder.cutter import Cut, Cutter
from transcoder.ladder import Ladder
from transcoder.packager import RenditionPackager
from transcoder.profiles import Profile
from transcoder.roles import Role, check_roles
from transcoder.rung import Job, MakeEncoder
from transcoder.samples import SlotSamples
from transcoder.sections import StagePlan, generation_sections
from transcoder.slate import SlatePainter
from transcoder.values import InitSection, Part

MOST_PICTURES_S = 6
"""Pictures of so many seconds wait for the encoders at most, for they are kept in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where and as what a generation begins."""

    number: int
    """The generation's own."""
    roles: tuple[Role, ...]
    source: VideoConfig | None
    """The source's headers, exactly where the top rung is passed."""
    first_slot: int
    next_number: int
    next_msn: int
    source_bps: int = 0
    """What is declared of the source's pictures, where that may be more than the plan says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What every generation of a run works with."""

    audio: AudioSource
    asc: bytes
    cues: CueQueue
    wake: Callable[[], None]
    on_encoded: Callable[[str, float], None]
    make_encoder: MakeEncoder


class Generation:
    """Takes one slot after the other, and gives parts once they are complete in every rendition.

    Raises `MediaError` when an encoder fails or cannot keep up. Its init sections are to leave just
    before its first part: a generation that is ended before it has a part has never been, and the
    next one has its number (`successor`).
    """

    def __init__(self, plan: StagePlan, origin: Origin, workshop: Workshop) -> None:
        check_roles(origin.roles)
        self.roles = origin.roles
        self.number = origin.number
        self.passes = origin.roles[0].kind == "passed"
        """The top rung is the source's own."""
        self._first_number = origin.next_number
        self._ended = False
        self._handed_on = False
        """Its encoders have ended, and others have what they had not done."""
        encoded = [index for index, role in enumerate(self.roles) if role.kind == "encoded"]
        self.cutter = Cutter(
            grid=plan.grid,
            first_slot=origin.first_slot,
            next_number=origin.next_number,
            next_msn=origin.next_msn,
            follows_source=self.passes,
        )
        streams = [0] * self.passes + encoded
        self._assembler = Assembler(
            grid=plan.grid,
            cutter=self.cutter,
            packagers=[_packager(plan, index, self.number) for index in streams],
            renditions=[
                (rung.name, streams.index(index if role.of is None else role.of))
                for index, (rung, role) in enumerate(zip(plan.rungs, self.roles, strict=True))
            ],
            audio=workshop.audio,
            cues=workshop.cues,
        )
        self.ladder = Ladder(
            [plan.rungs[index] for index in encoded],
            grid=plan.grid,
            scaler=plan.profile.scaler,
            slate=_painter(plan.profile),
            max_backlog=MOST_PICTURES_S * plan.grid.frames_per_second,
            wake=workshop.wake,
            on_encoded=workshop.on_encoded,
            encoder=workshop.make_encoder,
        )
        try:
            videos: list[VideoConfig | None] = [None] * len(self.roles)
            for index, encoder in zip(encoded, self.ladder.encoders, strict=True):
                videos[index] = encoder.config
            if self.passes:
                videos[0] = origin.source
            self.stand_ins = {
                plan.rungs[index].name: plan.rungs[index].encoder
                for index, encoder in zip(encoded, self.ladder.encoders, strict=True)
                if encoder.plan.encoder != plan.rungs[index].encoder
            }
            """By rung the encoder that the profile names, where software stands in for it."""
            self._sections = generation_sections(
                plan,
                generation=self.number,
                roles=self.roles,
                videos=videos,
                asc=workshop.asc,
                source_bps=origin.source_bps,
            )
        except Exception:
            self.ladder.close()
            raise

    @property
    def backlog(self) -> int:
        """Slots in the encoders."""
        return 0 if self._handed_on else self.ladder.backlog

    @property
    def complete_until_tick(self) -> int | None:
        """Where the next part ends, once its video is complete in every rendition."""
        return self._assembler.complete_until_tick

    @property
    def is_over(self) -> bool:
        """It has ended, and every part of it has been taken."""
        return self._ended and self.cutter.peek() is None

    @property
    def next_number(self) -> int:
        """Of the generation that follows this one, which has ended."""
        return self.number + (self.cutter.next_number > self._first_number)

    def place(self, *, keyframe: bool = False) -> Cut:
        """The next slot comes; `keyframe`: with a keyframe of the source at its beginning."""
        return self.cutter.place(keyframe=keyframe)

    def encode(self, job: Job) -> None:
        """What the encoders make of the slot placed last, or of one before that was not given."""
        self.ladder.submit(job)

    def pass_on(self, samples: SlotSamples) -> None:
        """What the source has sent for the slot placed last."""
        self._assembler.add(0, samples)

    def collect(self) -> None:
        """Take what the encoders have made."""
        for index, samples in self.ladder.collect():
            self._assembler.add(index + self.passes, samples)

    def next_part(self) -> tuple[tuple[InitSection, ...], list[Part]]:
        """The complete next part in every rendition; before the first one, the init sections."""
        plan = self.cutter.peek()
        first = plan is not None and plan.number == self._first_number
        return self._sections if first else (), self._assembler.next_part()

    def end(self) -> None:
        """No slot follows those that were placed; the encoders go on to the last of them."""
        self._end_at(self.cutter.next_slot)

    def halt(self) -> list[Job]:
        """End now, before the first slot that some encoder has not done: the jobs from there on,
        for another generation. A passed rung's samples from there on are lost."""
        jobs = self.ladder.halt()
        self._handed_on = True
        self.collect()
        self._end_at(jobs[0].slot if jobs else self.cutter.next_slot)
        return jobs

    def give_up(self, timeout_s: float) -> bool:
        """Wait for the encoders so long, then end with what all of them have made. False when that
        is not all there is."""
        complete = self._handed_on or self.ladder.drain(timeout_s)
        self.collect()
        if not complete or not self._ended:
            self._end_at(min(self._assembler.next_slot, self.cutter.next_slot))
        return complete

    def close(self) -> None:
        """End the encoders' threads. Again is harmless."""
        self.ladder.close()

    def _end_at(self, slot: int) -> None:
        self._ended = True
        self.cutter.end(slot)


def _packager(plan: StagePlan, rung: int, generation: int) -> RenditionPackager:
    return RenditionPackager(
        show=plan.start.show,
        epoch=plan.start.epoch,
        rendition=plan.rungs[rung].name,
        generation=generation,
        grid=plan.grid,
    )


def _painter(profile: Profile) -> SlatePainter:
    slate = profile.slate
    return SlatePainter(
        text=slate.text,
        picture=Path(slate.picture) if slate.picture else None,
        font=Path(slate.font) if slate.font else None,
    )
