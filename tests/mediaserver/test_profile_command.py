"""``comptoir profiles``: what an operator reads, and what a script gets."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from mediaserver.cli import cli
from mediaserver.errors import ConfigError
from transcoder.profile_files import load_profile

COMPTOIR = Path(sys.executable).with_name("comptoir")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with a folder of profiles: one that is used, one that is broken."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "stage.yaml").write_text("name: stage\nframes_per_second: 25\n")
    (tmp_path / "own" / "broken.yaml").write_text("frames_per_second: 7000\n")
    path = tmp_path / "comptoir.yaml"
    path.write_text(f"profile_folder: {tmp_path / 'own'}\nshows: {{friday: {{profile: stage}}}}\n")
    return path


def _run(*words: object) -> str:
    done = CliRunner().invoke(cli, ["profiles", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_list_has_a_line_for_each_and_says_where_it_is_from(config: Path) -> None:
    lines = {line.split()[0]: line for line in _run("list", "--config", config).splitlines()}
    assert {"default", "stage", "broken"} <= set(lines)
    assert "720p 480p 360p at 30 frames/s" in lines["default"]
    assert "ships with Comptoir; the server's" in lines["default"]
    assert f"{config.parent / 'own' / 'stage.yaml'}; friday" in lines["stage"]
    assert "cannot be used: see comptoir profiles check broken" in lines["broken"]


def test_what_is_shown_is_the_whole_profile_and_can_be_read_again(
    config: Path, tmp_path: Path
) -> None:
    shown = _run("show", "stage", "--config", config)
    copy = tmp_path / "copy.yaml"
    copy.write_text(shown)
    assert load_profile(copy) == load_profile(config.parent / "own" / "stage.yaml")
    assert set(yaml.safe_load(shown)) == set(load_profile(copy).to_plain())


def test_the_rungs_of_a_source_stand_below_as_comments(config: Path) -> None:
    shown = _run("show", "default", "--source", "854x480")
    rungs = [line.split() for line in shown.splitlines() if line.startswith("#   ")]
    assert [line[1:4] for line in rungs] == [
        ["480p", "854x480", "BANDWIDTH"],
        ["360p", "640x360", "BANDWIDTH"],
    ]
    assert all(int(line[4]) > int(line[6]) > 700_000 for line in rungs)
    assert yaml.safe_load(shown) == yaml.safe_load(_run("show", "default"))


@pytest.mark.parametrize(
    "source", ["", "720", "0x0", "8x8", "1280x720x2", "-1x5", "999999x2", "ax"]
)
def test_an_absurd_source_is_a_sentence(source: str) -> None:
    with pytest.raises(ConfigError, match="--source"):
        _run("show", "default", f"--source={source}")


def test_a_check_reads_names_and_files(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "stage is valid" in _run("check", "stage", "--config", config)
    monkeypatch.chdir(config.parent / "own")
    (config.parent / "own" / "plain").write_text("name: plain\n")
    for file in (Path("stage.yaml"), Path.cwd() / "stage.yaml", Path("plain")):
        assert "is valid. Profile: " in _run("check", file)


def test_what_is_wrong_ends_in_a_sentence_and_a_status(config: Path) -> None:
    done = subprocess.run(
        [COMPTOIR, "profiles", "check", "broken", "--config", config],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "frames_per_second: it must be one of 5, 6" in done.stderr
    assert "given: 7000" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_name_that_nothing_has_is_refused_with_those_that_are(config: Path) -> None:
    for command in ("show", "check"):
        with pytest.raises(ConfigError, match=r"^There is no encoder profile 'x'; .*stage"):
            _run(command, "x", "--config", config)
