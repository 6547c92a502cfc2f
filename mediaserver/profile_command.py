"""``comptoir profiles list | show | check``: encoder profiles as an operator looks at them."""

import re
from pathlib import Path
from typing import Annotated

import typer
import yaml

from mediaserver import config as configuration
from mediaserver.errors import ConfigError
from mediaserver.profiles import find_profile, is_path, known_profiles
from transcoder.encoders.devices import missing_devices
from transcoder.errors import MediaError
from transcoder.profiles import Profile, RungPlan, plan_rungs

profiles = typer.Typer(
    name="profiles",
    help="Encoder profiles: which there are, what is in them.",
    no_args_is_help=True,
)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The server's configuration, for its profile_folder."),
]


@profiles.command("list")
def list_profiles(config: ConfigOption = None) -> None:
    """Print the profiles that have a name, one a line: what each makes, and where it is from."""
    settings = configuration.load(config)
    folder = settings.profile_folder
    named = known_profiles(folder)
    width = max(map(len, named), default=0)
    for name, path in sorted(named.items()):
        origin = "ships with Comptoir" if path.parent != folder else str(path)
        used = ", ".join(_uses(settings, name))
        typer.echo(
            f"{name:{width}}  {_summary(name, folder)}  ({origin}{'; ' if used else ''}{used})"
        )


@profiles.command()
def show(
    name: Annotated[str, typer.Argument(help="A profile's name, or the path of its file.")],
    source: Annotated[
        str | None, typer.Option(help="Also the rungs of a source of this size: 1280x720.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Print the whole profile as YAML, with the values of keys that its file leaves out."""
    profile = find_profile(name, configuration.load(config).profile_folder, key="")
    plans = () if source is None else _plans(profile, source)
    typer.echo(yaml.safe_dump(profile.to_plain(), sort_keys=False, allow_unicode=True), nl=False)
    if source is not None:
        typer.echo(f"\n# A source of {source} makes:")
    for plan in plans:
        typer.echo(f"#   {_plan_line(plan)}")


@profiles.command()
def check(
    name: Annotated[str, typer.Argument(help="A profile's name, or the path of its file.")],
    config: ConfigOption = None,
) -> None:
    """Check a profile, and whether this machine has the devices of its encoders.

    Exit status: 0 it can be used, with or without these devices; 1 it cannot.
    """
    if not is_path(name) and Path(name).is_file():
        name = f"./{name}"
    profile = find_profile(name, configuration.load(config).profile_folder, key="")
    for sentence in missing_devices(profile):
        typer.echo(sentence, err=True)
    rungs = ", ".join(rung.name for rung in profile.rungs)
    typer.echo(f"{name} is valid. Profile: {profile.name}. Rungs: {rungs}.")


def _uses(settings: configuration.Config, name: str) -> list[str]:
    """Who is made with the profile `name`, as far as the configuration says."""
    shows = [each for each, show in settings.shows.items() if show.profile == name]
    return (["the server's"] if settings.profile == name else []) + shows


def _summary(name: str, folder: Path | None) -> str:
    try:
        profile = find_profile(name, folder)
    except ConfigError:
        return f"cannot be used: see comptoir profiles check {name}"
    rungs = " ".join(rung.name for rung in profile.rungs)
    return f"{rungs} at {profile.frames_per_second} frames/s"


def _plans(profile: Profile, source: str) -> tuple[RungPlan, ...]:
    size = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", source)
    if size is None:
        raise ConfigError(f"--source: {source!r} is no size; give WIDTHxHEIGHT, such as 1280x720.")
    try:
        return plan_rungs(profile, int(size[1]), int(size[2]))
    except MediaError as exc:
        raise ConfigError(f"--source: {exc}.") from None


def _plan_line(plan: RungPlan) -> str:
    size = f"{plan.width}x{plan.height}"
    return (
        f"{plan.name:8} {size:>9}  BANDWIDTH {plan.bandwidth_bps:>8}  "
        f"AVERAGE-BANDWIDTH {plan.average_bandwidth_bps:>8}"
    )
