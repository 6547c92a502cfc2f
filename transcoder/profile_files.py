"""Reading encoder profiles: YAML to a `Profile`, and a look into the files that it names."""

import re
from pathlib import Path
from typing import Any

import yaml

from transcoder.errors import ProfileError
from transcoder.profiles import Profile, validated
from transcoder.slate import check_font, read_picture


def load_profile(source: str | Path) -> Profile:
    """The profile in a YAML text, or in the file that a `Path` names. Raises `ProfileError`.

    Files that it names are looked for beside it, and looked into.
    """
    if isinstance(source, str):
        profile = validated(_parsed(source, name="the profile"), where="In the profile")
        return _with_slate_files(profile, Path.cwd(), where="In the profile")
    try:
        text = source.read_text(encoding="utf-8")
    except OSError as exc:
        raise ProfileError(f"The profile {source} cannot be read: {exc.strerror}.") from None
    except UnicodeDecodeError:
        raise ProfileError(f"The profile {source} is not a text in UTF-8.") from None
    profile = validated(_parsed(text, name=f"the profile {source}"), where=f"In {source}")
    return _with_slate_files(profile, source.absolute().parent, where=f"In {source}")


def _with_slate_files(profile: Profile, folder: Path, *, where: str) -> Profile:
    """`profile` with whole paths in `slate`. Raises `ProfileError` for what cannot be used."""
    slate = profile.slate
    picture = folder / slate.picture if slate.picture is not None else None
    font = folder / slate.font if slate.font is not None else None
    if picture is not None:
        try:
            read_picture(picture)
        except ValueError as exc:
            raise ProfileError(
                f"{where}: slate.picture: the picture {picture} cannot be used: {exc}."
            ) from None
    try:
        check_font(slate.text, font)
    except ValueError as exc:
        asked = f"the font {font} cannot be used" if font else "the built-in font cannot be used"
        raise ProfileError(
            f"{where}: slate.{'font' if font else 'text'}: {asked}: {exc}; name a font file in "
            "slate.font that has the letters of slate.text, or leave the text empty and draw it "
            "into slate.picture."
        ) from None
    files = {
        "picture": str(picture) if picture else None,
        "font": str(font) if font else None,
    }
    return profile.model_copy(update={"slate": slate.model_copy(update=files)})


def _parsed(text: str, *, name: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(text)
    except (
        yaml.YAMLError,
        ValueError,
        RecursionError,
    ) as exc:  # ValueError: a date like 2001-99-99
        raise ProfileError(f"{_capital(name)} is not YAML: {_one_line(exc)}.") from None
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ProfileError(f"{_capital(name)} must be a mapping of keys at its top level.")
    return content


def _one_line(exc: Exception) -> str:
    return re.sub(r"\s+", " ", str(exc)).rstrip(".")


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
