"""The encoders that a rung may name: what each makes, its presets, what stands in for it.

Facts only; `transcoder.encoders` opens them.
"""

from dataclasses import dataclass, replace
from typing import Literal

Codec = Literal["h264", "hevc", "av1"]
EncoderName = Literal[
    "libx264",
    "libx265",
    "libsvtav1",
    "h264_nvenc",
    "hevc_nvenc",
    "av1_nvenc",
    "h264_qsv",
    "hevc_qsv",
    "av1_qsv",
]

_X26X_PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
)
_SVT_PRESETS = tuple(str(preset) for preset in range(7, 13))
_NVENC_PRESETS = tuple(f"p{preset}" for preset in range(1, 8))
_QSV_PRESETS = _X26X_PRESETS[2:]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderFacts:
    """One encoder, by FFmpeg's name."""

    name: EncoderName
    codec: Codec
    presets: tuple[str, ...]
    """The legal ones, in the encoder's own order."""
    preset: str
    """The default."""
    peak_percent: int = 100
    """Of what its VBV allows, how much BANDWIDTH declares: more where it, or what stands in for
    it, has no VBV of its own."""
    min_side: int = 16
    """It, or what stands in for it, makes no smaller pictures."""
    device: str | None = None
    """What it needs besides the processor; None: nothing."""


_X264 = EncoderFacts(name="libx264", codec="h264", presets=_X26X_PRESETS, preset="superfast")
_X265 = EncoderFacts(name="libx265", codec="hevc", presets=_X26X_PRESETS, preset="superfast")
_SVT = EncoderFacts(
    name="libsvtav1",
    codec="av1",
    presets=_SVT_PRESETS,
    preset="10",
    peak_percent=125,
    min_side=64,
)

SOFTWARE: dict[Codec, EncoderFacts] = {facts.codec: facts for facts in (_X264, _X265, _SVT)}
"""The encoder of each codec that needs no device: the default, and what fails over to."""


def _nvenc(name: EncoderName, codec: Codec) -> EncoderFacts:
    return replace(
        SOFTWARE[codec], name=name, presets=_NVENC_PRESETS, preset="p4", device="an NVIDIA GPU"
    )


def _qsv(name: EncoderName, codec: Codec) -> EncoderFacts:
    return replace(
        SOFTWARE[codec], name=name, presets=_QSV_PRESETS, preset="veryfast", device="an Intel GPU"
    )


_ALL: tuple[EncoderFacts, ...] = (
    *SOFTWARE.values(),
    _nvenc("h264_nvenc", "h264"),
    _nvenc("hevc_nvenc", "hevc"),
    _nvenc("av1_nvenc", "av1"),
    _qsv("h264_qsv", "h264"),
    _qsv("hevc_qsv", "hevc"),
    _qsv("av1_qsv", "av1"),
)

ENCODERS: dict[EncoderName, EncoderFacts] = {facts.name: facts for facts in _ALL}
"""Every legal encoder. The software ones come first."""


def encoders_of(codec: Codec) -> tuple[EncoderName, ...]:
    """The encoders that make `codec`."""
    return tuple(name for name, facts in ENCODERS.items() if facts.codec == codec)


def unavailable(encoder: EncoderName, rungs: str) -> str:
    """The sentence for operators that software stands in for `encoder`. `rungs` is which, with its
    verb: ``720p is``."""
    facts = ENCODERS[encoder]
    instead = SOFTWARE[facts.codec]
    return (
        f"{encoder} needs {facts.device}, which is not to be had here: {rungs} encoded by "
        f"{instead.name}, preset {instead.preset}."
    )
