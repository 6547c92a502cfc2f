"""``python -m bench.faults``: a relay and its front as a process of their own.

The first line on standard output says where they are: ``{"udp": …, "url": …}``. A line `arm` on
standard input begins the profile's time. SIGTERM or the end of the input ends it; the last line on
standard output is then what has passed and what was lost.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence

import uvloop

from bench.faults.front import Front
from bench.faults.profiles import PROFILES, Profile
from bench.faults.relay import HOST, Relay

ARM = "arm"
_ORDER_BYTES = 4096


async def run(profile: Profile, *, server_url: str, udp_port: int | None, seed: int) -> None:
    """Serve until SIGTERM, SIGINT or the end of standard input."""
    relay = Relay(profile, target_port=udp_port, seed=seed)
    relay_port = await relay.open()
    front = Front(server_url=server_url, relay=relay, relay_port=relay_port)
    front_port = await front.open()
    try:
        _say({"udp": relay_port, "url": f"http://{HOST}:{front_port}"})
        await _orders(relay)
    finally:
        await front.close()
        await relay.close()
        _say(relay.statistics())


async def _orders(relay: Relay) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, ended.set)

    def read() -> None:
        orders = os.read(sys.stdin.fileno(), _ORDER_BYTES)
        if ARM in orders.decode(errors="replace").split():
            relay.arm()
            _say({"armed": relay.profile.name})
        elif not orders:
            ended.set()

    loop.add_reader(sys.stdin.fileno(), read)
    await ended.wait()
    loop.remove_reader(sys.stdin.fileno())


def _say(value: object) -> None:
    print(json.dumps(value), flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--profile", choices=sorted(PROFILES), default="clean")
    parser.add_argument("--server", required=True, help="the server's HTTP address")
    parser.add_argument(
        "--udp", type=int, help="its media port on 127.0.0.1, else that of its answer"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--after", type=float, help="seconds from `arm` to the trouble")
    parser.add_argument("--lasts", type=float, help="how many seconds a passing trouble lasts")
    options = parser.parse_args(arguments)
    profile = PROFILES[options.profile]
    if options.after is not None or options.lasts is not None:
        after_s = profile.after_s if options.after is None else options.after
        profile = profile.scaled(after_s=after_s, lasts_s=options.lasts)
    uvloop.run(run(profile, server_url=options.server, udp_port=options.udp, seed=options.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
