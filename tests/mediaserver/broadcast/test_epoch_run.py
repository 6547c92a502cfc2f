"""What main remembers of an epoch when its worker dies half-way."""

from pathlib import Path

from mediaserver.broadcast.epochs import EpochStore
from mediaserver.broadcast.recipe import Recipe
from mediaserver.broadcast.run import EpochRun
from transcoder.profiles import Profile
from transcoder.values import Anchor, InitSection

LADDER = ("720p", "360p")
RECIPE = Recipe(
    name="default",
    profile=Profile(),
    latency="low",
)


def init(generation: int, rendition: str) -> InitSection:
    return InitSection(
        show="s",
        epoch="e",
        rendition=rendition,
        generation=generation,
        ladder=LADDER,
        anchor=Anchor(utc_us=0, monotonic_ns=0),
        codecs="",
        width=2,
        height=2,
        frames_per_second=30,
        bandwidth_bps=1,
        average_bandwidth_bps=1,
        part_ticks=30_000,
        segment_ticks=180_000,
        data=b"",
    )


def test_a_generation_that_gateways_have_heard_of_is_never_begun_again(tmp_path: Path) -> None:
    store = EpochStore(tmp_path / "epochs.json")
    epoch = EpochRun(show="s", recipe=RECIPE, store=store, window_s=60)
    for name in LADDER:
        assert epoch.add(init(0, name)) is not None
    assert epoch.add(init(1, "720p")) is not None, "gateways are told of it"
    epoch.lose_worker()
    assert epoch.record.generation == 1
    assert [section.generation for section in epoch.record.previous] == [0, 0]
    assert EpochStore(tmp_path / "epochs.json").get("s") == epoch.record
