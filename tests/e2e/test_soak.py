"""Ten minutes on air: not a part is missing, and no process grows. Behind `make soak`.

COMPTOIR_SOAK_MINUTES changes how long.
"""

import asyncio
import os
import re
from pathlib import Path

import pytest

from bench.hls import Follower, HlsClient
from bench.host import DemoHost
from bench.node import Node
from bench.polling import eventually

MINUTES = float(os.environ.get("COMPTOIR_SOAK_MINUTES", "10"))

pytestmark = [pytest.mark.soak, pytest.mark.media, pytest.mark.timeout(MINUTES * 60 + 120)]

ROLES = ("main", "gateway", "ingest")
GROWTH = 1.25
"""The windows are full after the first two fifths; from then on nothing may grow by more."""


def resident_pages(server: Node) -> dict[str, int]:
    """Resident memory of the processes of each role, in pages (proc_pid_statm(5))."""
    return {
        role: sum(
            int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
            for pid in server.pids(role)
        )
        for role in ROLES
    }


def open_files(server: Node) -> dict[str, int]:
    """File descriptors of the processes of each role."""
    return {
        role: sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in server.pids(role))
        for role in ROLES
    }


async def test_nothing_is_missing_and_nothing_grows(
    server: Node, hls: HlsClient, tmp_path: Path
) -> None:
    (show, key), *_ = server.keys.items()
    index_url = f"{server.url}/live/{show}/index.m3u8"
    host = DemoHost(whip_url=server.whip_url(show), key=key, log_path=tmp_path / "host.log")
    with host:
        urls = await eventually(
            lambda: hls.variants(index_url), 30, "the show is on air", despite=(Exception,)
        )
        follower = Follower(hls, urls[-1])
        parts = int(MINUTES * 60 * 3)
        early: dict[str, int] = {}
        files: dict[str, int] = {}
        while len(follower.parts) < parts:
            await follower.reload()
            if not early and len(follower.parts) > parts * 2 // 5:
                early = await asyncio.to_thread(resident_pages, server)
                assert all(early.values()), "a process of each role is looked at"
                files = await asyncio.to_thread(open_files, server)
        late = await asyncio.to_thread(resident_pages, server)
        assert await asyncio.to_thread(open_files, server) == files
    numbers = [int(n) for n in re.findall(r"part-(\d+)", "\n".join(follower.parts))]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    for role in ROLES:
        assert late[role] <= early[role] * GROWTH, (role, early, late)
