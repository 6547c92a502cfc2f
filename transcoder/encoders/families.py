"""What each family of encoders is told, so that it keeps to a rung's plan.

The same for all: no frame held back, no B-frames, closed GOPs, keyframes exactly where they are
asked for, headers out of band, one thread as far as that can be had, and a VBV buffer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from transcoder.grid import Grid
from transcoder.profiles import EncoderName, RungPlan

Options = dict[str, str]
BoostBy = Literal["region", "bit_rate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Encoders that understand the same options."""

    options: Callable[[RungPlan, Grid], Options]
    """FFmpeg's options of the codec context."""
    pixel_format: str = "yuv420p"
    keeps_vbv: bool = True
    """False: what it sends is to be held within the VBV from outside (`allowance`)."""
    boost_by: BoostBy | None = None
    """How its rate can be raised for a while: by a region of interest as large as the picture, or
    by the context's bit_rate. None: it cannot."""


_SVT_MIN_QP = 20
"""Of 63. Below it nobody sees a difference, and the picture after a still would be enormous."""


def _joined(**params: int | str) -> str:
    return ":".join(f"{key.replace('_', '-')}={value}" for key, value in params.items())


def _vbv(plan: RungPlan) -> Options:
    return {"maxrate": str(plan.max_bitrate_bps), "bufsize": str(plan.buffer_bits)}


def _x264(plan: RungPlan, grid: Grid) -> Options:
    params = _joined(
        scenecut=0,
        bframes=0,
        open_gop=0,
        aud=0,
        repeat_headers=0,
        force_cfr=1,
        sliced_threads=0,
        threads=1,
    )
    return {
        "preset": plan.preset,
        "tune": plan.tune,
        "profile": plan.h264_profile or "high",
        "forced-idr": "1",
        "x264-params": params,
        **_vbv(plan),
    }


def _x265(plan: RungPlan, grid: Grid) -> Options:
    params = _joined(
        scenecut=0,
        bframes=0,
        open_gop=0,
        aud=0,
        repeat_headers=0,
        rc_lookahead=0,
        frame_threads=1,
        pools="none",
        wpp=0,
        info=0,
        hrd=0,
        keyint=-1,
        log_level="error",
    )
    return {
        "preset": plan.preset,
        "tune": plan.tune,
        "forced-idr": "1",
        "x265-params": params,
        **_vbv(plan),
    }


def _svt(plan: RungPlan, grid: Grid) -> Options:
    """SVT-AV1 in its real-time mode: CBR at `bitrate_bps`, which takes no maximum of its own."""
    params = _joined(pred_struct=1, rc=2, rtc=1, lookahead=0, scd=0, lp=1, min_qp=_SVT_MIN_QP)
    return {"preset": plan.preset, "svtav1-params": params}


def _nvenc(plan: RungPlan, grid: Grid) -> Options:
    options = {
        "preset": plan.preset,
        "tune": "ull",
        "rc": "vbr" if plan.max_bitrate_bps > plan.bitrate_bps else "cbr",
        "zerolatency": "1",
        "delay": "0",
        "rc-lookahead": "0",
        "forced-idr": "1",
        "no-scenecut": "1",
        **_vbv(plan),
    }
    return options if plan.h264_profile is None else {**options, "profile": plan.h264_profile}


def _qsv(plan: RungPlan, grid: Grid) -> Options:
    options = {
        "preset": plan.preset,
        "async_depth": "1",
        "forced_idr": "1",
        "look_ahead": "0",
        "adaptive_i": "0",
        "scenario": "livestreaming",
        **_vbv(plan),
    }
    return options if plan.h264_profile is None else {**options, "profile": plan.h264_profile}


_NVENC = Family(options=_nvenc, boost_by="bit_rate")
_QSV = Family(options=_qsv, pixel_format="nv12", boost_by="bit_rate")

FAMILIES: dict[EncoderName, Family] = {
    "libx264": Family(options=_x264, boost_by="region"),
    "libx265": Family(options=_x265),
    "libsvtav1": Family(options=_svt, keeps_vbv=False),
    "h264_nvenc": _NVENC,
    "hevc_nvenc": _NVENC,
    "av1_nvenc": _NVENC,
    "h264_qsv": _QSV,
    "hevc_qsv": _QSV,
    "av1_qsv": _QSV,
}
