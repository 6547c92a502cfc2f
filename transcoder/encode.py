"""One rung's encoder: pictures of the rung's size in, one sample for each slot out.

Whatever the codec, every picture comes out at once and keyframes are exactly those asked for;
parameter sets are in `config` from the start and not in the samples (AV1 repeats its sequence
header in keyframes, unchanged). One encoder belongs to one thread.
"""

from collections.abc import Sequence

import av
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from transcoder.cmaf.video_config import VideoConfig
from transcoder.encoders.allowance import Allowance
from transcoder.encoders.bitstreams import BITSTREAMS
from transcoder.encoders.boost import Region
from transcoder.encoders.families import FAMILIES
from transcoder.encoders.opening import opened
from transcoder.errors import MediaError
from transcoder.grid import Grid
from transcoder.profiles import RungPlan
from transcoder.samples import EncodedPicture

_PICTURES = "yuv420p"


class RungEncoder:
    """Encodes one rung. Raises `MediaError` when the encoder fails or holds a picture back."""

    def __init__(self, plan: RungPlan, grid: Grid) -> None:
        self.plan, self._context = opened(plan, grid)
        """As it is kept to: another encoder than planned where its device is missing."""
        self.headers: bytes = self._context.extradata or b""
        """As the encoder makes them: parameter sets in Annex B, or AV1 units."""
        self._time_base = self._context.time_base
        self._bitstream = BITSTREAMS[plan.codec]
        self._family = FAMILIES[self.plan.encoder]
        self._to_native = VideoReformatter()
        self._allowance = None if self._family.keeps_vbv else _allowance(plan, grid)
        self._last: VideoFrame | None = None
        self._region: Region | None = None
        self._config: VideoConfig = self._bitstream.config(self.headers)
        if (self._config.width, self._config.height) != (plan.width, plan.height):
            raise MediaError(
                f"the encoder of {plan.name} makes {self._config.width}x{self._config.height}, "
                f"not {plan.width}x{plan.height}"
            )

    @property
    def config(self) -> VideoConfig:
        """What the init section says of the pictures; it never changes."""
        return self._config

    def encode(self, frame: VideoFrame, *, slot: int, idr: bool) -> EncodedPicture:
        """The sample of `slot`, which shows `frame` (already of the rung's size).

        Slots may be left out: the picture before then stands longer.
        """
        plan = self.plan
        if (frame.width, frame.height, frame.format.name) != (plan.width, plan.height, _PICTURES):
            raise MediaError(
                f"the encoder of {plan.name} makes {plan.width}x{plan.height}, it was given "
                f"{frame.width}x{frame.height} {frame.format.name}"
            )
        if self._allowance is not None:
            frame = self._affordable(frame, slot)
        try:
            packets = self._packets(frame, slot=slot, idr=idr)
        except (av.FFmpegError, ValueError, MemoryError) as exc:
            raise MediaError(f"the encoder of {plan.name} failed: {exc}") from exc
        if len(packets) != 1 or packets[0].pts != slot:
            raise MediaError(f"the encoder of {plan.name} held the picture of slot {slot} back")
        (packet,) = packets
        data = self._bitstream.sample(bytes(packet))
        if self._allowance is not None:
            self._allowance.spend(slot, 8 * len(data))
        return EncodedPicture(keyframe=packet.is_keyframe, data=data)

    def boost(self, percent: int | None) -> None:
        """Let the next pictures have `percent` more bits, within the VBV maximum; None ends it.

        libx265, SVT-AV1 and libx264 at its preset ultrafast (which has no adaptive quantisation)
        cannot: there it changes nothing.
        """
        plan = self.plan
        if self._family.boost_by == "region":
            self._region = Region(plan.width, plan.height, percent) if percent else None
        elif self._family.boost_by == "bit_rate":
            raised = plan.bitrate_bps * (100 + (percent or 0)) // 100
            self._context.bit_rate = min(raised, plan.max_bitrate_bps)

    def _affordable(self, frame: VideoFrame, slot: int) -> VideoFrame:
        """`frame`, or the picture before it while too much has been sent."""
        if self._allowance is None or self._last is None or not self._allowance.spent_up(slot):
            self._last = frame
        return self._last

    def _packets(
        self, frame: VideoFrame, *, slot: int, idr: bool
    ) -> "Sequence[Packet[VideoStream]]":
        if self._region is not None:
            frame = self._region.marked(frame)
        elif self._family.pixel_format != _PICTURES:
            frame = self._to_native.reformat(frame, format=self._family.pixel_format, threads=1)
        frame.pts = slot
        frame.time_base = self._time_base
        frame.pict_type = PictureType.I if idr else PictureType.NONE
        return self._context.encode(frame)


def _allowance(plan: RungPlan, grid: Grid) -> Allowance:
    return Allowance(
        bits_per_slot=plan.max_bitrate_bps / grid.frames_per_second, buffer_bits=plan.buffer_bits
    )
