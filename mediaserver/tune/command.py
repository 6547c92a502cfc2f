"""The options of ``comptoir tune``; what does the work is imported only when it is called."""

from pathlib import Path
from typing import Annotated

import typer

from mediaserver.profile_command import ConfigOption
from transcoder.profiles import MAX_RUNGS

MAX_SECONDS = 60.0


def tune_command(
    clip: Annotated[str, typer.Argument(help="A video file, or a running show's index.m3u8.")],
    profile: Annotated[
        list[str] | None,
        typer.Option(help="A profile to measure and sweep, by name or file; may be repeated."),
    ] = None,
    preset: Annotated[str, typer.Option(help="Presets to sweep: superfast,faster.")] = "",
    bitrate: Annotated[str, typer.Option(help="Factors of the bitrates: 0.5,1,2.")] = "",
    scaler: Annotated[str, typer.Option(help="Scalers to try: bilinear,lanczos.")] = "",
    fps: Annotated[str, typer.Option(help="Frame rates to try: 15,25.")] = "",
    seconds: Annotated[
        float | None, typer.Option(help="How much of the clip.", min=1, max=MAX_SECONDS)
    ] = None,
    cpu: Annotated[
        float | None, typer.Option(help="Cores that one show may cost.", min=0.01)
    ] = None,
    bandwidth: Annotated[
        str, typer.Option(help="The most that the best rung may declare: 4000000, 4M or 900k.")
    ] = "",
    rungs: Annotated[
        int, typer.Option(help="The most rungs of the ladder.", min=1, max=MAX_RUNGS)
    ] = 4,
    shows: Annotated[
        int, typer.Option(help="The most concurrent shows to try; 0: none.", min=0, max=64)
    ] = 32,
    quick: Annotated[
        bool, typer.Option("--quick", help="A few minutes: less clip, fewer values.")
    ] = False,
    report: Annotated[Path, typer.Option(help="The HTML report.")] = Path("tune.html"),
    as_json: Annotated[Path | None, typer.Option("--json", help="All results as JSON.")] = None,
    yaml: Annotated[Path | None, typer.Option(help="The recommended profile.")] = None,
    language: Annotated[str, typer.Option("--lang", help="Of the report: en or fr.")] = "en",
    config: ConfigOption = None,
) -> None:
    """Measure what encoder profiles cost and look like, on this machine and this footage."""
    from mediaserver import config as configuration
    from mediaserver.tune.asked import Asked, Files
    from mediaserver.tune.run import run_tune

    asked = Asked(
        clip=clip,
        profiles=tuple(profile or ()),
        presets=preset,
        bitrates=bitrate,
        scalers=scaler,
        frame_rates=fps,
        seconds=seconds,
        cores=cpu,
        bandwidth=bandwidth,
        rungs=rungs,
        shows=shows,
        quick=quick,
        language=language,
    )
    files = Files(report=report, json=as_json, yaml=yaml)
    folder = configuration.load(config).profile_folder
    raise typer.Exit(run_tune(asked, files, profile_folder=folder))
