"""Main's rooms together: what the shop commits reaches gateways, media and readiness."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mediaserver import config
from mediaserver.app import Node
from mediaserver.bus.messages import Replay, ShowSnapshot, ShowStatus
from mediaserver.workers.setup import RunFolder
from overlay.catalog.products import ProductDraft
from overlay.show.cues import CueDraft, CueMoment
from overlay.show.fold import ShowState
from overlay.values import Cue, ShowEvent
from transcoder.wire import Deframer

DRAFT = ProductDraft(
    name="Wine",
    facts=(),
    picture=None,
    price_minor=1,
    currency="EUR",
    stock=1,
    seller="",
    returns="",
)


class Gateway:
    """A gateway's connection, read."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self._deframer = Deframer()

    def send_framed(self, data: bytes) -> None:
        self.got.extend(self._deframer.feed(data))

    def abort(self) -> None:
        raise AssertionError("nobody falls behind here")

    async def drain(self) -> None:
        return


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    settings = config.load(None, {"data": str(tmp_path), "shows": {"a": {}, "b": {}}})
    made = Node(settings, RunFolder(path=tmp_path))
    await made.shop.start()
    yield made
    await made.shop.close()


async def _put(node: Node, product: str) -> None:
    def job(shop: Any) -> tuple[None, Any]:
        return None, shop.put_product("a", product, DRAFT).events

    await node.shop.change(job)


async def test_a_gateway_begins_with_every_shows_snapshot_and_then_hears_each_event(
    node: Node,
) -> None:
    await _put(node, "wine")
    gateway = Gateway()
    await node.feed.attach(gateway)
    assert [type(gateway.got[at]) for at in (0, -1)] == [Replay, Replay]
    replayed = gateway.got[1:-1]
    assert [(type(message), message.show) for message in replayed] == [
        (ShowSnapshot, "a"),
        (ShowSnapshot, "b"),
        (ShowStatus, "a"),
        (ShowStatus, "b"),
    ]
    state = ShowState.from_plain(replayed[0].state)
    assert (replayed[0].offset, list(state.products)) == (1, ["wine"])
    await _put(node, "beer")
    event = gateway.got[-1]
    assert isinstance(event, ShowEvent)
    assert list(state.apply(event).products) == ["wine", "beer"]


async def test_a_committed_cue_goes_into_the_media(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    carried: list[Cue] = []
    monkeypatch.setattr(node.shows["a"], "carry", carried.append)
    await _put(node, "wine")
    moment = CueMoment(media_epoch="e", pts=5, exact=True, now_tick=5, window_ticks=0)

    def pin(shop: Any) -> tuple[Cue, Any]:
        pinned = shop.pin("a", CueDraft(type="pin", id="c1", product="wine"), moment)
        return pinned.cue, pinned.events

    first, again = await node.shop.change(pin), await node.shop.change(pin)
    assert first == again
    assert carried == [first]
    assert node.shop.cues("a") == (first,)


async def test_readiness_names_the_shop(node: Node) -> None:
    assert node.readiness().checks["shop"]
    node.shop.available = False
    assert not node.readiness().ready
