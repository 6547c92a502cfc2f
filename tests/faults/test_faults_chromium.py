"""Chromium publishes from the studio over a bad line; what the gateway serves is read back."""

import os
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.chromium import CHROMIUM
from bench.ingest.figures import Span
from bench.ingest.run import Plan, ProfileResult, settings
from bench.ingest.studio import run_studio
from bench.node import Node

SHOW, KEY = "studio", "host-key-of-the-tests"
LEAD_S = 4.0
"""Chromium's rate control has found its rate by then."""

pytestmark = [pytest.mark.media, pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    if not CHROMIUM.exists():
        missing = f"{CHROMIUM} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    folder: Path = tmp_path_factory.mktemp("chromium")
    with Node(folder=folder, shows={SHOW: KEY}, settings=settings(folder)) as running:
        yield running
    assert "Traceback" not in running.log()


def skew_change_ms(result: ProfileResult) -> float:
    """Lip sync after the trouble against before it: the page's sound has a delay of its own."""
    before, after = result.ours.skews_before_ms, result.ours.skews_after_ms
    return statistics.median(after) - statistics.median(before)


def pictures_per_s(result: ProfileResult, span: Span) -> float:
    """How many different pictures came on in each second of a stretch."""
    fresh = {each.counter for each in result.watched.on_screen if span.holds(each.at_s)}
    return len(fresh) / span.length_s


async def test_ten_percent_of_loss_for_three_seconds_costs_no_long_freeze(node: Node) -> None:
    plan = Plan(lead_s=LEAD_S, run_s=16, after_s=1, lasts_s=3)
    result = await run_studio("loss-10-5s", plan, node=node, show=SHOW, seed=1)
    assert result.lost > 20
    assert result.ours.share > 0.8
    assert result.ours.freezes_over(1.0) == 0
    assert result.ours.discontinuities == 0
    assert result.ours.recover_s is not None
    assert abs(skew_change_ms(result)) <= 40


@pytest.mark.soak
async def test_a_thin_line_makes_the_browser_send_less_and_the_picture_goes_on(node: Node) -> None:
    plan = Plan(lead_s=LEAD_S, run_s=50, after_s=1, lasts_s=20)
    result = await run_studio("slow-300k", plan, node=node, show=SHOW, seed=1)
    start_s = result.run.start_s + 1
    slow = Span(start_s=start_s + 8, end_s=start_s + 20)
    after = Span(start_s=start_s + 35, end_s=start_s + 48)
    assert pictures_per_s(result, slow) > 3
    assert pictures_per_s(result, after) > 20
    assert result.ours.discontinuities == 0
