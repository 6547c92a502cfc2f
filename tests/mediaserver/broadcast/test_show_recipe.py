"""A media epoch keeps the recipe that it was begun with; the next one has the next."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.broadcast import worker_care
from mediaserver.broadcast.recipe import Recipe
from transcoder.profiles import Profile

RECIPE = Recipe(name="./mine.yaml", profile=Profile(name="mine", hold_ms=7), latency="relaxed")


def test_a_recipe_comes_back_from_its_text() -> None:
    assert Recipe.from_text(RECIPE.to_text()) == RECIPE


@pytest.mark.parametrize(
    "text",
    ["", "0123456789abcdef", "{}", "[]", "[1, {}, \"low\"]", '["a", {"x": 1}, "low"]',
     '["a", {}, "slow"]', '["a", [], "low"]', "[" * 100_000],
)  # fmt: skip
def test_what_is_no_recipe_of_ours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Recipe.from_text(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


@given(st.text(max_size=60) | JSON.map(json.dumps))
def test_any_text_is_a_recipe_or_refused(text: str) -> None:
    try:
        recipe = Recipe.from_text(text)
    except ValueError:
        return
    assert Recipe.from_text(recipe.to_text()) == recipe


def _another(recipe: Recipe) -> Recipe:
    profile = recipe.profile.model_copy(update={"frames_per_second": 25})
    return replace(recipe, name="another", profile=profile, latency="ultra")


async def test_an_epoch_keeps_its_recipe_over_a_restart_whatever_has_become_of_the_file(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_care, "ADOPT_WAIT_S", 0.0)
    worker = stage.worker()
    await stage.show.publish("s1", "offer")
    stage.event("s1", "media")
    stage.encode(worker, 0)
    before = stage.start_of(worker)
    await stage.show.close()

    stage.recipes.recipe = _another(stage.recipes.recipe)
    stage.show = stage.new_main()
    stage.show.restore()
    assert stage.show.status.epoch == before.epoch
    fresh = stage.worker()
    await stage.until(lambda: stage.told(fresh))
    start = stage.start_of(fresh)
    assert (start.epoch, start.profile, start.latency) == (before.epoch, before.profile, "low")
    await stage.show.close()


async def test_the_next_epoch_has_the_next_recipe_and_a_publish_into_a_running_one_has_not(
    stage: Any,
) -> None:
    first, second = stage.worker(), stage.worker()
    await stage.show.publish("s1", "offer")
    stage.event("s1", "media")
    stage.encode(first, 0)
    stage.recipes.recipe = _another(stage.recipes.recipe)
    stage.event("s1", "closed")
    await stage.show.publish("s2", "offer")
    assert stage.told(second) == [], "the epoch goes on with its worker and its recipe"
    await stage.show.unpublish("s2")
    stage.show.worker_ended(first)
    await stage.show.publish("s3", "offer")
    start = stage.start_of(second)
    assert (start.profile["frames_per_second"], start.latency) == (25, "ultra")
    await stage.show.close()


async def test_an_epoch_whose_recipe_nobody_can_read_is_not_gone_on_with(stage: Any) -> None:
    worker = stage.worker()
    await stage.show.publish("s1", "offer")
    stage.event("s1", "media")
    stage.encode(worker, 0)
    await stage.show.close()
    store = stage.folder / "epochs.json"
    content = json.loads(store.read_text())
    content["demo"]["recipe"] = "0123456789abcdef"
    store.write_text(json.dumps(content))
    stage.show = stage.new_main()
    stage.show.restore()
    assert stage.show.status.epoch is None
    await stage.show.close()
