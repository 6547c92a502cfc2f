"""The demo's encoders: pictures to H.264, sound to Opus, ready for RTP. Used by one thread."""

from collections.abc import Sequence
from fractions import Fraction
from typing import TypeAlias

import av
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from mediaserver.demo.tone import SAMPLE_RATE
from transcoder.values import TICKS_PER_SECOND

Packet: TypeAlias = "av.Packet[Stream]"

VIDEO_BITS_PER_PIXEL = 0.09
"""2.5 Mb/s at 1280x720 and 30 frames a second."""
AUDIO_BPS = 96_000
OPUS_SAMPLES = 960
"""20 ms, the packet length every WebRTC client sends."""


class PictureEncoder:
    """H.264 constrained baseline without delay: one frame in, one packet out (Annex B).

    Parameter sets stand in front of every IDR frame, so that a receiver may begin at any of them.
    """

    def __init__(self, *, width: int, height: int, frames_per_second: int) -> None:
        codec = av.CodecContext.create("libx264", "w")
        if not isinstance(codec, VideoCodecContext):
            raise TypeError("libx264 is no video encoder here")
        bit_rate = int(VIDEO_BITS_PER_PIXEL * width * height * frames_per_second)
        codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
        codec.framerate = Fraction(frames_per_second)
        codec.time_base = Fraction(1, TICKS_PER_SECOND)
        codec.bit_rate = bit_rate
        codec.gop_size = 600
        codec.thread_count = 1
        codec.options = {
            "preset": "superfast",
            "tune": "zerolatency",
            "profile": "baseline",
            "forced-idr": "1",
            "x264-params": (
                f"vbv-maxrate={bit_rate * 5 // 4000}:vbv-bufsize={bit_rate // 1000}"
                ":colorprim=bt709:transfer=bt709:colormatrix=bt709"
            ),
        }
        self._codec = codec

    def encode(
        self, picture: npt.NDArray[np.uint8], *, ticks: int, keyframe: bool
    ) -> Sequence[Packet]:
        """The packet of one YUV 4:2:0 picture, its pts in ticks; an IDR frame when `keyframe`."""
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = ticks
        frame.time_base = Fraction(1, TICKS_PER_SECOND)
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        return self._codec.encode(frame)


class SoundEncoder:
    """Opus in packets of `OPUS_SAMPLES`. A packet's pts is the time of what it decodes to first,
    which lies before the first sample given (the encoder's look-ahead)."""

    def __init__(self) -> None:
        codec = av.CodecContext.create("libopus", "w")
        if not isinstance(codec, AudioCodecContext):
            raise TypeError("libopus is no audio encoder here")
        codec.bit_rate = AUDIO_BPS
        codec.format = av.AudioFormat("s16")
        codec.layout = av.AudioLayout("stereo")
        codec.sample_rate = SAMPLE_RATE
        codec.time_base = Fraction(1, SAMPLE_RATE)
        codec.options = {"application": "audio", "frame_duration": "20"}
        self._codec = codec

    def encode(self, mono: npt.NDArray[np.int16], *, start: int) -> Sequence[Packet]:
        """The packets of `OPUS_SAMPLES` mono samples that begin at sample `start`."""
        stereo = np.repeat(mono, 2)[None, :]
        frame = av.AudioFrame.from_ndarray(stereo, format="s16", layout="stereo")
        frame.sample_rate = SAMPLE_RATE
        frame.pts = start
        frame.time_base = Fraction(1, SAMPLE_RATE)
        return self._codec.encode(frame)
