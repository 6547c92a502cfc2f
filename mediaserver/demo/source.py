"""The demo's live source: a thread that paints, sounds and encodes on time, and two tracks.

The thread belongs to a `LiveSource`, which belongs to one publish. What it makes crosses to the
event loop in one place (`LiveSource._deliver`) as finished packets; the tracks hand these to
aiortc's senders, which only pack them into RTP.
"""

import asyncio
import threading
import time
from collections import deque
from dataclasses import dataclass

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from mediaserver.demo import tone
from mediaserver.demo.encoders import OPUS_SAMPLES, Packet, PictureEncoder, SoundEncoder
from mediaserver.demo.scene import SceneRenderer
from transcoder.values import TICKS_PER_SECOND

_NS = 1_000_000_000
_TRACK_PACKETS = 60
_SLOT_SLACK_NS = _NS // 1000


class PacketTrack(MediaStreamTrack):
    """A track of packets that are encoded already.

    Holds at most `_TRACK_PACKETS`. When full (the connection is stuck) all of them are dropped, and
    what follows too, up to the next keyframe: a decoder could not use it.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self._packets: deque[Packet] = deque()
        self._filled = asyncio.Event()
        self._want_keyframe = False
        self.dropped = 0

    @property
    def idle(self) -> bool:
        """True while nothing is queued."""
        return not self._packets

    def put(self, packet: Packet) -> None:
        """Queue a packet; to be called on the event loop."""
        if len(self._packets) >= _TRACK_PACKETS:
            self.dropped += len(self._packets)
            self._packets.clear()
            self._want_keyframe = True
        if self._want_keyframe and not packet.is_keyframe:
            self.dropped += 1
            return
        self._want_keyframe = False
        self._packets.append(packet)
        self._filled.set()

    async def recv(self) -> Packet:
        """The next packet, as soon as there is one."""
        while not self._packets:
            if self.readyState != "live":
                raise MediaStreamError
            self._filled.clear()
            await self._filled.wait()
        return self._packets.popleft()

    def stop(self) -> None:
        """End the track, and whoever waits in `recv`."""
        super().stop()
        self._filled.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When each frame and each block of sound is due, in nanoseconds of the monotonic clock.

    Frame and sample 0 lie at `start_ns`. Pure.
    """

    start_ns: int
    frames_per_second: int

    def frame_due(self, frame: int) -> int:
        """When frame `frame` is to be painted."""
        return self.start_ns + frame * _NS // self.frames_per_second

    def next_frame(self, after: int, now_ns: int) -> int:
        """The frame to paint after frame `after`: those whose whole slot has passed are skipped."""
        late = now_ns - _SLOT_SLACK_NS - self.start_ns
        return max(after + 1, late * self.frames_per_second // _NS)

    def block_due(self, block: int) -> int:
        """When block `block` of `OPUS_SAMPLES` is to be encoded and sent.

        A sender report pairs a packet's time with the time it left, so both tracks should be
        equally late: a picture takes some 6 ms to paint and encode, and Opus looks 6.5 ms ahead.
        """
        return self.start_ns + block * OPUS_SAMPLES * _NS // tone.SAMPLE_RATE


class LiveSource:
    """Paints and sounds from `start` to `stop`, in a thread of its own."""

    def __init__(self, *, scene: SceneRenderer, frames_per_second: int) -> None:
        self.picture, self.sound = PacketTrack("video"), PacketTrack("audio")
        self._scene, self._frames_per_second = scene, frames_per_second
        self._halt = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Go live; to be called on the event loop, once."""
        self._thread = threading.Thread(
            target=self._run, args=(asyncio.get_running_loop(),), name="demo-source"
        )
        self._thread.start()

    async def stop(self) -> None:
        """End the tracks and the thread."""
        self._halt.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        self.picture.stop()
        self.sound.stop()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        encoder = PictureEncoder(
            width=self._scene.width,
            height=self._scene.height,
            frames_per_second=self._frames_per_second,
        )
        sound = SoundEncoder()
        unix_ns, start_ns = time.time_ns(), time.monotonic_ns()
        second = unix_ns * tone.SAMPLE_RATE // _NS % tone.SAMPLE_RATE
        schedule = Schedule(start_ns=start_ns, frames_per_second=self._frames_per_second)
        frame = block = 0
        keyframe_second = -1
        while True:
            frame_due, block_due = schedule.frame_due(frame), schedule.block_due(block)
            wait_ns = min(frame_due, block_due) - time.monotonic_ns()
            if self._halt.wait(max(0, wait_ns) / _NS):
                return
            if block_due <= frame_due:
                samples = tone.samples(start=second + block * OPUS_SAMPLES, count=OPUS_SAMPLES)
                for packet in sound.encode(samples, start=(block + 1) * OPUS_SAMPLES):
                    self._deliver(loop, self.sound, packet)
                block += 1
                continue
            elapsed_ns = frame_due - start_ns
            keyframe = elapsed_ns // _NS != keyframe_second
            keyframe_second = elapsed_ns // _NS
            picture = self._scene.frame(frame, (unix_ns + elapsed_ns) // 1_000_000)
            ticks = frame * TICKS_PER_SECOND // self._frames_per_second
            for packet in encoder.encode(picture, ticks=ticks, keyframe=keyframe):
                self._deliver(loop, self.picture, packet)
            frame = schedule.next_frame(frame, time.monotonic_ns())

    def _deliver(self, loop: asyncio.AbstractEventLoop, track: PacketTrack, packet: Packet) -> None:
        """The one crossing from the thread to the event loop."""
        try:
            loop.call_soon_threadsafe(track.put, packet)
        except RuntimeError:  # the loop was closed without `stop`: the process is ending
            self._halt.set()
