"""What receiving costs: our ingest process and stock aiortc with its decoders off, side by side.

Both get the same packets over the loopback at the same time, so whatever disturbs the machine
disturbs both; the ratio is the median over several windows.
"""

import asyncio
import statistics
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.hls import HlsClient
from bench.ingest.clip import FPS, SECONDS, Clip
from bench.ingest.processes import PublisherProcess, StockProcess
from bench.node import Node
from bench.polling import eventually
from mediaserver.demo import tone
from mediaserver.demo.encoders import OPUS_SAMPLES

SETTLE_S = 2.0
ON_AIR_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuResult:
    """CPU time for each megabit received, in milliseconds, window by window."""

    ours_ms: tuple[float, ...]
    stock_ms: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Ours in units of the peer's: the median of the windows' ratios."""
        pairs = zip(self.ours_ms, self.stock_ms, strict=True)
        return statistics.median(ours / stock for ours, stock in pairs)


def cpu_ns(pid: int) -> int:
    """CPU time that the living threads of a process have used (sched-stats, first field)."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in tasks)


async def measure_cpu(
    *, node: Node, shows: list[str], clip_path: Path, folder: Path, windows: int, window_s: float
) -> CpuResult:
    """Publish to `shows` of ours and to as many names of the peer's, and look at both.

    Raises `RuntimeError` where the peer did not receive all of it.
    """
    clip = await asyncio.to_thread(Clip.load, clip_path)
    megabits = _bits_per_second(clip) * len(shows) * window_s / 1e6
    with StockProcess(folder / "cpu.log", decode=False) as stock:
        targets = {node.whip_url(show): node.keys[show] for show in shows}
        targets |= {stock.whip_url(show): "the-peer-asks-for-none" for show in shows}
        with PublisherProcess(clip_path, targets, folder / "cpu.log") as publisher:
            await _on_air(node, shows)
            (ingest,) = node.pids("ingest")
            ours, theirs = [], []
            for _ in range(windows):
                before = cpu_ns(ingest), cpu_ns(stock.pid)
                await asyncio.sleep(window_s)
                ours.append((cpu_ns(ingest) - before[0]) / 1e6 / megabits)
                theirs.append((cpu_ns(stock.pid) - before[1]) / 1e6 / megabits)
            await asyncio.to_thread(publisher.stop)
        await asyncio.to_thread(stock.stop)
    frames = (FPS + tone.SAMPLE_RATE / OPUS_SAMPLES) * len(shows) * windows * window_s
    if stock.let_go < frames:
        raise RuntimeError(
            f"the peer put {stock.let_go} frames together while at least {frames:.0f} were sent"
        )
    return CpuResult(ours_ms=tuple(ours), stock_ms=tuple(theirs))


async def _on_air(node: Node, shows: list[str]) -> None:
    async with aiohttp.ClientSession() as http:
        client = HlsClient(http)
        for show in shows:
            url = f"{node.url}/live/{show}/index.m3u8"

            async def probe(url: str = url) -> list[str]:
                return await client.variants(url)

            await eventually(
                probe, ON_AIR_TIMEOUT_S, "the show is on air", despite=(aiohttp.ClientError,)
            )
    await asyncio.sleep(SETTLE_S)


def _bits_per_second(clip: Clip) -> float:
    return sum(len(data) for data in (*clip.pictures, *clip.sounds)) * 8 / SECONDS
