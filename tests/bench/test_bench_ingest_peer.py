"""The peer of the ingest bench stands behind a line as bad as ours, and is judged alike."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from bench.ingest.clip import Clip
from bench.ingest.run import Plan, ProfileResult, run_profile, settings
from bench.ingest.stock import unwrapped_s
from bench.node import Node

pytestmark = [pytest.mark.media, pytest.mark.timeout(120)]

SHOW, KEY = "show", "host-key-of-the-tests"
DARK_S = 3.0
DARK = Plan(lead_s=1, run_s=8, after_s=1, lasts_s=DARK_S)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("peer")
    with Node(folder=folder, shows={SHOW: KEY}, settings=settings(folder)) as running:
        yield running


def test_a_step_back_that_the_peer_takes_for_a_wrap_is_forgiven() -> None:
    base = Fraction(1, 90_000)
    labels, before_s = [], 0.0
    for label_s in (0.0, 1.0, 47_721.8 + 0.9, 47_722.0 + 1.1, 2 * 47_721.8588 + 1.2):
        before_s = unwrapped_s(label_s, before_s, time_base=base)
        labels.append(before_s)
    assert labels == pytest.approx([0.0, 1.0, 0.9, 1.1, 1.2], abs=0.2)


async def test_a_blackout_is_one_for_the_peer_too(node: Node, tmp_path: Path) -> None:
    Clip.make().save(tmp_path / "clip")
    result = await run_profile(
        "blackout-5", DARK, node=node, show=SHOW, clip_path=tmp_path / "clip", folder=tmp_path,
        seed=5, beside_stock=True,
    )  # fmt: skip
    require_alike(result)


def require_alike(result: ProfileResult) -> None:
    """Both lines carried the publish and lost a share of it; nobody saw through the darkness."""
    ours, theirs = result.line, result.stock_line
    assert theirs is not None
    assert not result.peer_evaded
    assert theirs.sent == pytest.approx(ours.sent, rel=0.1)
    assert ours.lost > 50
    assert theirs.lost > 50
    assert theirs.lost_share == pytest.approx(ours.lost_share, rel=0.2)
    for outcome in (result.ours, result.stock):
        assert outcome is not None
        assert max(outcome.freezes) >= DARK_S - 0.1
        assert outcome.shown > 0
