"""A server for all publishers, programs that publish, and what a viewer then gets."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import numpy.typing as npt
import pytest

from bench.hls import Follower, HlsClient, audio_frames, video_frames
from bench.node import ROOT, Node
from bench.polling import eventually

HERE = Path(__file__).parent
SHOWS = {f"show{n}": f"host-key-of-test-show-{n}" for n in range(12)}
"""One for each publish: nobody waits for the one before to be forgotten."""
ON_AIR_S = 20.0
WATCHED_S = 3.0
END_S = 10.0
LOUD = 0.02
"""Root mean square, of full scale 1."""

Luma = npt.NDArray[np.int16]
Sound = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Some seconds of a show, as decoded from what the gateway serves."""

    pictures: tuple[Luma, ...]
    sound: Sound
    sample_rate: int
    health: dict[str, Any]
    """What the API said meanwhile."""

    @property
    def moving_share(self) -> float:
        """The share of pictures that differ plainly from the one half a second before: a slate
        stands still, whatever the machine's load."""
        pairs = list(zip(self.pictures, self.pictures[15:], strict=False))
        return sum(int(np.abs(a - b).max()) > 20 for a, b in pairs) / len(pairs)

    @property
    def tone_share(self) -> float:
        """How much of the purest loud tenth of a second is one tone; 0 where none is loud."""
        length = self.sample_rate // 10
        count = len(self.sound) // length
        windows = self.sound[: count * length].reshape(count, length)
        loud = windows[np.sqrt((windows**2).mean(axis=1)) > LOUD]
        power = np.abs(np.fft.rfft(loud * np.hanning(length), axis=1)) ** 2
        shares = [
            row[max(0, peak - 3) : peak + 4].sum() / row.sum()
            for row, peak in zip(power, power.argmax(axis=1), strict=True)
        ]
        return float(max(shares, default=0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A show of the server that nobody has published to."""

    url: str
    """Of the server."""
    show: str
    key: str
    watch: Callable[[str], Awaitable[Watched]]
    """Waits until the show is on air with this picture codec, and watches it for a while."""

    @property
    def whip_url(self) -> str:
        """Where to publish."""
        return f"{self.url}/live/{self.show}/whip"


Program = Callable[..., AbstractAsyncContextManager[None]]
"""Runs a command that publishes until its standard input ends."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """`comptoir serve`, where a show whose publisher has vanished does not encode for long."""
    settings = {"webrtc": {"grace_s": 12}}
    node = Node(folder=tmp_path_factory.mktemp("node"), shows=SHOWS, settings=settings)
    with node:
        yield node
    assert "Traceback" not in node.log()
    assert [key for key in SHOWS.values() if key in node.log()] == []


@pytest.fixture(scope="session")
def free_shows() -> Iterator[tuple[str, str]]:
    """Names and keys, each given once."""
    return iter(SHOWS.items())


@pytest.fixture
async def stage(server: Node, free_shows: Iterator[tuple[str, str]]) -> AsyncIterator[Stage]:
    """See `Stage`."""
    show, key = next(free_shows)
    index_url = f"{server.url}/live/{show}/index.m3u8"
    async with aiohttp.ClientSession() as http:

        async def health() -> dict[str, Any]:
            async with http.get(
                f"{server.url}/api/v1/shows/{show}/health",
                headers={"Authorization": f"Bearer {key}"},
                raise_for_status=True,
            ) as response:
                plain: dict[str, Any] = await response.json()
                return plain

        async def arrives(codec: str) -> bool:
            video = (await health())["video"]
            return bool(video and video["codec"] == codec and video["frames_per_s"] > 10)

        async def watch(codec: str) -> Watched:
            await eventually(
                lambda: arrives(codec),
                ON_AIR_S, f"{codec} arrives", despite=(aiohttp.ClientResponseError,),
            )  # fmt: skip
            pictures, sound, rate = await _decoded(HlsClient(http), index_url)
            return Watched(pictures=pictures, sound=sound, sample_rate=rate, health=await health())

        yield Stage(url=server.url, show=show, key=key, watch=watch)


@pytest.fixture
def program(request: pytest.FixtureRequest) -> Program:
    """See `Program`. Its end is checked, and so is what it said."""

    @asynccontextmanager
    async def run(*command: str | Path) -> AsyncIterator[None]:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=ROOT,
        )
        said = asyncio.create_task(_all_of(process))
        try:
            yield
        finally:
            assert process.stdin is not None
            process.stdin.write(b"q")  # what FFmpeg goes by
            process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), END_S)
            except TimeoutError:
                process.kill()
            text = (await said).decode(errors="replace")
            request.node.add_report_section("teardown", "publisher", text)
            await process.wait()
        assert process.returncode == 0, text

    return run


@pytest.fixture(scope="session")
def need() -> Callable[[bool, str], None]:
    """Skip where what a test drives is missing, with its name; the build machine fails instead."""

    def check(there: bool, missing: str) -> None:
        if there:
            return
        if os.environ.get("CI") == "true":
            pytest.fail(f"{missing} is missing (scripts/system-packages installs it)")
        pytest.skip(f"{missing} is missing")

    return check


@pytest.fixture(scope="session")
def node(need: Callable[[bool, str], None]) -> str:
    """Node.js, with the packages of `node/` beside it as locked."""
    environment = Path(sys.executable).parent.parent
    with_node = [ROOT / "scripts" / "with-node", environment]
    if not (HERE / "node" / "node_modules" / "werift").exists():
        installed = subprocess.run(
            [*with_node, "npm", "--prefix", HERE / "node", "ci", "--no-audit", "--no-fund"],
            capture_output=True,
            timeout=100,
            check=False,
        )
        need(installed.returncode == 0, "npm's package werift")
    path = f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
    found = shutil.which("node", path=path) if (environment / "bin/node").exists() else None
    found = found or shutil.which("node")
    need(found is not None, "Node.js")
    return str(found)


async def _all_of(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    said = b""
    while more := await process.stdout.read(65536):
        said = (said + more)[-65536:]
    return said


async def _decoded(client: HlsClient, index_url: str) -> tuple[tuple[Luma, ...], Sound, int]:
    """Pictures, sound and its rate, of the next seconds of the smallest rendition."""
    variants = await eventually(
        lambda: client.variants(index_url),
        ON_AIR_S, "the show is on air", despite=(aiohttp.ClientResponseError,),
    )  # fmt: skip
    follower = Follower(client, variants[-1])
    await follower.reload()
    before = set(follower.parts)
    async with asyncio.timeout(WATCHED_S + ON_AIR_S):
        while sum(p.duration_s for u, p in follower.parts.items() if u not in before) < WATCHED_S:
            await follower.reload()
            assert not follower.ended
    new = [part for uri, part in follower.parts.items() if uri not in before]
    first = next(at for at, part in enumerate(new) if part.independent)
    data = [await client.media(new[0].init_uri)]
    data += [await client.media(part.uri) for part in new[first:]]
    pictures = tuple(
        frame.reformat(160, 90, format="gray").to_ndarray().astype(np.int16)
        for frame in video_frames(data)
    )
    sounds = list(audio_frames(data))
    sound = np.concatenate([frame.to_ndarray()[0] for frame in sounds]).astype(np.float32)
    return pictures, sound, sounds[0].sample_rate
