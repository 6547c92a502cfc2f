"""How many viewers does a core hold, and at what cost?

One made-up show, parts of 60 KB every 500 ms, goes to each server in turn: our gateway (the real
process, fed over its bus as main feeds it), a bare C server that writes prebuilt bytes, a plain
aiohttp origin (uvloop, prebuilt bodies, no access log), nginx with static files that viewers poll.
The server has a core, the load generator another. The generator checks every byte of every part,
and that none is missing or out of order.

wake: from the making of a part until a waiting viewer has the playlist that lists it. delivery:
until the viewer has the last byte of it. A server holds a crowd when every viewer gets all parts,
99 % of them before the next is due. `low` and `ultra` are the presets' parts (333 and 200 ms) of
the 480p rung with a cue in every third part: LL-HLS viewers each with an event socket, and push.

What it does not say: loopback has no loss, no TLS and no distance, and its two ends share caches.
The generator takes as long as the server does, and its part of the latency is in the figures. nginx
is polled: it wakes nobody, so its row says what static files cost and nothing of live latency. The
bare server has no limits, no time-outs and no second show. Playlists go uncompressed for all alike.
A core is busy on purpose: the run is void when less than 10 % of the machine was idle before the
crowds came, or others took more than 10 % of it meanwhile.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.fanout import build
from bench.fanout.load import LOAD_CORE
from bench.fanout.plan import GROUPS, LeftOut, Plan
from bench.fanout.processes import pin_own, unpin_own
from bench.fanout.report import COLUMNS, figures, row
from bench.report import print_report

_MOST_INTERFERENCE = 0.10
_TITLE = (
    "Fan-out: one server on one core. µs of its CPU for each viewer and part; its share of the "
    "core; p50/p99/max in ms of wake, delivery and cue; resident KB for each connection; the "
    "generator's share of its core; what others used of the machine."
)


async def play(groups: Sequence[str], *, quick: bool) -> int:
    """Play the groups and print what came of them."""
    with tempfile.TemporaryDirectory(prefix="fanout-") as folder:
        plan = Plan(Path(folder), quick=quick)
        pin_own(LOAD_CORE)  # the feeder lives here
        for group in groups:
            try:
                await plan.group(group)
            except LeftOut as exc:
                print(f"{group} ends early: {exc}.", file=sys.stderr)
        unpin_own()
    found = figures(plan.outcomes)
    interference = found["interference"]
    if interference is not None and interference > _MOST_INTERFERENCE:
        print(f"This run is void: others used {interference:.0%} of the machine meanwhile.")
    print_report(
        bench="fanout",
        title=_TITLE,
        columns=COLUMNS,
        rows=[row(outcome) for outcome in plan.outcomes],
        figures=found,
    )
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.fanout",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="fewer viewers; ends within 45 s")
    parser.add_argument(
        "--only",
        default=",".join(GROUPS),
        help=f"of {', '.join(GROUPS)}, with commas between (all together take ten minutes)",
    )
    options = parser.parse_args(arguments)
    groups = options.only.split(",")
    if unknown := set(groups) - set(GROUPS):
        parser.error(f"--only knows {', '.join(GROUPS)}, not {', '.join(sorted(unknown))}")
    lacking = build.missing()
    if lacking is not None:
        print(f"bench.fanout cannot run: {lacking}.", file=sys.stderr)
        return 1
    os.environ.setdefault("COLUMNS", "150")  # the table is wide
    return asyncio.run(play(groups, quick=options.quick))


if __name__ == "__main__":
    sys.exit(main())
