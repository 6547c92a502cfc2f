"""What every publisher of the ingest bench sends: ten seconds, encoded once, over and over.

The demo's picture (640x360, 30 frames a second, a keyframe each second) with its number painted
into each frame, and a beep at each full second. Frame n is that of n / 30 s, so number and beep say
how far picture and sound lie apart. A publisher that only sends packets is cheap, and every peer
gets the same bytes; but it makes no keyframe when asked.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import msgpack

from mediaserver.demo import tone
from mediaserver.demo.encoders import OPUS_SAMPLES, Packet, PictureEncoder, SoundEncoder
from mediaserver.demo.scene import SceneRenderer
from mediaserver.demo.source import PacketTrack
from transcoder.values import TICKS_PER_SECOND

WIDTH, HEIGHT, FPS = 640, 360, 30
SECONDS = 10
FRAMES, BLOCKS = SECONDS * FPS, SECONDS * tone.SAMPLE_RATE // OPUS_SAMPLES
PERIOD_MS = SECONDS * 1000

_NS = 1_000_000_000
LEAD_NS = 20_000_000
"""How long after its own time each packet leaves: equal for both tracks, so that what the sender
reports say of them is exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """The packets of one round."""

    pictures: tuple[bytes, ...]
    keyframes: tuple[bool, ...]
    sounds: tuple[bytes, ...]
    sound_delay: int
    """Samples by which the encoder's look-ahead moves what a packet decodes to first."""

    @classmethod
    def make(cls, width: int = WIDTH, height: int = HEIGHT) -> Self:
        """Paint, sound and encode it: a second of work, or several for a large picture."""
        scene = SceneRenderer(width, height)
        encoder = PictureEncoder(width=width, height=height, frames_per_second=FPS)
        pictures: list[Packet] = []
        for n in range(FRAMES):
            painted = scene.frame(n, n * 1000 // FPS)
            ticks = n * TICKS_PER_SECOND // FPS
            pictures += encoder.encode(painted, ticks=ticks, keyframe=n % FPS == 0)
        sound = SoundEncoder()
        sounds: list[Packet] = []
        for n in range(2 * BLOCKS):
            samples = tone.samples(start=n * OPUS_SAMPLES, count=OPUS_SAMPLES)
            sounds += sound.encode(samples, start=n * OPUS_SAMPLES)
        # The second round: its first packet follows the last one's, as it will when it is sent.
        return cls(
            pictures=tuple(bytes(packet) for packet in pictures),
            keyframes=tuple(packet.is_keyframe for packet in pictures),
            sounds=tuple(bytes(packet) for packet in sounds[BLOCKS : 2 * BLOCKS]),
            sound_delay=-(sounds[0].pts or 0),
        )

    def save(self, path: Path) -> None:
        """Write it to a file of our own making, for our own processes."""
        fields = [self.pictures, self.keyframes, self.sounds, self.sound_delay]
        path.write_bytes(msgpack.packb(fields))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        pictures, keyframes, sounds, delay = msgpack.unpackb(path.read_bytes())
        return cls(
            pictures=tuple(pictures),
            keyframes=tuple(keyframes),
            sounds=tuple(sounds),
            sound_delay=delay,
        )


class ClipSource:
    """Sends a clip round after round, each packet at its time; nothing is ever left out.

    A task of the event loop from `start` to `stop`. The clip began at `since_ns` (monotonic), or
    begins with `start`: a source joins at the next full second, so whoever publishes anew, or
    beside another, sends at any time what the camera makes just then.
    """

    def __init__(self, clip: Clip, *, since_ns: int | None = None) -> None:
        self._clip, self._since_ns = clip, since_ns
        self._task: asyncio.Task[None] | None = None
        self._picture, self._sound = PacketTrack("video"), PacketTrack("audio")
        self.late_ms = 0.0
        """By how much the latest packet missed its time: over some 50 ms the machine is to blame
        for what viewers saw."""

    @property
    def picture(self) -> PacketTrack:
        """H.264."""
        return self._picture

    @property
    def sound(self) -> PacketTrack:
        """Opus."""
        return self._sound

    def start(self) -> None:
        """Go live."""
        self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        """End the tracks."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._picture.stop()
        self._sound.stop()

    async def _run(self) -> None:
        now_ns = time.monotonic_ns()
        since_ns = now_ns if self._since_ns is None else self._since_ns
        start_ns = since_ns + LEAD_NS
        second = -((since_ns - now_ns) // _NS)
        frame, block = second * FPS, second * tone.SAMPLE_RATE // OPUS_SAMPLES
        while True:
            frame_ns = frame * _NS // FPS
            sound_at = block * OPUS_SAMPLES - self._clip.sound_delay
            sound_ns = sound_at * _NS // tone.SAMPLE_RATE
            due_ns = start_ns + min(frame_ns, sound_ns)
            await self._until(due_ns)
            if sound_ns <= frame_ns:
                data = self._clip.sounds[block % BLOCKS]
                if sound_at >= second * tone.SAMPLE_RATE:
                    self._sound.put(_packet(data, sound_at, tone.SAMPLE_RATE))
                block += 1
            else:
                data = self._clip.pictures[frame % FRAMES]
                self._picture.put(
                    _packet(
                        data,
                        frame * TICKS_PER_SECOND // FPS,
                        TICKS_PER_SECOND,
                        keyframe=self._clip.keyframes[frame % FRAMES],
                    )
                )
                frame += 1

    async def _until(self, due_ns: int) -> None:
        wait_ns = due_ns - time.monotonic_ns()
        if wait_ns > 0:
            await asyncio.sleep(wait_ns / _NS)
        self.late_ms = max(self.late_ms, (time.monotonic_ns() - due_ns) / 1e6)


def _packet(data: bytes, pts: int, rate: int, *, keyframe: bool = True) -> Packet:
    packet: Packet = av.Packet(data)
    packet.pts, packet.time_base = pts, Fraction(1, rate)
    packet.is_keyframe = keyframe
    return packet


def unwrapped(counters: Sequence[tuple[float, int]], *, period: int = FRAMES) -> list[int]:
    """The running number of each picture, from (time in s, painted number) pairs in order.

    The number repeats after `period`; which round it is follows from the time passed since the
    picture before, to within half a period. Pure.
    """
    numbers: list[int] = []
    for place, (at_s, counter) in enumerate(counters):
        expected = float(counter)
        if numbers:
            expected = numbers[-1] + (at_s - counters[place - 1][0]) * FPS
        numbers.append(counter + round((expected - counter) / period) * period)
    return numbers
