"""What a tuning run measures. All of it is frozen, and all of it goes into the report and the JSON.

CPU is thread time: seconds of CPU per second of media are *cores*. Rates are bits per second of
what a viewer downloads: pictures, sound and boxes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from transcoder.profiles import Profile

MetricName = Literal["vmaf", "vmaf_neg", "vmaf_phone", "ssim", "xpsnr"]
METRICS: tuple[MetricName, ...] = ("vmaf", "vmaf_neg", "vmaf_phone", "ssim", "xpsnr")


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One metric over the pictures of a rung."""

    mean: float
    low: float
    """The value that 5 % of the pictures lie below."""


Quality = Mapping[MetricName, Score]
"""VMAF models 0 to 100, SSIM 0 to 1, XPSNR in decibel. A metric that cannot be had is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A sentence of the report: its key in `report.texts` and what stands in its places."""

    key: str
    places: Mapping[str, str]


def note(key: str, **places: str) -> Note:
    """A `Note`."""
    return Note(key=key, places=places)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A profile as it is, or with something changed."""

    profile_name: str
    """The profile that it comes from."""
    profile: Profile
    changes: tuple[tuple[str, str], ...]
    """What was changed and to what: ``("preset", "veryfast")``. Empty: as it is."""

    @property
    def label(self) -> str:
        """The profile's name and the changes, for tables and progress bars."""
        return ", ".join([self.profile_name, *(f"{key} {to}" for key, to in self.changes)])


@dataclass(frozen=True, slots=True, kw_only=True)
class RungResult:
    """One rung of a variant, measured."""

    name: str
    settings: Mapping[str, Any]
    """The rung's keys in the profile."""
    width: int
    height: int
    codecs: str
    bandwidth_bps: int
    """What is declared as BANDWIDTH."""
    rate_bps: float
    """Measured mean."""
    cores: float
    """Scaling to the rung below included."""
    quality: Quality

    @property
    def shown_preset(self) -> str:
        """The encoder's preset as tables show it."""
        return str(self.settings.get("preset", "-"))


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantResult:
    """One variant, measured."""

    variant: Variant
    media_s: float
    base_cores: float
    """Decoding, sound and packaging: what there is to do beside the rungs."""
    delay_frames: int
    """Slots that had to come in after a part's last before the part came out."""
    rungs: tuple[RungResult, ...]

    @property
    def cores(self) -> float:
        """Of the whole show."""
        return self.base_cores + sum(rung.cores for rung in self.rungs)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdRun:
    """So many shows at once, as fast as the machine could."""

    shows: int
    speed: float
    """Seconds of media per second of the slowest of them: real time is 1."""
    cores: float
    """CPU seconds per second, of all of them together."""

    @property
    def fits(self) -> bool:
        """Whether every one of them kept up with real time."""
        return self.speed >= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Headroom:
    """How many concurrent shows of a variant this machine carries."""

    variant: Variant
    runs: tuple[CrowdRun, ...]
    """In ascending order of shows."""

    @property
    def most(self) -> int:
        """The most shows that fitted; 0 when not even one did."""
        return max((run.shows for run in self.runs if run.fits), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """The same place of the same picture: of the source (no rung) or of a rung."""

    profile_name: str
    rung: str
    width: int
    height: int
    webp: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFacts:
    """What the host sent."""

    name: str
    width: int
    height: int
    frames_per_second: float
    duration_s: float
    rate_bps: float
    """Of its pictures."""
    passed: bool
    """It was taken as it is; else encoded anew, all but losslessly, as a browser would send it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where it was measured."""

    cores: int
    processor: str
    ffmpeg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What the operator gives. None: not limited."""

    cores: float
    """Of one show."""
    bandwidth_bps: int | None
    """BANDWIDTH of the best rung."""
    rungs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The ladder that fits the budget best, as a profile that can be used."""

    profile: Profile
    yaml: str
    expected_cores: float
    mean_quality: float
    """Over viewers whose lines are spread evenly; see `transcoder.tune.choice`."""
    metric: MetricName
    chosen: tuple[str, ...]
    """Where each rung comes from: the label of its variant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Everything there is to report."""

    clip: ClipFacts
    machine: Machine
    budget: Budget
    variants: tuple[VariantResult, ...]
    headroom: tuple[Headroom, ...]
    stills: tuple[Still, ...]
    recommendation: Recommendation | None
    recommended: VariantResult | None
    """The recommended ladder, measured as a whole."""
    notes: tuple[Note, ...]
    interrupted: bool
