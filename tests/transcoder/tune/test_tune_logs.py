"""FFmpeg's logs: scores of what is there, a sentence for what makes no sense."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.tune.crowd import first_guess, next_guess
from transcoder.tune.errors import TuneError
from transcoder.tune.ffmpeg import find_ffmpeg
from transcoder.tune.quality import read_logs
from transcoder.tune.values import CrowdRun

SSIM = "n:1 Y:0.9 U:0.9 V:0.9 All:0.950000 (13.0)\nn:2 Y:1 U:1 V:1 All:0.850000 (8.2)\n"
XPSNR = (
    "n:    1  XPSNR y: 40.5  XPSNR u: inf  XPSNR v: 41\n"
    "n:    2  XPSNR y: inf  XPSNR u: inf  XPSNR v: inf\n\n"
    "XPSNR average, 2 frames  y: 43.1  u: inf  v: inf  (minimum: 43.1)\n"
)


def vmaf_log(*values: float) -> str:
    return json.dumps({"frames": [{"metrics": {"vmaf": value}} for value in values]})


def test_scores_are_means_and_the_worst_twentieth() -> None:
    values = [float(n) for n in range(100)]
    quality = read_logs(vmaf=vmaf_log(*values), ssim=SSIM, xpsnr=XPSNR)
    assert quality["vmaf"].mean == pytest.approx(49.5)
    assert quality["vmaf"].low == 5
    assert quality["ssim"].mean == pytest.approx(0.9)
    assert quality["xpsnr"].mean == pytest.approx(70.25)
    assert "vmaf_neg" not in quality


def test_what_is_missing_is_missing() -> None:
    assert read_logs(vmaf="", ssim="", xpsnr="") == {}


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=200))
def test_no_log_breaks_it(vmaf: str, ssim: str, xpsnr: str) -> None:
    try:
        read_logs(vmaf=vmaf, ssim=ssim, xpsnr=xpsnr)
    except TuneError as exc:
        assert "VMAF log" in str(exc)


@given(st.integers(1, 12), st.floats(0.01, 3), st.integers(1, 8), st.integers(1, 20))
def test_the_border_of_what_fits_is_found(
    border: int, cores_a_show: float, cores: int, most: int
) -> None:
    shows: int | None = first_guess(cores_a_show, cores=cores, most=most)
    runs: dict[int, CrowdRun] = {}
    while shows is not None:
        assert 1 <= shows <= most
        assert shows not in runs
        runs[shows] = CrowdRun(shows=shows, speed=1.5 if shows < border else 0.5, cores=1)
        shows = next_guess(runs, most=most)
    fitted = max((shows for shows, run in runs.items() if run.fits), default=0)
    assert fitted == min(border - 1, most)


def test_ffmpeg_that_fails_or_hangs_is_a_sentence(tmp_path: Path) -> None:
    ffmpeg = find_ffmpeg()
    with pytest.raises(TuneError, match="FFmpeg failed: Error opening input"):
        ffmpeg.run(["-i", "nothing.mp4", "-f", "null", "-"], folder=tmp_path, timeout_s=10)
    endless = ["-re", "-f", "lavfi", "-i", "color=s=16x16", "-f", "null", "-"]
    with pytest.raises(TuneError, match="took too long"):
        ffmpeg.run(endless, folder=tmp_path, timeout_s=0.3)
