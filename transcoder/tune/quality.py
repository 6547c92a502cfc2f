"""How a rung looks beside its source: VMAF's three models, SSIM and XPSNR, in one FFmpeg run.

Each picture of the rung, scaled up to the source's size (bicubic), is compared with the picture of
the source that its slot shows. So the figures tell what encoding and scaling cost; a lower frame
rate is not held against a rung, since neither metric can judge smoothness.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from transcoder.tune.clip import REFERENCE, Clip
from transcoder.tune.errors import TuneError
from transcoder.tune.ffmpeg import MODELS, Ffmpeg
from transcoder.tune.show import Rendition
from transcoder.tune.values import MetricName, Quality, Score

_LOW_SHARE = 0.05
_MOST_DB = 100.0
"""XPSNR of equal pictures is infinite."""
_SECONDS_PER_PICTURE = 2.0
_VMAF_LOG, _SSIM_LOG, _XPSNR_LOG = "vmaf.json", "ssim.log", "xpsnr.log"


def judge(
    clip: Clip,
    rendition: Rendition,
    *,
    ffmpeg: Ffmpeg,
    threads: int,
    on_frame: Callable[[int], None] | None = None,
) -> Quality:
    """Every metric that `ffmpeg` has, of all pictures. Raises `TuneError` when it fails."""
    folder = clip.folder
    for log in (_VMAF_LOG, _SSIM_LOG, _XPSNR_LOG):
        (folder / log).unlink(missing_ok=True)
    graph, outputs = _graph(clip, rendition, ffmpeg.metrics, threads)
    if not outputs:
        return {}
    arguments = ["-i", str(rendition.file.absolute()), "-i", REFERENCE, "-filter_complex", graph]
    for output in outputs:
        arguments += ["-map", f"[{output}]", "-f", "null", "-"]
    timeout_s = 60 + _SECONDS_PER_PICTURE * rendition.slots
    ffmpeg.run(arguments, folder=folder, timeout_s=timeout_s, on_frame=on_frame)
    return read_logs(
        vmaf=_text(folder / _VMAF_LOG),
        ssim=_text(folder / _SSIM_LOG),
        xpsnr=_text(folder / _XPSNR_LOG),
    )


def _graph(
    clip: Clip, rendition: Rendition, metrics: Sequence[str], threads: int
) -> tuple[str, list[str]]:
    """The filter graph, and the pads that must be mapped.

    `fps` rounds to the nearest slot and lets the later of two pictures win, as the grid does.
    """
    models = [name for name in metrics if name in MODELS]
    filters = []
    if models:
        model = "|".join(f"{MODELS[name]}\\:name={name}" for name in models)
        filters.append(
            f"libvmaf=log_fmt=json:log_path={_VMAF_LOG}:n_threads={threads}:model='{model}'"
        )
    if "ssim" in metrics:
        filters.append(f"ssim=stats_file={_SSIM_LOG}")
    if "xpsnr" in metrics:
        filters.append(f"xpsnr=stats_file={_XPSNR_LOG}")
    if not filters:
        return "", []
    rate, first, count = rendition.init.frames_per_second, rendition.first_slot, rendition.slots
    size = f"{clip.facts.width}:{clip.facts.height}"
    copies = len(filters)
    seen = "".join(f"[seen{n}]" for n in range(copies))
    sent = "".join(f"[sent{n}]" for n in range(copies))
    chains = [
        f"[0:v]setpts=PTS-STARTPTS,fps={rate},trim=end_frame={count},setpts=PTS-STARTPTS,"
        f"scale={size}:flags=bicubic,format=yuv420p,split={copies}{seen}",
        f"[1:v]setpts=PTS-STARTPTS,fps={rate},trim=start_frame={first}:end_frame={first + count},"
        f"setpts=PTS-STARTPTS,format=yuv420p,split={copies}{sent}",
    ]
    chains += [f"[seen{n}][sent{n}]{name}[out{n}]" for n, name in enumerate(filters)]
    return ";".join(chains), [f"out{n}" for n in range(copies)]


def read_logs(*, vmaf: str, ssim: str, xpsnr: str) -> Quality:
    """The scores in the three logs; an empty log has none. Raises `TuneError`."""
    quality: dict[MetricName, Score] = {}
    names: tuple[MetricName, ...] = ("vmaf", "vmaf_neg", "vmaf_phone")
    frames = _frames(vmaf)
    for name in names:
        if values := [float(frame[name]) for frame in frames if name in frame]:
            quality[name] = _score(values)
    if values := [float(found) for found in re.findall(r" All:(\S+) ", ssim)]:
        quality["ssim"] = _score(values)
    if values := [min(float(found), _MOST_DB) for found in re.findall(r"XPSNR y: *(\S+)", xpsnr)]:
        quality["xpsnr"] = _score(values)
    return quality


def _frames(text: str) -> list[dict[str, float]]:
    if not text.strip():
        return []
    try:
        return [frame["metrics"] for frame in json.loads(text)["frames"]]
    except (ValueError, KeyError, TypeError) as exc:
        raise TuneError(f"FFmpeg's VMAF log cannot be read ({exc!r}).") from None


def _score(values: Sequence[float]) -> Score:
    usable = sorted(value for value in values if not math.isnan(value)) or [0.0]
    return Score(mean=sum(usable) / len(usable), low=usable[int(len(usable) * _LOW_SHARE)])


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
