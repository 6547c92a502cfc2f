"""Which encoders of a profile have their device, as a worker would find it.

A worker encodes in its sandbox (`transcoder.sandbox`), so the answer is got in a process that has
entered the same one: this module, run as a program, is that process. It reads a profile as JSON and
prints the name of each encoder that it could open, so that a driver that brings it down has
answered too.
"""

import json
import subprocess
import sys

import structlog

from transcoder.encoders.opening import opened
from transcoder.errors import MediaError
from transcoder.grid import Grid
from transcoder.profiles import ENCODERS, EncoderName, Profile, plan_rungs, unavailable
from transcoder.sandbox import enter_sandbox

_PROBE_SIDES = (1280, 720)
_PROBE_S = 60
"""How long the probe may take: a GPU that was asleep takes seconds. Then its encoders are none."""


def missing_devices(profile: Profile) -> tuple[str, ...]:
    """A sentence for each encoder of `profile` that a worker on this machine has no device for.

    Blocks while a child process tries them, where the profile names any that needs a device.
    """
    wanted = _with_device(profile)
    found = _found(profile) if wanted else frozenset()
    sentences = []
    for encoder in wanted:
        if encoder not in found:
            names = ", ".join(rung.name for rung in profile.rungs if rung.encoder == encoder)
            sentences.append(unavailable(encoder, f"{names} will be"))
    return tuple(sentences)


def _with_device(profile: Profile) -> tuple[EncoderName, ...]:
    named = dict.fromkeys(rung.encoder for rung in profile.rungs)
    return tuple(encoder for encoder in named if ENCODERS[encoder].device is not None)


def _found(profile: Profile) -> frozenset[str]:
    """The encoders that a sandboxed process has opened."""
    try:
        child = subprocess.run(
            [sys.executable, "-m", "transcoder.encoders.devices"],
            input=json.dumps(profile.to_plain()),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=_PROBE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return frozenset()
    return frozenset(child.stdout.split())


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
        kept, _ = opened(plan, grid)
    except MediaError:
        return False
    return kept.encoder == encoder


def _probe() -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    profile = Profile.from_plain(json.load(sys.stdin))
    enter_sandbox()
    for encoder in _with_device(profile):
        if _opens(profile, encoder):
            print(encoder, flush=True)


if __name__ == "__main__":
    _probe()
