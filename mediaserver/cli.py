"""The command line: ``comptoir serve | demo | check | profiles | keys | import | backup …``.

Every failure is one sentence on standard error and a non-zero exit status.
"""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from rich.console import Console

from mediaserver import config as configuration
from mediaserver import logs
from mediaserver.auth import new_key
from mediaserver.certificates import doubts_now, read_credentials
from mediaserver.config import Config
from mediaserver.errors import ComptoirError
from mediaserver.profile_command import profiles
from mediaserver.profiles import check_profiles
from mediaserver.tune.command import tune_command
from mediaserver.workers.node import run_node
from overlay.errors import ShopError
from transcoder.errors import TranscoderError

cli = typer.Typer(
    name="comptoir",
    help="A self-hosted live-shopping media server.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

cli.add_typer(profiles)

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
    roles: Annotated[
        str | None, typer.Option(help="What this machine does: some of api,ingest,gateway.")
    ] = None,
) -> None:
    """Run the server until Ctrl-C."""
    options = _options(http_port, admin_port, webrtc_port, data)
    if roles is not None:
        options["roles"] = [role.strip() for role in roles.split(",")]
    settings = _load(config, options)
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
    """Check a configuration, and the encoder profiles and certificate it names, without starting
    anything."""
    settings = _load(file, {})
    profile = check_profiles(settings)["profile"]
    shows = ", ".join(sorted(settings.shows)) or "none"
    tls = settings.http.tls.files
    if tls is not None and (doubts := doubts_now(read_credentials(tls))):
        typer.echo(f"The certificate {tls.certificate} will be refused: {doubts}.", err=True)
    typer.echo(f"{file} is valid. Profile: {profile.name}. Shows: {shows}.")


@cli.command()
def check(
    url: Annotated[str, typer.Argument(help="The multivariant playlist, as players get it.")],
    seconds: Annotated[
        float, typer.Option(help="How long to follow the live edge.", min=1, max=3600)
    ] = 20.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Count SHOULD rules too.")] = False,
    timeout: Annotated[
        float, typer.Option(help="Seconds for any one answer.", min=0.1, max=300)
    ] = 10.0,
) -> None:
    """Check any LL-HLS origin with cues against the rules that players and caches rely on.

    Exit status: 0 fine, 1 a MUST is broken, 2 cannot be checked.
    """
    from mediaserver.check.command import run_check

    raise typer.Exit(
        run_check(url, seconds=seconds, timeout_s=timeout, as_json=as_json, strict=strict)
    )


@cli.command()
def verify(
    show: Annotated[str, typer.Argument(help="The show to check.")],
    config: ConfigOption = None,
    data: Data = None,
) -> None:
    """Prove from its log and ledger that a show sold nothing twice and kept its promises."""
    from mediaserver.verify import run_verify

    run_verify(_load(config, _options(None, None, None, data)), show)


@cli.command()
def keys(
    count: Annotated[int, typer.Option(help="How many.", min=1, max=1000)] = 1,
) -> None:
    """Make keys for hosts or operators."""
    for _ in range(count):
        typer.echo(new_key())


Server = Annotated[str, typer.Option(envvar="COMPTOIR_SERVER", help="Where the running server is.")]
Key = Annotated[
    str, typer.Option(envvar="COMPTOIR_KEY", help="The show's host key, or the operator key.")
]
HERE = "http://localhost:8080"


@cli.command("import")
def import_products(
    show: Annotated[str, typer.Argument(help="The show.")],
    source: Annotated[str, typer.Argument(help="A file, or the address of a file or a shop.")],
    file_format: Annotated[
        str,
        typer.Option(
            "--format",
            help="csv, shopify, woocommerce, merchant; or shopify-api, woocommerce-api.",
        ),
    ] = "csv",
    apply: Annotated[bool, typer.Option("--apply", help="Do it, not only say it.")] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Apply the rest where rows are refused.")
    ] = False,
    keep_stock: Annotated[
        bool, typer.Option("--keep-stock", help="Leave the stock of what is there alone.")
    ] = False,
    currency: Annotated[str | None, typer.Option(help="For formats that name none.")] = None,
    default_stock: Annotated[
        int | None, typer.Option(help="For what is in stock in an unknown number.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(envvar="COMPTOIR_IMPORT_TOKEN", help="Of a Shopify API.")
    ] = None,
    consumer: Annotated[
        str | None, typer.Option(envvar="COMPTOIR_IMPORT_KEY", help="KEY:SECRET of WooCommerce.")
    ] = None,
    server: Server = HERE,
    key: Key = "",
) -> None:
    """Import products into a show of a running server: first without --apply, to see what would
    change."""
    from mediaserver import goods

    client = goods.GoodsClient(server=server, show=show, key=key)
    options = {
        "apply": apply,
        "partial": partial,
        "keep_stock": keep_stock,
        "currency": currency,
        "default_stock": default_stock,
    }
    if source.startswith(("http://", "https://")):
        form = goods.import_form(source, file_format, token, consumer, options)
        report = asyncio.run(client.import_from(form))
    else:
        query = goods.import_options({"format": file_format, **options})
        report = asyncio.run(client.import_file(Path(source), query))
    if not goods.told(report, Console()):
        raise typer.Exit(1)


@cli.command("export")
def export_products(
    show: Annotated[str, typer.Argument(help="The show.")],
    server: Server = HERE,
    key: Key = "",
) -> None:
    """Print a show's products as CSV."""
    from mediaserver import goods

    client = goods.GoodsClient(server=server, show=show, key=key)
    typer.echo(asyncio.run(client.export()), nl=False)


@cli.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The new file.")],
    config: ConfigOption = None,
    data: Data = None,
) -> None:
    """Copy the shop's database into a file. The server may be running, and goes on selling."""
    from overlay.store import backup as copies

    settings = _load(config, _options(None, None, None, data))
    copies.backup(settings.shop_database, file)
    typer.echo(f"The shop is in {file}.")


@cli.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `comptoir backup` made.")],
    config: ConfigOption = None,
    data: Data = None,
) -> None:
    """Put a backup in the place of the shop's database. The server must not be running."""
    from overlay.store import backup as copies

    settings = _load(config, _options(None, None, None, data))
    settings.data.mkdir(parents=True, exist_ok=True)
    epoch = copies.restore(file, settings.shop_database)
    typer.echo(f"The shop is as it was in {file}; its log has the new epoch {epoch}.")


cli.command("tune")(tune_command)


def main() -> None:
    """The entry point: no error of ours ends in a traceback."""
    sys.exit(_guarded(cli))


def _guarded(command: Callable[[], Any]) -> int:
    try:
        command()
    except (ComptoirError, ShopError, TranscoderError) as exc:
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
