"""What the operator asks of ``comptoir tune``, read and judged. Pure."""

import os
from dataclasses import dataclass
from pathlib import Path

from mediaserver.errors import ComptoirError
from transcoder.tune.report import LANGUAGES, Language
from transcoder.tune.values import Budget
from transcoder.tune.variants import Sweep

_BITRATES = (0.4, 0.6, 1.0, 1.5, 2.0)
_QUICK_BITRATES = (0.5, 1.0, 1.6)
_PRESETS = ("ultrafast", "superfast", "faster")
_QUICK_S, _USUAL_S = 4.0, 8.0
_SHARE_OF_MACHINE = 0.8


class TuneRefused(ComptoirError):
    """What was asked for makes no sense; names the option."""

    code = "cannot_tune"


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where results go."""

    report: Path
    json: Path | None
    yaml: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options as they were given; empty or None where they were not.

    The properties read them and raise `TuneRefused`.
    """

    clip: str
    profiles: tuple[str, ...]
    presets: str
    bitrates: str
    scalers: str
    frame_rates: str
    seconds: float | None
    cores: float | None
    bandwidth: str
    rungs: int
    shows: int
    quick: bool
    language: str

    @property
    def clip_s(self) -> float:
        """How much of the clip."""
        return self.seconds or (_QUICK_S if self.quick else _USUAL_S)

    @property
    def budget(self) -> Budget:
        """What the ladder may cost; without a word most of this machine for one show."""
        return Budget(
            cores=self.cores or _SHARE_OF_MACHINE * (os.cpu_count() or 1),
            bandwidth_bps=bits("--bandwidth", self.bandwidth) if self.bandwidth else None,
            rungs=self.rungs,
        )

    @property
    def sweep(self) -> Sweep:
        """What to change in profiles; scalers and frame rates only where they are named."""
        return Sweep(
            presets=_words(self.presets) or (() if self.quick else _PRESETS),
            bitrates=_factors(self.bitrates) or (_QUICK_BITRATES if self.quick else _BITRATES),
            scalers=_words(self.scalers),
            frame_rates=_rates(self.frame_rates),
        )

    @property
    def report_language(self) -> Language:
        """Of the report."""
        for language in LANGUAGES:
            if self.language == language:
                return language
        raise TuneRefused(
            f"--lang: {self.language!r} is no language of the report; use {' or '.join(LANGUAGES)}."
        )


def bits(option: str, text: str) -> int:
    """``4M``, ``900k`` or plain bits per second. Raises `TuneRefused`."""
    units = {"k": 1e3, "m": 1e6}
    unit = units.get(text[-1:].lower(), 1.0)
    digits = text[:-1] if text[-1:].lower() in units else text
    try:
        value = float(digits) * unit
        if not 1e4 <= value <= 1e9:
            raise ValueError
    except ValueError:
        raise TuneRefused(
            f"{option}: {text!r} is no rate; give bits per second from 10k to 1000M, such as 4M."
        ) from None
    return round(value)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _factors(text: str) -> tuple[float, ...]:
    try:
        factors = tuple(float(word) for word in _words(text))
        if not all(0.05 <= factor <= 20 for factor in factors):
            raise ValueError
    except ValueError:
        raise TuneRefused(
            f"--bitrate: {text!r} is no list of factors; give 0.05 to 20, such as 0.5,1,2."
        ) from None
    return factors


def _rates(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in _words(text))
    except ValueError:
        raise TuneRefused(
            f"--fps: {text!r} is no list of frame rates; give whole numbers, such as 15,25."
        ) from None
