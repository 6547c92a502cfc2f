"""The show's one audio encoding: Opus access units in, an unbroken line of AAC frames out.

Pure over values and the tick that *now* is; the codecs are FFmpeg's. Opus is decoded as it comes
and laid on a `SampleLine` by its timestamps; when their time has come the samples are encoded,
silence where none came, so the audio track never has a gap and never waits.
"""

from fractions import Fraction

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext

from transcoder.cmaf.aac import AAC_FRAME_SAMPLES, AUDIO_RATE_HZ
from transcoder.errors import MediaError
from transcoder.packager import AudioFrame
from transcoder.pcm import SampleLine
from transcoder.stretch import Pcm
from transcoder.values import TICKS_PER_SECOND, AccessUnit

_LOOKAHEAD_SAMPLES = 2 * AAC_FRAME_SAMPLES
"""The AAC encoder needs two frames (43 ms) past a frame's end before it gives that frame out."""

_TIME_BASE = Fraction(1, AUDIO_RATE_HZ)

_OPUS_DELAY_SAMPLES = 312
"""libopus decodes a sound 6.5 ms after the place in the packets at which it was encoded (RFC 7845
§4.2 calls it pre-skip; RTP does not say it). All WebRTC senders of note use libopus, so decoded
audio is placed that much earlier."""

_INT16_SCALE = 1 / 32768
_LAYOUTS = {1: "mono", 2: "stereo"}


class AudioLine:
    """One epoch run's audio, from `start_tick` on without a gap.

    Feed access units as they come and take frames as their time comes. Holds at most 10 s of audio
    ahead of what was taken; units past that are counted as lost.
    """

    def __init__(self, *, start_tick: int, bitrate_bps: int, channels: int = 2) -> None:
        self._layout = _LAYOUTS[channels]
        start = -(-start_tick * AUDIO_RATE_HZ // TICKS_PER_SECOND)
        self._line = SampleLine(start=start, channels=channels)
        self._start = self._next = start
        self._encoder = _aac_encoder(bitrate_bps, self._layout)
        self._decoder = _opus_decoder(self._layout)
        self.lost_units = 0
        """Access units that could not be decoded or lay absurdly far ahead."""

    @property
    def asc(self) -> bytes:
        """AudioSpecificConfig of the frames, for the init section."""
        return bytes(self._encoder.extradata or b"")

    @property
    def heard_tick(self) -> int:
        """Where the sound ends that was fed: its last packet's end, less what the codec holds."""
        return self._line.end * TICKS_PER_SECOND // AUDIO_RATE_HZ

    def needed_tick(self, until_tick: int) -> int:
        """Up to where sound must have been fed for `take` to conceal nothing: two frames past the
        end of the last frame that it gives."""
        frames = (until_tick * AUDIO_RATE_HZ // TICKS_PER_SECOND - self._start) // AAC_FRAME_SAMPLES
        end = self._start + frames * AAC_FRAME_SAMPLES + _LOOKAHEAD_SAMPLES
        return -(-end * TICKS_PER_SECOND // AUDIO_RATE_HZ)

    def feed(self, unit: AccessUnit) -> None:
        """Decode one Opus packet and lay it where its `pts` says. Never raises for bad data."""
        pcm = self._decoded(unit.data)
        start = _nearest_sample(unit.pts) - _OPUS_DELAY_SAMPLES
        if pcm is None or not self._line.place(start, pcm):
            self.lost_units += 1

    def take(self, until_tick: int) -> list[AudioFrame]:
        """All frames not yet taken that end at or before `until_tick`.

        What is missing up to `needed_tick` is concealed for good, so call it when audio up to there
        has had its time. Raises `MediaError` when the encoder fails.
        """
        until = until_tick * AUDIO_RATE_HZ // TICKS_PER_SECOND
        frames: list[AudioFrame] = []
        while self._next + AAC_FRAME_SAMPLES <= until:
            frames += self._encoded()
        return frames

    def reset_source(self) -> None:
        """Another publish follows: a new decoder, and its first unit is placed without slewing."""
        self._decoder = _opus_decoder(self._layout)
        self._line.restart()

    def _decoded(self, data: bytes) -> Pcm | None:
        if not data:
            return None  # to the decoder an empty packet is the end of the stream
        try:
            blocks = [frame.to_ndarray() for frame in self._decoder.decode(av.Packet(data))]
        except av.FFmpegError:
            return None
        if not blocks:
            return None
        interleaved = np.concatenate(blocks, axis=1).reshape(-1, self._decoder.layout.nb_channels)
        pcm: Pcm = np.multiply(interleaved.T, _INT16_SCALE, dtype=np.float32)
        return pcm

    def _encoded(self) -> list[AudioFrame]:
        """Encode the next 1024 samples; the frames that come out are two behind.

        The first has a time before the start: it primes the decoder's overlap, and is dropped.
        """
        position = self._line.position
        pcm = np.ascontiguousarray(self._line.read(AAC_FRAME_SAMPLES))
        frame = av.AudioFrame.from_ndarray(pcm, format="fltp", layout=self._layout)
        frame.sample_rate = AUDIO_RATE_HZ
        frame.time_base = _TIME_BASE
        frame.pts = position
        try:
            packets = self._encoder.encode(frame)
        except av.FFmpegError as exc:
            raise MediaError(f"the AAC encoder failed: {exc}") from exc
        frames = []
        for packet in packets:
            if packet.pts is not None and packet.pts >= self._start:
                frames.append(AudioFrame(start=packet.pts, data=bytes(packet)))
                self._next = packet.pts + AAC_FRAME_SAMPLES
        return frames


def _nearest_sample(tick: int) -> int:
    return (2 * tick * AUDIO_RATE_HZ + TICKS_PER_SECOND) // (2 * TICKS_PER_SECOND)


def _aac_encoder(bitrate_bps: int, layout: str) -> AudioCodecContext:
    encoder = av.CodecContext.create("aac", "w")
    encoder.sample_rate = AUDIO_RATE_HZ
    encoder.layout = layout
    encoder.format = "fltp"
    encoder.bit_rate = bitrate_bps
    encoder.thread_count = 1
    encoder.open()
    return encoder


def _opus_decoder(layout: str) -> AudioCodecContext:
    """libopus itself: it gives 16-bit samples at 48 kHz in `layout`, whatever the packets hold."""
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate = AUDIO_RATE_HZ
    decoder.layout = layout
    decoder.thread_count = 1
    decoder.open()
    return decoder
