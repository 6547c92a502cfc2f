"""Where encoder profiles are found: by name in the operator's own folder or among those that ship,
or by path."""

from importlib import resources
from pathlib import Path

from mediaserver.config import Config
from mediaserver.errors import ConfigError
from transcoder.errors import ProfileError
from transcoder.profile_files import load_profile
from transcoder.profiles import Profile


def find_profile(name: str, folder: Path | None = None, *, key: str = "profile") -> Profile:
    """The profile called `name`, or in the file `name` when that is a path (``./mine.yaml``). Reads
    files each time.

    One in `folder`, the operator's own, stands before one that ships under the same name. Raises
    `ConfigError`: with the names there are, in a sentence about the configuration's key `key`, or
    with what is wrong in the file.
    """
    named = known_profiles(folder)
    path = Path(name) if is_path(name) else named.get(name)
    try:
        if path is None or not path.is_file():
            raise ConfigError(
                f"{f'{key}: t' if key else 'T'}here is no encoder profile {name!r}; use one of: "
                f"{', '.join(sorted(named))}, or the path of a YAML file."
            )
        return load_profile(path)
    except ProfileError as exc:
        raise ConfigError(str(exc)) from None
    except OSError as exc:
        raise ConfigError(f"The profile {path} cannot be read: {exc.strerror}.") from None


def is_path(name: str) -> bool:
    """Whether `name` is the path of a file, and not a name."""
    return "/" in name or name.endswith(".yaml")


def known_profiles(folder: Path | None = None) -> dict[str, Path]:
    """The profiles that have a name, each with its file; those of `folder` before those that ship.
    A file whose name is not printable, begins with a dot or looks like a path has none.

    Raises `ConfigError` for a folder that cannot be read.
    """
    shipped = {path.stem: path for path in shipped_folder().glob("*.yaml")}
    if folder is None:
        return shipped
    try:
        own = [path for path in folder.iterdir() if path.suffix == ".yaml"]
    except OSError as exc:
        raise ConfigError(
            f"profile_folder: the folder {folder} cannot be read: {exc.strerror}."
        ) from None
    return {**shipped, **{path.stem: path for path in own if _is_name(path.stem)}}


def _is_name(stem: str) -> bool:
    """Whether a file's name can be said and chosen: not an editor's copy (``.#mine.yaml``), nor one
    that is no text in UTF-8, nor one that would be taken for a path."""
    return stem.isprintable() and not stem.startswith(".") and not is_path(stem)


def check_profiles(config: Config) -> dict[str, Profile]:
    """Every profile that `config` names, by the key that names it. Raises `ConfigError`."""
    keys = {"profile": config.profile}
    for name, show in config.shows.items():
        if show.profile:
            keys[f"shows.{name}.profile"] = show.profile
    return {key: find_profile(name, config.profile_folder, key=key) for key, name in keys.items()}


def shipped_folder() -> Path:
    """The folder of the profiles that ship: beside the packages in a checkout, inside a wheel."""
    package = Path(str(resources.files("mediaserver")))
    installed = package / "configs" / "profiles"
    return installed if installed.is_dir() else package.parent / "configs" / "profiles"
