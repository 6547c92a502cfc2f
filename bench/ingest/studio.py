"""One publish from the studio in Chromium under one profile: a sender that adapts to the line.

Its canvas paints about 30 frames a second, 854x480; how many there were is told by their numbers.
The sound of the page (Web Audio) may come later than its picture from the start, so lip sync after
the trouble is to be compared with that before it.
"""

import asyncio

from bench.chromium import PAINTED_WIDTH, chromium, go_live, host_page
from bench.faults.browser import publish_through
from bench.faults.process import BadLine
from bench.ingest.run import Carried, Plan, ProfileResult, judge, watch_run
from bench.node import Node


async def run_studio(name: str, plan: Plan, *, node: Node, show: str, seed: int) -> ProfileResult:
    """Go live through the profile and judge what is served meanwhile.

    Raises `TimeoutError` where the show never came on air.
    """
    profile = plan.profile(name)
    with BadLine(
        name, server_url=node.url, udp_port=node.udp_port, seed=seed,
        after_s=profile.after_s, lasts_s=profile.lasts_s,
    ) as line:  # fmt: skip
        async with chromium() as browser:
            page = await host_page(browser, monitor=False)
            await publish_through(page, line)
            await go_live(page, url=node.url, show=show, key=node.keys[show])
            watch, run = await watch_run(node, show, [line], plan, plan.length_s(profile))
        counts = line.stop()
    watched = await asyncio.to_thread(watch.recording.read, camera_width=PAINTED_WIDTH)
    return ProfileResult(
        profile=name,
        run=run,
        ours=judge(watched, profile, run, numbered=True),
        stock=None,
        late_ms=0.0,
        publishes=1,
        epochs=watch.recording.epochs,
        holes=watch.recording.holes,
        line=Carried.of(counts["up"]),
        watched=watched,
    )
