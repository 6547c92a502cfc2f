"""What a profile names is looked for beside it, and looked into when it is loaded."""

from pathlib import Path

import pytest
from PIL import Image

from transcoder.errors import ProfileError
from transcoder.profile_files import load_profile
from transcoder.profiles import Profile


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path) -> str:
    with pytest.raises(ProfileError) as error:
        load_profile(path)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_picture_is_found_beside_its_profile(tmp_path: Path) -> None:
    Image.new("RGB", (32, 18)).save(tmp_path / "break.png")
    profile = load_profile(written(tmp_path, "slate: {text: '', picture: break.png}"))
    assert profile.slate.picture == str(tmp_path / "break.png")
    assert Profile.from_plain(profile.to_plain()) == profile


def test_a_picture_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    said = refused(written(tmp_path, "slate: {picture: none.png}"))
    assert "mine.yaml: slate.picture" in said
    assert f"{tmp_path}/none.png cannot be used: No such file or directory" in said


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_what_is_no_picture_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p.png").write_bytes(content)
    said = refused(written(tmp_path, "slate: {picture: p.png}"))
    assert "slate.picture: the picture" in said


def test_half_a_picture_is_a_sentence(tmp_path: Path) -> None:
    Image.effect_noise((64, 64), 90).save(tmp_path / "p.png")
    data = (tmp_path / "p.png").read_bytes()
    (tmp_path / "p.png").write_bytes(data[: len(data) // 2])
    assert "cannot be used" in refused(written(tmp_path, "slate: {picture: p.png}"))


def test_a_huge_picture_is_refused_before_it_is_read(tmp_path: Path) -> None:
    Image.new("1", (8000, 6000)).save(tmp_path / "p.png")
    said = refused(written(tmp_path, "slate: {picture: p.png}"))
    assert "it has 8000x6000 pixels, more than 40000000" in said


def test_words_that_the_built_in_font_lacks_are_a_sentence(tmp_path: Path) -> None:
    said = refused(written(tmp_path, "slate: {text: Gleich zurück}"))
    assert "slate.text: the built-in font cannot be used: it has no letter for 'ü'" in said
    assert "slate.font" in said


def test_a_font_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "f.ttf").write_bytes(b"no font")
    assert f"slate.font: the font {tmp_path}/f.ttf cannot be used" in refused(
        written(tmp_path, "slate: {font: f.ttf}")
    )
    assert "there is no such file" in refused(written(tmp_path, "slate: {font: g.ttf}"))


def test_too_many_words_are_refused() -> None:
    with pytest.raises(ProfileError, match=r"slate\.text"):
        load_profile(f"slate: {{text: {'x' * 101}}}")
