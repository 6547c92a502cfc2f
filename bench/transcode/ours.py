"""``python -m bench.transcode.ours``: one film through our pipeline, as fast as it goes.

The epoch run of a worker (decode, grid, scaling, encoders, AAC, packager) under a virtual clock:
each slot's access units are handed in at their own time, and the clock waits for the encoders
instead of the other way round. With ``--out`` each rendition is written as one file.
"""

import argparse
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from bench import film
from transcoder.control import CueUnsent, SourceStart, StartEpoch
from transcoder.epoch import EpochRun
from transcoder.profile_files import load_profile
from transcoder.telemetry import Telemetry
from transcoder.values import AccessUnit, Anchor, InitSection, Part

ANCHOR = Anchor(utc_us=0, monotonic_ns=0)
IN_WORK_SLOTS = 4
"""Slots in the encoders before the clock waits: every rung's thread has something to do, and none
of it counts as overload."""
_FLUSH_S, _PATIENCE_S = 20.0, 0.5


class Files:
    """Where the run's results go: to files in a folder, or nowhere."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}
        self.sizes: dict[str, int] = {}

    def init(self, section: InitSection) -> None:
        """The first bytes of a rendition."""
        if self._folder is not None and section.rendition not in self._files:
            path = self._folder / f"{section.rendition}.mp4"
            self._files[section.rendition] = path.open("wb")
        self._write(section.rendition, section.data)

    def part(self, part: Part) -> None:
        """Its next bytes."""
        self._write(part.rendition, part.data)

    def request_keyframe(self, source: int) -> None:
        """The film has one each second, and no more."""

    def cue_unsent(self, unsent: CueUnsent) -> None:
        """There are no cues."""

    def ladder(self, state: object) -> None:
        """What the rungs do now is not asked."""

    def close(self) -> None:
        """Write out what is left."""
        for file in self._files.values():
            file.close()

    def _write(self, rendition: str, data: bytes) -> None:
        self.sizes[rendition] = self.sizes.get(rendition, 0) + len(data)
        if (file := self._files.get(rendition)) is not None:
            file.write(data)


def encode(path: Path, profile: Path, out: Path | None) -> dict[str, int]:
    """Put the film through; returns the bytes of each rendition. Raises `TranscoderError`."""
    files, bell = Files(out), threading.Event()
    start = StartEpoch(
        show="bench", epoch="e", au_socket="", profile=load_profile(profile).to_plain(),
        latency="low", generation=0, next_number=0, next_msn=0, next_tick=0, cues=(), previous=(),
    )  # fmt: skip
    run = EpochRun(start, output=files, telemetry=Telemetry("bench"), wake=bell.set, now_ns=0)
    try:
        run.turn([SourceStart(epoch="e", source=1, anchor=ANCHOR)], 0)
        for arrived, now_ns in _turns(list(film.units(path))):
            run.turn(arrived, now_ns)
            while run.backlog > IN_WORK_SLOTS:
                bell.wait(_PATIENCE_S)
                bell.clear()
                run.turn((), now_ns)
        run.finish(_FLUSH_S)
    finally:
        run.close()
        files.close()
    return files.sizes


def _turns(units: list[AccessUnit]) -> list[tuple[list[AccessUnit], int]]:
    """What arrives in each slot, and the time at which all of it has."""
    units.sort(key=lambda unit: unit.pts)
    turns: list[tuple[list[AccessUnit], int]] = []
    for unit in units:
        now_ns = ANCHOR.monotonic_ns_at(unit.pts)
        if turns and (unit.kind == "audio" or now_ns == turns[-1][1]):
            turns[-1][0].append(unit)
        else:
            turns.append(([unit], now_ns))
    return turns


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.transcode.ours", description=__doc__)
    parser.add_argument("--film", type=Path, required=True)
    parser.add_argument("--profile", type=Path, required=True)
    parser.add_argument("--out", type=Path, help="a folder for the renditions")
    options = parser.parse_args(arguments)
    sizes = encode(options.film, options.profile, options.out)
    print(" ".join(f"{name}:{size}" for name, size in sizes.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
