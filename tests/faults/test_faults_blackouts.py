"""Long silences: within the grace time the show waits for its host, past it the show ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.ingest.clip import Clip
from bench.ingest.run import Plan, ProfileResult, run_profile, settings
from bench.node import Node

pytestmark = [pytest.mark.media, pytest.mark.soak, pytest.mark.timeout(300)]

WAITED = Plan(lead_s=2, run_s=40, after_s=2, lasts_s=20)
ENDED = Plan(lead_s=2, run_s=135, after_s=2, lasts_s=90)
"""The grace time is 60 s by default."""
RETRY_S = 20.0
"""A host that has lost its session asks again every few seconds, and then it has to connect."""
SHOWS = {"waited": "host-key-of-the-tests-1", "ended": "host-key-of-the-tests-2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A server and what its hosts send."""

    node: Node
    folder: Path
    clip_path: Path

    async def run(self, profile: str, show: str, plan: Plan) -> ProfileResult:
        """Publish through a profile and watch."""
        return await run_profile(
            profile, plan, node=self.node, show=show, clip_path=self.clip_path,
            folder=self.folder, seed=3, beside_stock=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("blackouts")
    Clip.make().save(folder / "clip")
    with Node(folder=folder, shows=SHOWS, settings=settings(folder)) as node:
        yield Stage(node=node, folder=folder, clip_path=folder / "clip")
    assert "Traceback" not in node.log()


async def test_twenty_seconds_of_silence_end_nothing(stage: Stage) -> None:
    result = await stage.run("blackout-20", "waited", WAITED)
    assert (result.epochs, result.publishes, result.holes) == (1, 1, 0)
    assert result.ours.discontinuities == 0
    assert result.ours.recover_s is not None
    assert result.ours.recover_s < 2.5
    skew_ms = result.ours.skew_p95_ms()
    assert skew_ms is not None
    assert skew_ms <= 40


async def test_past_the_grace_time_the_show_ends_and_the_next_one_begins(stage: Stage) -> None:
    result = await stage.run("blackout-90", "ended", ENDED)
    assert result.epochs == 2
    assert result.ours.recover_s is not None
    assert result.ours.recover_s < RETRY_S
    log = stage.node.log()
    assert log.count('"epoch_ending"') >= 1
