"""Where encoder profiles are found, and in which order."""

import os
from pathlib import Path

import pytest

from mediaserver import config
from mediaserver.errors import ConfigError
from mediaserver.profiles import check_profiles, find_profile, known_profiles


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The operator's own profiles: one that ships under the same name, and one that does not."""
    (tmp_path / "default.yaml").write_text("name: ours\n")
    (tmp_path / "stage.yaml").write_text("name: stage\nframes_per_second: 25\n")
    (tmp_path / "notes.txt").write_text("no profile\n")
    return tmp_path


def test_the_operators_own_stands_before_one_that_ships(folder: Path) -> None:
    assert find_profile("default").name == "default"
    assert find_profile("default", folder).name == "ours"
    assert find_profile("stage", folder).frames_per_second == 25
    assert find_profile(str(folder / "stage.yaml")).name == "stage"
    named = known_profiles(folder)
    assert named["default"] == folder / "default.yaml"
    assert set(named) == {"stage", *known_profiles()}


@pytest.mark.parametrize("name", ["stag", "", "notes", "../stage", "\0", "stage.yaml/x"])
def test_one_that_is_not_there_is_refused_with_the_names_that_are(folder: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"^shows\.a\.profile: there .*use one of: .*stage"):
        find_profile(name, folder, key="shows.a.profile")


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^profile_folder: .*none.* cannot be read: No such"):
        find_profile("default", tmp_path / "none")


def test_every_profile_that_a_configuration_names_is_checked(folder: Path) -> None:
    options = {"profile_folder": str(folder), "shows": {"a": {"profile": "stage"}, "b": {}}}
    named = check_profiles(config.load(None, options))
    assert {key: profile.name for key, profile in named.items()} == {
        "profile": "ours",
        "shows.a.profile": "stage",
    }
    (folder / "stage.yaml").write_text("frames_per_second: 7\n")
    with pytest.raises(ConfigError, match="frames_per_second"):
        check_profiles(config.load(None, options))
    with pytest.raises(ConfigError, match=r"^profile: there is no"):
        check_profiles(config.load(None, {"profile": ""}))


def test_a_file_whose_name_cannot_be_said_has_none(folder: Path) -> None:
    before = set(known_profiles(folder))
    odd = [b"caf\xe9.yaml", b".#default.yaml", b"._mine.yaml", b"two\nlines.yaml", b"a.yaml.yaml"]
    for name in odd:
        (folder / os.fsdecode(name)).write_text("name: odd\n")
    (folder / "with space.yaml").write_text("name: fine\n")
    assert set(known_profiles(folder)) == before | {"with space"}
