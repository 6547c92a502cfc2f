"""The init sections of a generation: what each rendition is made of, and how it is to be listed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from transcoder.bandwidth import average_bps, passed_peak_bps
from transcoder.cmaf.video_config import VideoConfig
from transcoder.control import StartEpoch
from transcoder.errors import MediaError
from transcoder.grid import Grid
from transcoder.packager import AudioConfig, init_section
from transcoder.profiles import Profile, RungPlan
from transcoder.roles import Role
from transcoder.values import Anchor, InitSection


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePlan:
    """What an epoch run makes, decided once."""

    start: StartEpoch
    profile: Profile
    grid: Grid
    anchor: Anchor
    rungs: Sequence[RungPlan]
    first_slot: int


def generation_sections(
    plan: StagePlan,
    *,
    generation: int,
    roles: Sequence[Role],
    videos: Sequence[VideoConfig | None],
    asc: bytes,
    source_bps: int = 0,
) -> tuple[InitSection, ...]:
    """The init sections of one generation, best rendition first.

    With `source_bps` the best declares a BANDWIDTH that bounds so many bits of the source's
    pictures, also while it is encoded: segments of the source's are still listed then.
    `videos` are what the encoders, and the source, say of their pictures; None for mirrors, which
    have the section of the rung that they show under their own name: its size and its rates too.
    Raises `MediaError` for an encoder that makes another size than its rung's.
    """
    plan = _declaring(plan, source_bps) if source_bps else plan
    made = [
        None if video is None else _section(plan, generation, rung, role, video, asc)
        for rung, role, video in zip(plan.rungs, roles, videos, strict=True)
    ]
    sections = []
    for rung, role, section in zip(plan.rungs, roles, made, strict=True):
        shown = section if role.of is None else made[role.of]
        if shown is None:
            raise ValueError(f"the rung {rung.name} is made of nothing")
        mirrored = role.of is not None
        sections.append(
            replace(
                shown,
                rendition=rung.name,
                own_width=rung.width if mirrored else 0,
                own_height=rung.height if mirrored else 0,
            )
        )
    return tuple(sections)


def _declaring(plan: StagePlan, source_bps: int) -> StagePlan:
    """`plan` with a best rung whose BANDWIDTH bounds the source's pictures too."""
    top, *others = plan.rungs
    profile = plan.profile
    bandwidth_bps = passed_peak_bps(
        source_bps,
        audio_bps=profile.audio.bitrate_bps,
        frames_per_second=profile.frames_per_second,
        segment_s=profile.segment_s,
    )
    top = replace(top, bandwidth_bps=max(top.bandwidth_bps, bandwidth_bps))
    return replace(plan, rungs=(top, *others))


def _section(
    plan: StagePlan, generation: int, rung: RungPlan, role: Role, video: VideoConfig, asc: bytes
) -> InitSection:
    if (video.width, video.height) != (rung.width, rung.height):
        raise MediaError(
            f"{rung.name} is {video.width}x{video.height}, not {rung.width}x{rung.height}"
        )
    start = plan.start
    return init_section(
        show=start.show,
        epoch=start.epoch,
        rendition=rung.name,
        generation=generation,
        ladder=tuple(one.name for one in plan.rungs),
        anchor=plan.anchor,
        grid=plan.grid,
        video=video,
        audio=AudioConfig(asc=asc),
        bandwidth_bps=rung.bandwidth_bps,
        average_bandwidth_bps=(
            rung.average_bandwidth_bps if role.kind == "encoded" else _passed_average(plan, rung)
        ),
    )


def _passed_average(plan: StagePlan, rung: RungPlan) -> int:
    """A source may send its most all the time: nobody steers its rate control."""
    profile = plan.profile
    if profile.passthrough == "always":
        return rung.bandwidth_bps
    return average_bps(
        bitrate_bps=rung.max_bitrate_bps,
        audio_bps=profile.audio.bitrate_bps,
        frames_per_second=profile.frames_per_second,
    )
