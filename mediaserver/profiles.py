"""Where encoder profiles are found: by name among those that ship, or by path."""

from importlib import resources
from pathlib import Path

from mediaserver.errors import ConfigError
from transcoder.errors import ProfileError
from transcoder.profile_files import load_profile
from transcoder.profiles import Profile


def find_profile(name: str) -> Profile:
    """The profile called `name`, or in the file `name` when that is a path (``./mine.yaml``).

    Raises `ConfigError` with the names there are, or with what is wrong in the file.
    """
    path = (
        Path(name) if "/" in name or name.endswith(".yaml") else shipped_folder() / f"{name}.yaml"
    )
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in shipped_folder().glob("*.yaml")))
        raise ConfigError(
            f"profile: there is no encoder profile {name!r}; use one of: {names}, "
            "or the path of a YAML file."
        )
    try:
        return load_profile(path)
    except ProfileError as exc:
        raise ConfigError(str(exc)) from None


def shipped_folder() -> Path:
    """The folder of the profiles that ship: beside the packages in a checkout, inside a wheel."""
    package = Path(str(resources.files("mediaserver")))
    installed = package / "configs" / "profiles"
    return installed if installed.is_dir() else package.parent / "configs" / "profiles"
