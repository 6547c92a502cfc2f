"""A whole run on a clip of two seconds: what was measured is true, and an interruption keeps it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from transcoder.profile_files import load_profile
from transcoder.profiles import Profile
from transcoder.tune.clip import make_clip
from transcoder.tune.errors import TuneError
from transcoder.tune.ffmpeg import Ffmpeg, find_ffmpeg
from transcoder.tune.report import render_page
from transcoder.tune.session import Wish, tune
from transcoder.tune.show import run_show
from transcoder.tune.values import Budget, Results
from transcoder.tune.variants import Sweep


@pytest.fixture(scope="module")
def ffmpeg() -> Ffmpeg:
    return find_ffmpeg()


class Watching:
    """Progress that is looked at, and that interrupts at the `stop`-th task."""

    def __init__(self, stop: int | None = None) -> None:
        self.tasks: list[str] = []
        self.shares: list[float] = []
        self._stop = stop

    def plan(self, tasks: int) -> None:
        assert tasks > 0

    def task(self, name: str) -> None:
        if self._stop == len(self.tasks):
            raise KeyboardInterrupt
        self.tasks.append(name)

    def called(self, name: str) -> None:
        self.tasks[-1] = name

    def step(self, share: float) -> None:
        self.shares.append(share)


def wish(
    clip: Path, *profiles: Profile, sweep: Sweep | None = None, seconds: float = 1, shows: int = 0
) -> Wish:
    return Wish(
        clip=clip,
        seconds=seconds,
        profiles=profiles,
        swept=tuple(profile.name for profile in profiles) if sweep else (),
        sweep=sweep or Sweep(),
        budget=Budget(cores=2, bandwidth_bps=None, rungs=2),
        crowds=(),
        max_shows=shows,
    )


def test_two_profiles_from_the_clip_to_the_report(
    ffmpeg: Ffmpeg, make_film: Callable[..., Path], make_profile: Callable[..., Profile]
) -> None:
    watching = Watching()
    poor, good = (
        make_profile("poor", bitrate_bps=110_000),
        make_profile("good", bitrate_bps=900_000),
    )
    results = tune(
        wish(make_film(), poor, good, seconds=2, shows=1), ffmpeg=ffmpeg, progress=watching
    )
    assert [one.variant.label for one in results.variants][:2] == ["poor", "good"]
    assert results.clip.passed is False
    for result in results.variants:
        assert result.media_s == pytest.approx(2, abs=0.2)
        assert 0 <= result.delay_frames <= 3
        assert result.base_cores > 0
        for rung in result.rungs:
            assert rung.cores > 0
            assert rung.rate_bps < rung.bandwidth_bps
            assert set(rung.quality) == set(ffmpeg.metrics)
    poor_vmaf, good_vmaf = (one.rungs[0].quality["vmaf"].mean for one in results.variants[:2])
    assert good_vmaf > poor_vmaf + 3
    assert good_vmaf > 90, "pictures are compared with those of their own slots"
    found = results.recommendation
    assert found is not None
    assert load_profile(found.yaml) == found.profile
    assert results.recommended is not None
    assert [run.shows for run in results.headroom[0].runs] == [1]
    assert results.headroom[0].most == 1
    assert {still.rung for still in results.stills} >= {"", "180p", "90p"}
    assert not results.notes
    assert watching.shares == [min(1.0, max(0.0, share)) for share in watching.shares]
    assert "<svg" in render_page(results)


def test_an_interrupted_run_keeps_what_is_done(
    ffmpeg: Ffmpeg, make_film: Callable[..., Path], make_profile: Callable[..., Profile]
) -> None:
    asked = wish(make_film(sound=False), make_profile("a"), sweep=Sweep(bitrates=(0.5, 2)))
    results: Results = tune(asked, ffmpeg=ffmpeg, progress=Watching(stop=2))
    assert results.interrupted
    assert [one.variant.label for one in results.variants] == ["a", "a, bitrate 0.5"]
    assert results.recommendation is not None
    assert "interrupted" in render_page(results)


def test_what_cannot_be_measured_is_a_sentence(
    ffmpeg: Ffmpeg, tmp_path: Path, make_film: Callable[..., Path],
    make_profile: Callable[..., Profile],
) -> None:  # fmt: skip
    with pytest.raises(TuneError, match=r"There is no clip .*nothing\.mp4\."):
        tune(wish(tmp_path / "nothing.mp4"), ffmpeg=ffmpeg, progress=Watching())
    text = tmp_path / "text.mp4"
    text.write_text("no film at all" * 50)
    with pytest.raises(TuneError, match=r"text\.mp4 cannot be read as a video clip"):
        tune(wish(text), ffmpeg=ffmpeg, progress=Watching())
    blind = replace(ffmpeg, metrics=("ssim",))
    results = tune(wish(make_film(), make_profile("a")), ffmpeg=blind, progress=Watching())
    assert [one.places.get("metric") for one in results.notes][:4] == [
        "vmaf", "vmaf_neg", "vmaf_phone", "xpsnr",
    ]  # fmt: skip
    assert results.recommendation is not None
    assert results.recommendation.metric == "ssim"


def test_a_film_without_reordering_is_sent_as_it_is(
    ffmpeg: Ffmpeg, tmp_path: Path, make_film: Callable[..., Path],
    make_profile: Callable[..., Profile],
) -> None:  # fmt: skip
    clip = make_clip(make_film(b_frames=0), folder=tmp_path, seconds=1, ffmpeg=ffmpeg)
    assert clip.facts.passed
    assert clip.facts.frames_per_second == pytest.approx(30, rel=0.01)
    assert [unit.pts for unit in clip.units] == sorted(unit.pts for unit in clip.units)
    assert {unit.kind for unit in clip.units} == {"video", "audio"}
    video = [unit for unit in clip.units if unit.kind == "video"]
    assert video[0].keyframe
    assert video[0].pts == 0
    shown = run_show(clip, make_profile("a"), folder=None)
    assert [one.slots for one in shown.renditions] == [len(video)] * 2
