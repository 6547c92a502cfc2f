"""How many 720p30 shows one machine holds, and what one costs.

A whole server is on air with one show more each time. Each show is published over WHIP by an FFmpeg
of its own that sends the packets of a film (four seconds of 720p30, H.264 baseline and Opus, over
and over) as they are, and watched by one viewer, who asks for each part of the smallest rendition
with a blocking playlist request. A number of shows is held when no more than one part in a
thousand comes later than a part's duration (PART-TARGET) after its end (by PROGRAM-DATE-TIME, so
the line, the jitter buffer, the encoders and the gateway are all in it), no part is missing, and no
publisher ends; a number that is not held gets a second chance. Once with `passthrough: always`,
where the 720p is the source's own and two rungs are encoded, once with the full default ladder.
Nothing is shed: a show that is held is held whole.

  shows_held, core_per_show    with passthrough; with the full ladder
  where                        cores by process, and within the workers by rung; with `--where FILE`
                               also by library (from perf, where it may be used), as text

What the figures do not say: publishers, viewers and server share the machine, so a machine that
does not film itself holds more; the publishers' share is printed. Cores are CPU time of the
server's processes alone. A film of four seconds is one film: others are harder or easier.
`idle_share` is the machine's before the first show; with as many shows as it holds it is not idle.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from bench import film
from bench.node import NodeError
from bench.report import Figure, print_report
from bench.streams.run import Held, Plan, Window, run
from mediaserver.profiles import find_profile

FULL = Plan(first=1, most=12, settle_s=6.0, window_s=30.0)
QUICK = Plan(first=1, most=1, settle_s=2.0, window_s=6.0)
WAYS = {"passthrough": "always", "ladder": "never"}
"""The ways, and what each asks of `passthrough` in the profile."""


async def measure(names: Sequence[str], plan: Plan, clip: Path | None) -> dict[str, Held]:
    """Each way that the profiles know. Raises `NodeError`."""
    held: dict[str, Held] = {}
    with tempfile.TemporaryDirectory(prefix="comptoir-bench-") as made:
        folder = Path(made)
        path = await asyncio.to_thread(film.make, folder, clip)
        for name in names:
            profile = _profile(folder / f"{name}.yaml", WAYS[name])
            (folder / name).mkdir()
            held[name] = await run(path, profile, plan, folder=folder / name)
    return held


def _profile(path: Path, passthrough: str) -> Path:
    plain = find_profile("default").to_plain()
    plain["passthrough"] = passthrough
    plain["overload"]["shed"] = []
    path.write_text(yaml.safe_dump(plain), encoding="utf-8")
    return path


def figures_of(held: Mapping[str, Held]) -> dict[str, Figure]:
    """Those of the JSON line; null for what was not measured or not held at all."""
    figures: dict[str, Figure] = {
        "idle_share": min((each.quiet_idle_share for each in held.values()), default=None)
    }
    best = {name: held[name].best if name in held else None for name in WAYS}
    for prefix, name in (("", "passthrough"), ("ladder_", "ladder")):
        window = best[name]
        shows = window.shows if window else 0
        figures[f"{prefix}shows_held"] = shows if name in held else None
    for prefix, name in (("", "ladder"), ("passthrough_", "passthrough")):
        window = best[name] or (held[name].windows[0] if name in held else None)
        figures[f"{prefix}core_per_show"] = window.core_per_show if window else None
        figures[f"{prefix}lag_p99_ms"] = window.lag_p99_ms if window else None
    return figures


def row(name: str, window: Window) -> tuple[str, ...]:
    """For the table."""
    return (
        name, str(window.shows), "yes" if window.held else "no",
        f"{window.late}/{window.parts}", str(window.missed),
        f"{window.lag_p50_ms:.0f}/{window.lag_p99_ms:.0f}/{window.lag_max_ms:.0f} ms",
        f"{window.core_per_show:.3f}", f"{window.publishers_cores / window.shows:.3f}",
        f"{window.idle_share:.0%}",
    )  # fmt: skip


def where(held: Mapping[str, Held]) -> str:
    """The profile as text."""
    lines: list[str] = []
    for name, each in held.items():
        window = each.best or each.windows[-1]
        lines += [f"{name}: cores for each of {window.shows} shows"]
        cores = sorted(window.cores.items(), key=lambda item: -item[1])
        lines += [f"  {used / window.shows:7.4f}  {what}" for what, used in cores]
        lines += ["", f"{name}: {each.windows[-1].shows} shows, by thread and library", ""]
        lines += [each.libraries, ""]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.streams",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="one show, within 45 s")
    parser.add_argument("--only", choices=WAYS, help="one of the two")
    parser.add_argument("--first", type=int, help="look at so many shows first")
    parser.add_argument("--most", type=int, help=f"so many at most, default: {FULL.most}")
    parser.add_argument("--window", type=float, help=f"seconds, default: {FULL.window_s:g}")
    parser.add_argument("--where", type=Path, help="write where the time goes to this file")
    parser.add_argument("--clip", type=Path, help="another film, of 120 pictures or more")
    options = parser.parse_args(arguments)
    given = QUICK if options.quick else FULL
    plan = Plan(
        first=options.first or given.first, most=options.most or given.most,
        settle_s=given.settle_s, window_s=options.window or given.window_s,
    )  # fmt: skip
    names = [options.only] if options.only else list(WAYS)
    try:
        if options.where:
            options.where.parent.mkdir(parents=True, exist_ok=True)
            options.where.touch()
        held = asyncio.run(measure(names, plan, options.clip or film.beside()))
    except (NodeError, OSError, ValueError) as exc:
        print(f"The measurement failed: {exc}", file=sys.stderr)
        return 1
    if options.where and held:
        options.where.write_text(where(held), encoding="utf-8")
    print_report(
        bench="streams",
        title="Shows of 720p30 that the machine holds; cores for each show",
        columns=("", "shows", "held", "late", "missing", "lag p50/p99/max", "server",
                 "publisher", "idle"),
        rows=[row(name, window) for name, each in held.items() for window in each.windows],
        figures=figures_of(held),
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
