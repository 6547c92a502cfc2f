"""One rung's H.264 encoder: pictures of the rung's size in, one sample for each slot out.

libx264 without lookahead, B-frames or scene cuts: every picture comes out at once, and IDR frames
are exactly those asked for. Parameter sets are in `sps` and `pps` from the start and never in the
samples. One encoder belongs to one thread.
"""

from fractions import Fraction

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from transcoder.cmaf.avc import annexb_to_avcc, parameter_sets
from transcoder.errors import MediaError
from transcoder.grid import Grid
from transcoder.packager import VideoSample
from transcoder.profiles import RungPlan

_BT709 = 1
"""ITU-T H.273: the code of BT.709 as primaries, transfer and matrix alike."""
_LIMITED_RANGE = 1

_X264_PARAMS = ":".join(
    (
        "scenecut=0",
        "bframes=0",
        "open-gop=0",
        "aud=0",
        "repeat-headers=0",
        "force-cfr=1",
        "sliced-threads=0",
        "threads=1",
    )
)


class RungEncoder:
    """Encodes one rung. Raises `MediaError` when libx264 fails or holds a picture back."""

    def __init__(self, plan: RungPlan, grid: Grid) -> None:
        self._plan = plan
        self._context = _opened(plan, grid)
        self.sps, self.pps = parameter_sets(self._context.extradata or b"")

    def encode(self, frame: VideoFrame, *, slot: int, idr: bool) -> VideoSample:
        """The sample of `slot`, which shows `frame` (already of the rung's size)."""
        plan = self._plan
        if (frame.width, frame.height, frame.format.name) != (plan.width, plan.height, "yuv420p"):
            raise MediaError(
                f"the encoder of {plan.name} makes {plan.width}x{plan.height}, it was given "
                f"{frame.width}x{frame.height} {frame.format.name}"
            )
        frame.pts = slot
        frame.time_base = self._context.time_base
        frame.pict_type = PictureType.I if idr else PictureType.NONE
        try:
            packets = self._context.encode(frame)
        except (av.FFmpegError, ValueError, MemoryError) as exc:
            raise MediaError(f"the encoder of {plan.name} failed: {exc}") from exc
        if len(packets) != 1 or packets[0].pts != slot:
            raise MediaError(f"the encoder of {plan.name} held the picture of slot {slot} back")
        (packet,) = packets
        return VideoSample(
            slot=slot, keyframe=packet.is_keyframe, data=annexb_to_avcc(bytes(packet))
        )


def _opened(plan: RungPlan, grid: Grid) -> VideoCodecContext:
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = plan.width, plan.height, "yuv420p"
    context.time_base = Fraction(1, grid.frames_per_second)
    context.framerate = Fraction(grid.frames_per_second)
    context.bit_rate = plan.bitrate_bps
    context.gop_size = grid.idr_slots
    context.max_b_frames = 0
    context.thread_count = 1
    context.color_primaries = context.color_trc = context.colorspace = _BT709
    context.color_range = _LIMITED_RANGE
    context.flags |= Flags.global_header | Flags.closed_gop
    context.options = {
        "preset": plan.preset,
        "tune": plan.tune,
        "profile": plan.h264_profile,
        "forced-idr": "1",
        "maxrate": str(plan.max_bitrate_bps),
        "bufsize": str(plan.buffer_bits),
        "x264-params": _X264_PARAMS,
    }
    try:
        context.open()
    except (av.FFmpegError, ValueError) as exc:
        raise MediaError(f"the encoder of {plan.name} cannot be opened: {exc}") from exc
    return context
