"""The whole way: a publisher over WHIP, the server, and viewers of each rendition."""

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from bench.arrivals import Arrival, Listener
from bench.film import HEIGHT, WIDTH
from bench.hls import HlsClient, video_frames
from bench.ingest.clip import FPS, FRAMES, LEAD_NS, Clip
from bench.ingest.processes import PublisherProcess
from bench.node import Node, NodeError
from bench.part_delay.figures import Delays, frame_numbers
from bench.polling import eventually
from mediaserver.demo import timecode

SHOW = "bench"
ON_AIR_TIMEOUT_S = 30.0


async def measure(*, settle_s: float, seconds: float, folder: Path) -> tuple[Delays, float]:
    """Be on air for so long; returns also by how many ms the publisher was late at worst.

    Raises `NodeError` where the show never comes on air or nothing could be read.
    """
    folder.mkdir()
    clip_path = folder / "clip"
    await asyncio.to_thread(lambda: Clip.make(WIDTH, HEIGHT).save(clip_path))
    key = secrets.token_urlsafe(24)
    node = Node(folder=folder, shows={SHOW: key})
    await asyncio.to_thread(node.start)
    try:
        targets = {node.whip_url(SHOW): key}
        with PublisherProcess(clip_path, targets, folder / "publisher.log") as publisher:
            async with aiohttp.ClientSession() as http:
                names, listeners, painted = await _listen(
                    node, HlsClient(http), settle_s=settle_s, seconds=seconds
                )
            said = await asyncio.to_thread(publisher.stop)
    finally:
        await asyncio.to_thread(node.stop)
    zero_ns = int(said["since_ns"]) + LEAD_NS
    delays = _delays(names, listeners, painted, zero_ns)
    return delays, said["late_ms"]


async def _listen(
    node: Node, client: HlsClient, *, settle_s: float, seconds: float
) -> tuple[list[str], list[list[Arrival]], dict[int, int]]:
    """The renditions' names, what came of each, and what each part's last picture says."""
    index = f"{node.url}/live/{SHOW}/index.m3u8"
    try:
        urls = await eventually(
            lambda: client.variants(index), ON_AIR_TIMEOUT_S, "the show is on air",
            despite=(aiohttp.ClientError,),
        )  # fmt: skip
    except TimeoutError as exc:
        raise NodeError(f"{exc}\n{node.log_end()}") from None
    await asyncio.sleep(settle_s)
    listeners = [Listener(client, url, fetch=url == urls[-1]) for url in urls]
    for listener in listeners:
        listener.start()
    await asyncio.sleep(seconds)
    for listener in listeners:
        await listener.stop()
    names = [url.rsplit("/", 2)[-2] for url in urls]
    painted = await asyncio.to_thread(_painted, listeners[-1])
    return names, [listener.arrivals for listener in listeners], painted


def _painted(listener: Listener) -> dict[int, int]:
    """The number in the last picture of each part, read from the smallest rendition.

    What comes before the first segment's beginning cannot be decoded.
    """
    numbers: dict[int, int] = {}
    pieces: list[bytes] = []
    for arrival in listener.arrivals:
        part = arrival.part
        if part.index == 0:
            pieces = [listener.media[part.map_uri]]
        if not pieces or part.uri not in listener.media:
            continue
        pieces.append(listener.media[part.uri])
        *_, last = video_frames(pieces)
        code = timecode.read(timecode.luma_of(last), painted_width=WIDTH)
        if code is not None:
            numbers[part.number] = code.counter % FRAMES
    return numbers


def _delays(
    names: Sequence[str], came: Sequence[Sequence[Arrival]], painted: dict[int, int], zero_ns: int
) -> Delays:
    ms: dict[str, list[float]] = {}
    for name, arrivals in zip(names, came, strict=True):
        read = [each for each in arrivals if each.part.number in painted]
        ends = [((each.came_ns - zero_ns) / 1e9, painted[each.part.number]) for each in read]
        numbers = frame_numbers(ends, period=FRAMES, frames_per_second=FPS)
        if not read:
            raise NodeError(f"of {name} no part's last picture could be read")
        ms[name] = [
            (came_s - number / FPS) * 1000
            for (came_s, _), number in zip(ends, numbers, strict=True)
        ]
    return Delays(ms=ms)
