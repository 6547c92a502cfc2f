"""The command line: ``comptoir serve | demo | check-config | keys``.

Every failure is one sentence on standard error and a non-zero exit status.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop

from mediaserver import config as configuration
from mediaserver import logs
from mediaserver.auth import new_key
from mediaserver.config import Config
from mediaserver.errors import ComptoirError
from mediaserver.profiles import find_profile
from mediaserver.workers.node import run_node
from transcoder.errors import TranscoderError

cli = typer.Typer(
    name="comptoir",
    help="A self-hosted live-shopping media server.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="A complete or partial YAML file.")
]
HttpPort = Annotated[int | None, typer.Option(help="TCP port for viewers and hosts.")]
AdminPort = Annotated[int | None, typer.Option(help="TCP port for /metrics and /readyz.")]
WebRtcPort = Annotated[int | None, typer.Option(help="UDP port for hosts' media.")]
Data = Annotated[Path | None, typer.Option(help="Folder for everything that must last.")]


@cli.command()
def serve(
    config: ConfigOption = None,
    http_port: HttpPort = None,
    admin_port: AdminPort = None,
    webrtc_port: WebRtcPort = None,
    data: Data = None,
) -> None:
    """Run the server until Ctrl-C."""
    settings = _load(config, _options(http_port, admin_port, webrtc_port, data))
    logs.configure(settings.log, process="supervisor")
    uvloop.run(run_node(settings))


@cli.command()
def demo(
    http_port: HttpPort = None,
    admin_port: AdminPort = None,
    webrtc_port: WebRtcPort = None,
    data: Data = None,
) -> None:
    """Go on air at once: the server, and a built-in host that publishes a live picture to it."""
    from mediaserver.demo.command import run_demo

    run_demo(_options(http_port, admin_port, webrtc_port, data))


@cli.command("check-config")
def check_config(
    file: Annotated[Path, typer.Argument(help="The YAML file to check.")],
) -> None:
    """Check a configuration and the encoder profile it names, without starting anything."""
    settings = _load(file, {})
    profile = find_profile(settings.profile)
    shows = ", ".join(sorted(settings.shows)) or "none"
    typer.echo(f"{file} is valid. Profile: {profile.name}. Shows: {shows}.")


@cli.command()
def keys(
    count: Annotated[int, typer.Option(help="How many.", min=1, max=1000)] = 1,
) -> None:
    """Make keys for hosts or operators."""
    for _ in range(count):
        typer.echo(new_key())


def main() -> None:
    """The entry point: no error of ours ends in a traceback."""
    sys.exit(_guarded(cli))


def _guarded(command: Callable[[], Any]) -> int:
    try:
        command()
    except (ComptoirError, TranscoderError) as exc:
        typer.echo(f"comptoir: {exc}", err=True)
        return 1
    return 0


def _load(path: Path | None, options: dict[str, Any]) -> Config:
    return configuration.load(path, options)


def _options(
    http_port: int | None, admin_port: int | None, webrtc_port: int | None, data: Path | None
) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for section, port in (("http", http_port), ("admin", admin_port), ("webrtc", webrtc_port)):
        if port is not None:
            options[section] = {"port": port}
    if data is not None:
        options["data"] = str(data)
    return options
