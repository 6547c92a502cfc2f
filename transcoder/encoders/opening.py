"""Opening the encoder of a rung, or the software that makes the same codec without its device."""

import os
from dataclasses import replace
from fractions import Fraction

import av
import structlog
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from transcoder.encoders.families import FAMILIES
from transcoder.errors import MediaError
from transcoder.grid import Grid
from transcoder.profiles import ENCODERS, SOFTWARE, EncoderName, RungPlan, unavailable

log = structlog.get_logger()

_BT709 = 1
"""ITU-T H.273: the code of BT.709 as primaries, transfer and matrix alike."""
_LIMITED_RANGE = 1

os.environ.setdefault("SVT_LOG", "0")  # else SVT-AV1 tells of itself on the standard error


class Devices:
    """Which encoders this process has found without their device: those are not asked again.

    Lives as long as the process. An encoder that has once been opened has its device; where it
    cannot be opened later, because a GPU encodes only so many pictures at a time, it is asked again
    by the next rung or generation. Each encoder is logged once.
    """

    def __init__(self) -> None:
        self._missing: set[EncoderName] = set()
        self._found: set[EncoderName] = set()
        self._told: set[EncoderName] = set()

    def misses(self, encoder: EncoderName) -> bool:
        """Whether it is known that `encoder` cannot be opened."""
        return encoder in self._missing

    def found(self, encoder: EncoderName) -> None:
        """`encoder` has been opened."""
        self._found.add(encoder)

    def failed(self, encoder: EncoderName, reason: str) -> None:
        """`encoder` could not be opened."""
        if encoder not in self._found:
            self._missing.add(encoder)
        if encoder not in self._told:
            self._told.add(encoder)
            log.warning(
                "encoder_unavailable",
                encoder=encoder,
                instead=SOFTWARE[ENCODERS[encoder].codec].name,
                says=unavailable(encoder, "its rungs are"),
                reason=reason,
            )


devices = Devices()
"""This process's."""


def opened(plan: RungPlan, grid: Grid) -> tuple[RungPlan, VideoCodecContext]:
    """The open encoder of `plan`, and the plan as it is kept to.

    An encoder whose device is missing is replaced by the software one of the same codec, at its
    own default preset; `devices` remembers that. Raises `MediaError` where software cannot be
    opened either.
    """
    if ENCODERS[plan.encoder].device is None:
        return plan, _open(plan, grid)
    if not devices.misses(plan.encoder):
        try:
            context = _open(plan, grid)
        except MediaError as exc:
            devices.failed(plan.encoder, str(exc))
        else:
            devices.found(plan.encoder)
            return plan, context
    facts = SOFTWARE[plan.codec]
    plan = replace(plan, encoder=facts.name, preset=facts.preset)
    return plan, _open(plan, grid)


def _open(plan: RungPlan, grid: Grid) -> VideoCodecContext:
    family = FAMILIES[plan.encoder]
    try:
        context = av.CodecContext.create(plan.encoder, "w")
        if not isinstance(context, VideoCodecContext):
            raise TypeError(f"{plan.encoder} is no video encoder")
        context.width, context.height = plan.width, plan.height
        context.pix_fmt = family.pixel_format
        context.time_base = Fraction(1, grid.frames_per_second)
        context.framerate = Fraction(grid.frames_per_second)
        context.bit_rate = plan.bitrate_bps
        context.gop_size = grid.idr_slots
        context.max_b_frames = 0
        context.thread_count = 1
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = _LIMITED_RANGE
        context.flags |= Flags.global_header | Flags.closed_gop
        context.options = family.options(plan, grid)
        context.open()
    except (av.FFmpegError, ValueError, MemoryError) as exc:
        reason = exc.strerror if isinstance(exc, av.FFmpegError) else exc
        raise MediaError(
            f"the encoder {plan.encoder} of {plan.name} cannot be opened: {reason}"
        ) from exc
    return context
