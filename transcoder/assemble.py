"""Encoded samples and audio frames to parts: all renditions of one before any of the next.

Pure: it knows no thread and no clock. The caller adds samples as the rungs make them and asks for
a part when its video is complete and its audio has had its time.
"""

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from transcoder.cues import CueQueue
from transcoder.grid import Grid
from transcoder.packager import AudioFrame, Cutter, PartPlan, RenditionPackager, VideoSample
from transcoder.values import Part


class AudioSource(Protocol):
    """Where the audio of a part comes from: `transcoder.audio.AudioLine`."""

    def take(self, until_tick: int) -> list[AudioFrame]:
        """All frames not taken yet that end at or before `until_tick`."""
        ...


class Assembler:
    """Collects what the parts are made of. Holds as many samples as the rungs are apart."""

    def __init__(
        self,
        *,
        grid: Grid,
        cutter: Cutter,
        packagers: Sequence[RenditionPackager],
        audio: AudioSource,
        cues: CueQueue,
    ) -> None:
        self._grid = grid
        self._cutter = cutter
        self._packagers = packagers
        self._audio = audio
        self._cues = cues
        self._samples: list[deque[VideoSample]] = [deque() for _ in packagers]

    def add(self, rung: int, sample: VideoSample) -> None:
        """`sample` is the next slot of the rung with this index."""
        self._samples[rung].append(sample)

    @property
    def complete_until_tick(self) -> int | None:
        """Where the current part ends, once its video is complete in every rung."""
        plan = self._cutter.current
        if self._available() < plan.slots:
            return None
        return self._grid.tick_of(plan.first_slot + plan.slots)

    def next_part(self) -> list[Part]:
        """The complete current part in every rendition, best first, with the audio and cues of its
        span."""
        return self._made(self._cutter.advance())

    def last_part(self) -> list[Part]:
        """The run ends with what every rung has: the final, shorter part, or nothing."""
        plan = self._cutter.cut_short(self._cutter.current.first_slot + self._available())
        return [] if plan is None else self._made(plan)

    def _available(self) -> int:
        return min(len(samples) for samples in self._samples)

    def _made(self, plan: PartPlan) -> list[Part]:
        end_tick = self._grid.tick_of(plan.first_slot + plan.slots)
        audio = self._audio.take(end_tick)
        cues = self._cues.take(until_tick=end_tick)
        return [
            packager.part(plan, [samples.popleft() for _ in range(plan.slots)], audio, cues)
            for packager, samples in zip(self._packagers, self._samples, strict=True)
        ]
