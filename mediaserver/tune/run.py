"""``comptoir tune CLIP``: choose the profiles, measure with bars, write it all down."""

import asyncio
import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

import structlog
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from mediaserver.errors import ConfigError
from mediaserver.profiles import find_profile, is_path, known_profiles
from mediaserver.tune.asked import Asked, Files, TuneRefused
from mediaserver.tune.record import record
from transcoder.encoders.devices import missing_devices
from transcoder.profiles import Profile
from transcoder.tune.ffmpeg import find_ffmpeg
from transcoder.tune.report import Language, render_json, render_page
from transcoder.tune.session import Wish, tune
from transcoder.tune.values import Note, Results, note

BASE = "default"
"""The profile that is swept when none is named."""
INTERRUPTED = 130


def run_tune(asked: Asked, files: Files, *, profile_folder: Path | None = None) -> int:
    """The whole command; its exit status. Raises `ComptoirError` or `TranscoderError`.

    `profile_folder` is the operator's own, whose profiles have names too.
    """
    console = Console(stderr=True)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    language, budget, sweep = asked.report_language, asked.budget, asked.sweep
    for file in filter(None, (files.report, files.json, files.yaml)):
        _check_folder(file)
    ffmpeg = find_ffmpeg()
    profiles, notes = _profiles(asked.profiles, profile_folder)
    names = tuple(profile.name for profile in profiles)
    with _clip_file(asked.clip, asked.clip_s, console) as file, _Bars(console) as bars:
        wish = Wish(
            clip=file,
            seconds=asked.clip_s,
            profiles=tuple(profiles),
            swept=names if asked.profiles else (BASE,),
            sweep=sweep,
            budget=budget,
            crowds=names[:1] if asked.quick else names,
            max_shows=asked.shows,
            notes=tuple(notes),
        )
        results = tune(wish, ffmpeg=ffmpeg, progress=bars)
    _write(results, console, files, language)
    return INTERRUPTED if results.interrupted else 0


def _write(results: Results, console: Console, files: Files, language: Language) -> None:
    files.report.write_text(render_page(results, language), encoding="utf-8")
    console.print(f"The report is in {files.report}.", highlight=False)
    if files.json is not None:
        files.json.write_text(render_json(results), encoding="utf-8")
    found = results.recommendation
    if found is None:
        console.print("No ladder is recommended; the report says why.")
    elif files.yaml is None:
        typer.echo(found.yaml, nl=False)
    else:
        files.yaml.write_text(found.yaml, encoding="utf-8")
        console.print(f"The recommended profile is in {files.yaml}.", highlight=False)


class _Bars:
    """Two bars: all of it, and the task at hand."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._all = self._progress.add_task("Tuning", total=1)
        self._one = self._progress.add_task("", total=1, visible=False)
        self._done = -1

    def __enter__(self) -> "_Bars":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def plan(self, tasks: int) -> None:
        """See `transcoder.tune.session.Progress`."""
        self._progress.start()
        self._progress.update(self._all, total=tasks)

    def task(self, name: str) -> None:
        """See `transcoder.tune.session.Progress`."""
        self._done += 1
        self._progress.update(self._all, completed=self._done)
        self._progress.update(self._one, description=name[:40], completed=0, visible=True)

    def called(self, name: str) -> None:
        """See `transcoder.tune.session.Progress`."""
        self._progress.update(self._one, description=name[:40])

    def step(self, share: float) -> None:
        """See `transcoder.tune.session.Progress`."""
        self._progress.update(self._one, completed=share)
        self._progress.update(self._all, completed=self._done + share)


@contextlib.contextmanager
def _clip_file(clip: str, seconds: float, console: Console) -> Iterator[Path]:
    """The clip as a file; of a running show it is recorded first, and removed afterwards."""
    if "://" not in clip:
        yield Path(clip)
        return
    with tempfile.TemporaryDirectory(prefix="comptoir-tune-") as folder:
        file = Path(folder) / f"{_file_name(clip)}.mp4"
        with console.status("Recording …"):
            asyncio.run(record(clip, file, seconds=seconds))
        yield file


def _file_name(url: str) -> str:
    """What the report calls a recorded clip: ``live-demo``."""
    path = urlsplit(url).path.rpartition("/")[0].strip("/")
    return re.sub("[^A-Za-z0-9]+", "-", path).strip("-")[:60] or "recorded"


def _profiles(named: tuple[str, ...], folder: Path | None) -> tuple[list[Profile], list[Note]]:
    """The profiles to measure, called as they were named; else those that have a name and can run
    here."""
    if named:
        # A file that nobody named anew would have the name of what it was copied from.
        return [_called(one, find_profile(one, folder, key="--profile")) for one in named], []
    profiles, notes = [], []
    for name in sorted(known_profiles(folder), key=lambda one: (one != BASE, one)):
        try:
            profile = _called(name, find_profile(name, folder))
            why = missing_devices(profile)
        except ConfigError as exc:
            if name == BASE:  # what the sweep begins with
                raise
            why = (str(exc),)
        if why:
            notes.append(note("skipped", what=name, why=why[0]))
        else:
            profiles.append(profile)
    return profiles, notes


def _called(name: str, profile: Profile) -> Profile:
    called = Path(name).stem if is_path(name) else name
    return profile.model_copy(update={"name": called[:40] or profile.name})


def _check_folder(file: Path) -> None:
    """Better now than after an hour. Raises `TuneRefused`."""
    folder = file.absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK) or file.is_dir():
        raise TuneRefused(
            f"{file} cannot be written: {folder} is no folder that can be written to."
        )
