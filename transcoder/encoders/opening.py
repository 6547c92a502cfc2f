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
from transcoder.profiles import ENCODERS, SOFTWARE, EncoderName, Profile, RungPlan, plan_rungs

log = structlog.get_logger()

_BT709 = 1
"""ITU-T H.273: the code of BT.709 as primaries, transfer and matrix alike."""
_LIMITED_RANGE = 1
_PROBE_SIDES = (1280, 720)

os.environ.setdefault("SVT_LOG", "0")  # else SVT-AV1 tells of itself on the standard error


def opened(plan: RungPlan, grid: Grid) -> tuple[RungPlan, VideoCodecContext]:
    """The open encoder of `plan`, and the plan as it is kept to.

    An encoder whose device is missing is replaced by the software one of the same codec, at its
    own default preset; that is logged. Raises `MediaError` where that cannot be opened either.
    """
    try:
        return plan, _open(plan, grid)
    except MediaError as exc:
        if ENCODERS[plan.encoder].device is None:
            raise
        facts = SOFTWARE[plan.codec]
        log.warning("encoder_unavailable", rung=plan.name, instead=facts.name, reason=str(exc))
        plan = replace(plan, encoder=facts.name, preset=facts.preset)
        return plan, _open(plan, grid)


def missing_devices(profile: Profile) -> tuple[str, ...]:
    """A sentence for each encoder of `profile` that this machine has no device for."""
    sentences = []
    for encoder in dict.fromkeys(rung.encoder for rung in profile.rungs):
        facts = ENCODERS[encoder]
        if facts.device is None or _opens(profile, encoder):
            continue
        names = ", ".join(rung.name for rung in profile.rungs if rung.encoder == encoder)
        sentences.append(
            f"{encoder} needs {facts.device}, which is not to be had here: {names} will be "
            f"encoded by {SOFTWARE[facts.codec].name}, preset {SOFTWARE[facts.codec].preset}."
        )
    return tuple(sentences)


def _opens(profile: Profile, encoder: EncoderName) -> bool:
    grid = Grid(
        frames_per_second=profile.frames_per_second,
        part_slots=profile.frames_per_second,
        idr_slots=profile.frames_per_second,
        segment_slots=profile.frames_per_second,
    )
    rung = next(rung for rung in profile.rungs if rung.encoder == encoder)
    probed = profile.model_copy(update={"rungs": (rung,)})
    (plan,) = plan_rungs(probed, *_PROBE_SIDES)
    try:
        _open(plan, grid)
    except MediaError:
        return False
    return True


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
