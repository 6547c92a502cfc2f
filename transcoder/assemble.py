"""Encoded samples and audio frames to parts: all renditions of one before any of the next.

Pure: it knows no thread and no clock. The caller adds samples as they are made and asks for a part
when its video is complete and its audio has had its time.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from transcoder.cues import CueQueue
from transcoder.cutter import Cutter, PartPlan
from transcoder.grid import Grid
from transcoder.packager import AudioFrame, RenditionPackager
from transcoder.samples import SlotSamples
from transcoder.values import Part, TimedMetadata


class AudioSource(Protocol):
    """Where the audio of a part comes from: `transcoder.audio.AudioLine`."""

    def take(self, until_tick: int) -> list[AudioFrame]:
        """All frames not taken yet that end at or before `until_tick`."""
        ...


class _Stream:
    """The samples of one encoder, or of the source, that are in no part yet."""

    def __init__(self, packager: RenditionPackager, first_slot: int) -> None:
        self.packager = packager
        self.next_slot = first_slot
        """How far the samples have come, whether or not each slot has a picture."""
        self._samples: deque[SlotSamples] = deque()

    def add(self, samples: SlotSamples) -> None:
        self._samples.append(samples)
        self.next_slot = samples.slot + 1

    def take(self, slots: int) -> list[SlotSamples]:
        return [self._samples.popleft() for _ in range(slots)]


class Assembler:
    """Collects what the parts are made of. Holds as many samples as the streams are apart.

    `packagers` are those of the streams: what an encoder makes, or the source sends. `renditions`
    are their names, best first, each with the index of its stream: several may have the same.
    """

    def __init__(
        self,
        *,
        grid: Grid,
        cutter: Cutter,
        packagers: Sequence[RenditionPackager],
        renditions: Sequence[tuple[str, int]],
        audio: AudioSource,
        cues: CueQueue,
    ) -> None:
        self._grid = grid
        self._cutter = cutter
        self._audio = audio
        self._cues = cues
        self._renditions = renditions
        self._streams = [_Stream(packager, cutter.next_slot) for packager in packagers]

    def add(self, stream: int, samples: SlotSamples) -> None:
        """`samples` is the next slot of the stream with this index."""
        self._streams[stream].add(samples)

    @property
    def next_slot(self) -> int:
        """The first slot that some stream has not come to."""
        return min(stream.next_slot for stream in self._streams)

    @property
    def complete_until_tick(self) -> int | None:
        """Where the next part ends, once its video is complete in every stream."""
        plan = self._cutter.peek()
        if plan is None or self.next_slot < plan.end_slot:
            return None
        return self._grid.tick_of(plan.end_slot)

    def next_part(self) -> list[Part]:
        """The complete next part in every rendition, best first, with the audio and cues of its
        span."""
        plan = self._cutter.take()
        end_tick = self._grid.tick_of(plan.end_slot)
        audio = self._audio.take(end_tick)
        cues = self._cues.take(until_tick=end_tick)
        made = [self._made(stream, plan, audio, cues) for stream in self._streams]
        return [replace(made[stream], rendition=name) for name, stream in self._renditions]

    def _made(
        self,
        stream: _Stream,
        plan: PartPlan,
        audio: Sequence[AudioFrame],
        cues: tuple[TimedMetadata, ...],
    ) -> Part:
        return stream.packager.part(plan, stream.take(plan.slots), audio, cues)
