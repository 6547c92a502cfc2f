"""`comptoir check URL`: observe, judge, report."""

import asyncio
import sys
import time
from urllib.parse import urlsplit

from rich.console import Console

from mediaserver.check import report
from mediaserver.check.decode import decode
from mediaserver.check.errors import CannotCheck
from mediaserver.check.fetch import Fetcher, Reply
from mediaserver.check.indexes import IndexReader
from mediaserver.check.judge import Verdict, judge
from mediaserver.check.observe import Follower
from mediaserver.check.playlist import Multivariant, Variant
from mediaserver.check.probes import Prober
from mediaserver.check.read_media import read_media
from mediaserver.check.read_multivariant import read_multivariant
from mediaserver.check.seen import Index, Observation, Rendition

_GRACE_S = 60.0
"""For what was begun when the time was up."""


async def check(url: str, *, seconds: float, timeout_s: float) -> tuple[Observation, list[Verdict]]:
    """Follow the origin at `url` for `seconds`. Raises `CannotCheck`."""
    async with Fetcher(timeout_s=timeout_s) as fetcher:
        seen = await _begin(fetcher, url)
        indexes, until_s = IndexReader(fetcher, seen), time.monotonic() + seconds
        followers = [
            Follower(fetcher, seen, rendition, indexes, until_s=until_s)
            for rendition in seen.renditions
        ]
        try:
            async with asyncio.timeout(seconds + timeout_s + _GRACE_S):
                await asyncio.gather(
                    *(follower.follow() for follower in followers), _probe(fetcher, seen)
                )
        except TimeoutError:
            raise CannotCheck(
                "The check did not end in time; the origin answers too slowly."
            ) from None
        seen.replies = fetcher.replies
    for rendition in seen.renditions:
        rendition.decoded = await asyncio.to_thread(decode, rendition)
    return seen, judge(seen)


async def _begin(fetcher: Fetcher, url: str) -> Observation:
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise CannotCheck(f"{url!r} is no http or https address.")
    index = await fetcher.playlist(url)
    if not index.ok:
        raise CannotCheck(f"{url} {index.fault}.")
    multivariant = read_multivariant(index.body, index.url)
    first = Index(reply=index, multivariant=multivariant)
    seen = Observation(url=index.url, indexes=[first])
    _name_renditions(seen, multivariant, index)
    return seen


def _name_renditions(seen: Observation, multivariant: Multivariant, index: Reply) -> None:
    urls: set[str] = set()
    tagged: list[tuple[str, Variant | None]] = [(v.url, v) for v in multivariant.variants]
    tagged += [(m.url, None) for m in multivariant.media if m.url is not None]
    for url, variant in tagged:
        if url not in urls:
            urls.add(url)
            path = urlsplit(url).path.strip("/").split("/")
            name = path[-2] if len(path) > 1 else path[-1]
            seen.renditions.append(Rendition(name=name, url=url, variant=variant))
    if not seen.renditions:
        raise CannotCheck(
            f"{index.url} is no multivariant playlist: it names no variant. "
            "Give the address that players are given."
        )


async def _probe(fetcher: Fetcher, seen: Observation) -> None:
    """Once the first rendition's first playlist is there."""
    rendition = seen.renditions[0]
    reply = await fetcher.playlist(rendition.url)
    if reply.ok:
        await Prober(fetcher, seen, rendition).all(read_media(reply.body, rendition.url))


def run_check(url: str, *, seconds: float, timeout_s: float, as_json: bool, strict: bool) -> int:
    """The whole command; its exit status. Why nothing can be checked goes to standard error."""
    try:
        seen, verdicts = asyncio.run(check(url, seconds=seconds, timeout_s=timeout_s))
    except CannotCheck as exc:
        print(f"comptoir: {exc}", file=sys.stderr)
        return report.CANNOT_CHECK
    if as_json:
        print(report.as_json(seen, verdicts, strict=strict))
    else:
        report.tell(Console(), seen, verdicts, strict=strict)
    return report.exit_status(verdicts, strict=strict)
