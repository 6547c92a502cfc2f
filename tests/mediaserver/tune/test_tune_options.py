"""Options of `comptoir tune`: what they mean, and a sentence for each that makes no sense."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from mediaserver.cli import cli
from mediaserver.errors import ComptoirError
from mediaserver.tune.asked import Asked, TuneRefused, bits


def asked(**options: Any) -> Asked:
    given_options: dict[str, Any] = {
        "clip": "film.mp4", "profiles": (), "presets": "", "bitrates": "", "scalers": "",
        "frame_rates": "", "seconds": None, "cores": None, "bandwidth": "", "rungs": 4,
        "shows": 8, "quick": False, "language": "en",
    }  # fmt: skip
    return Asked(**{**given_options, **options})


def test_what_is_given_counts_and_the_rest_is_sensible() -> None:
    usual, quick = asked(), asked(quick=True)
    assert 1.0 in usual.sweep.bitrates
    assert len(quick.sweep.bitrates) < len(usual.sweep.bitrates)
    assert quick.clip_s < usual.clip_s
    assert usual.budget.cores > 0
    named = asked(
        presets="superfast, faster", bitrates="0.5,1", scalers="area", frame_rates="15,25",
        bandwidth="4M", cores=0.5, seconds=3.0, language="fr",
    )  # fmt: skip
    assert named.sweep.presets == ("superfast", "faster")
    assert named.sweep.bitrates == (0.5, 1.0)
    assert named.sweep.scalers == ("area",)
    assert named.sweep.frame_rates == (15, 25)
    assert (named.budget.bandwidth_bps, named.budget.cores) == (4_000_000, 0.5)
    assert (named.clip_s, named.report_language) == (3.0, "fr")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--bitrate", "much"], "--bitrate: 'much'"),
        (["--bitrate", "0"], "--bitrate: '0'"),
        (["--bitrate", "nan"], "--bitrate: 'nan'"),
        (["--fps", "2.5"], "--fps: '2.5'"),
        (["--bandwidth", "4G"], "--bandwidth: '4G'"),
        (["--bandwidth", "nan"], "--bandwidth: 'nan'"),
        (["--lang", "de"], "--lang: 'de'"),
        (["--profile", "nowhere"], "--profile: there is no encoder profile 'nowhere'"),
        (["--report", "/nowhere/tune.html"], "/nowhere/tune.html cannot be written"),
        ([], "There is no clip"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(
    options: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["tune", "nothing.mp4", *options])
    assert result.exit_code == 1
    assert words in str(result.exception)
    assert not (tmp_path / "tune.html").exists()


def test_profiles_of_the_operators_own_have_names_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "profiles"
    folder.mkdir()
    (folder / "ours.yaml").write_text("name: copied\nscaler: nearest\n")
    (tmp_path / "comptoir.yaml").write_text(f"profile_folder: {folder}\n")
    ours = ["tune", "nothing.mp4", "--profile", "ours"]
    alone = CliRunner().invoke(cli, ours)
    assert "there is no encoder profile 'ours'" in str(alone.exception)
    named = CliRunner().invoke(cli, [*ours, "--config", "comptoir.yaml"])
    assert "ours.yaml: scaler" in str(named.exception)
    every = CliRunner().invoke(cli, ["tune", "nothing.mp4", "--config", "comptoir.yaml"])
    assert "There is no clip" in str(every.exception)  # a broken one is left out of all


def test_without_ffmpeg_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import imageio_ffmpeg

    def missing() -> str:
        raise RuntimeError

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", missing)
    result = CliRunner().invoke(cli, ["tune", "nothing.mp4"])
    assert "pip install '.[tune]'" in str(result.exception)


@given(st.text(max_size=12))
def test_rates_are_read_or_refused(text: str) -> None:
    try:
        assert 10_000 <= bits("--bandwidth", text) <= 1_000_000_000
    except TuneRefused as exc:
        assert "--bandwidth" in str(exc)


@given(st.text(max_size=12), st.text(max_size=12))
def test_lists_are_read_or_refused(bitrates: str, rates: str) -> None:
    try:
        sweep = asked(bitrates=bitrates, frame_rates=rates).sweep
        assert all(0.05 <= factor <= 20 for factor in sweep.bitrates)
    except ComptoirError as exc:
        assert str(exc).endswith((".", ";"))
