"""Which profile a show's next epoch gets: chosen, declared, changed, broken, and over restarts."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from mediaserver import config, profile_desk
from mediaserver.errors import RequestRefused
from mediaserver.profile_desk import FILE, ProfileDesk
from mediaserver.profiles import find_profile
from transcoder.profiles import Profile


class Node:
    """A data folder, a folder of profiles, and one main after the other on them."""

    def __init__(self, root: Path) -> None:
        self.profiles, self.data = root / "profiles", root / "data"
        self.profiles.mkdir()
        self.data.mkdir()
        self.write("house", 30)
        self.write("loud", 25)

    def write(self, name: str, frames_per_second: object) -> None:
        text = f"name: {name}\nframes_per_second: {frames_per_second}\n"
        (self.profiles / f"{name}.yaml").write_text(text)

    def main(self, **options: Any) -> ProfileDesk:
        settings = {
            "data": str(self.data),
            "profile": "house",
            "profile_folder": str(self.profiles),
            "shows": {"a": {}, "b": {"profile": "loud"}},
            **options,
        }
        return ProfileDesk(config.load(None, settings))


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


async def _rate(desk: ProfileDesk, show: str = "a") -> int:
    return (await desk.next(show)).profile.frames_per_second


async def test_a_show_has_its_own_profile_or_the_servers(node: Node) -> None:
    desk = node.main(latency="ultra")
    recipe = await desk.next("a")
    assert (recipe.name, recipe.profile.name, recipe.latency) == ("house", "house", "ultra")
    assert (await desk.next("b")).name == "loud"


async def test_a_changed_file_counts_from_the_next_epoch_on(node: Node) -> None:
    desk = node.main()
    assert await _rate(desk) == 30
    node.write("house", 50)
    assert await _rate(desk) == 50


async def test_a_broken_file_leaves_the_last_good_content_and_tells_the_operator(
    node: Node,
) -> None:
    desk = node.main()
    assert await _rate(desk) == 30
    node.write("house", 7000)
    with capture_logs() as logs:
        assert await _rate(desk) == 30
    (told,) = [entry for entry in logs if entry["event"] == "profile_broken"]
    assert told["log_level"] == "error"
    assert "frames_per_second" in told["error"]
    assert set(desk.faults) == {"a"}
    assert "frames_per_second" in str((await desk.look("a")).fault)
    node.write("house", 24)
    assert (await desk.look("a")).fault is None
    assert not desk.faults
    assert await _rate(desk) == 24


@pytest.mark.parametrize("trouble", ["gone", "empty", "binary", "folder", "nested"])
async def test_no_trouble_with_a_file_refuses_a_publish(node: Node, trouble: str) -> None:
    desk = node.main()
    assert await _rate(desk, "b") == 25
    file = node.profiles / "loud.yaml"
    file.unlink()
    if trouble == "empty":
        file.write_text("[]")
    elif trouble == "binary":
        file.write_bytes(b"\xff\xfe\0")
    elif trouble == "folder":
        file.mkdir()
    elif trouble == "nested":
        file.write_text("{" * 2_000)
    assert await _rate(desk, "b") == 25
    assert set(desk.faults) == {"b"}


async def test_the_last_good_content_outlives_main(node: Node) -> None:
    assert await _rate(node.main(), "b") == 25
    (node.profiles / "loud.yaml").write_text("rungs: 3\n")
    assert await _rate(node.main(), "b") == 25


async def test_one_that_was_never_good_is_the_servers_and_at_last_the_built_in(node: Node) -> None:
    (node.profiles / "loud.yaml").unlink()
    node.write("house", 50)
    desk = node.main()
    recipe = await desk.next("b")
    assert (recipe.name, recipe.profile.name) == ("loud", "house")
    (node.profiles / "house.yaml").unlink()
    assert (await node.main(profile="./none.yaml").next("a")).profile.name == "default"


async def test_a_choice_wins_over_the_configuration_and_over_a_restart(node: Node) -> None:
    desk = node.main()
    shown = await desk.choose("a", "loud")
    assert (shown.profile, shown.chosen, shown.fault) == ("loud", True, None)
    assert await _rate(desk) == 25
    again = node.main()
    assert await _rate(again) == 25
    shown = await again.choose("a", None)
    assert (shown.profile, shown.chosen) == ("house", False)
    assert await _rate(node.main()) == 30


@pytest.mark.parametrize("name", ["none", "./loud.yaml", "/etc/passwd", "loud.yaml", ""])
async def test_what_has_no_name_cannot_be_chosen(node: Node, name: str) -> None:
    desk = node.main()
    with pytest.raises(RequestRefused, match=r"use one of: .*house") as refused:
        await desk.choose("a", name)
    assert (refused.value.status, refused.value.field) == (422, "profile")
    assert (await desk.look("a")).profile == "house"


async def test_a_broken_one_cannot_be_chosen(node: Node) -> None:
    node.write("loud", 7000)
    desk = node.main()
    with pytest.raises(RequestRefused, match="frames_per_second") as refused:
        await desk.choose("a", "loud")
    assert refused.value.status == 422
    assert (await desk.look("a")).profile == "house"


async def test_a_choice_that_cannot_be_kept_is_not_made(node: Node) -> None:
    desk = node.main()
    await desk.next("a")
    (node.data / FILE).unlink()
    (node.data / FILE).mkdir()
    with pytest.raises(RequestRefused) as refused:
        await desk.choose("a", "loud")
    assert refused.value.status == 503
    assert await _rate(desk) == 30


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"chosen": 1, "good": {}}', '{"chosen": {}, "good": {"a": 1}}']
)
async def test_a_file_of_nobody_is_no_reason_not_to_start(node: Node, content: str) -> None:
    (node.data / FILE).write_text(content)
    assert await _rate(node.main()) == 30


async def test_a_good_content_of_another_version_is_passed_over(node: Node) -> None:
    good = {"loud": {"no_such_key": 1}}
    (node.data / FILE).write_text(json.dumps({"chosen": {}, "good": good}))
    (node.profiles / "loud.yaml").unlink()
    assert (await node.main().next("b")).profile.name == "house"


async def test_what_is_kept_is_bounded_by_what_is_named(node: Node) -> None:
    desk = node.main()
    for name in ("one", "two", "three"):
        node.write(name, 24)
        await desk.choose("a", name)
        await desk.next("a")
    await desk.next("b")
    kept = json.loads((node.data / FILE).read_text())
    assert set(kept["good"]) <= {"three", "house", "loud"}


async def test_the_choice_of_a_show_that_is_no_more_is_forgotten(node: Node) -> None:
    await node.main().choose("a", "loud")
    others = node.main(shows={"b": {}})
    await others.choose("b", "house")
    assert json.loads((node.data / FILE).read_text())["chosen"] == {"b": "house"}


async def test_a_disk_that_hangs_refuses_no_publish_and_holds_one_thread(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, answers, asked = node.main(), threading.Event(), []
    assert await _rate(desk) == 30
    node.write("house", 50)

    def hanging(*arguments: Any) -> Profile:
        asked.append(arguments)
        answers.wait(60)
        return find_profile(*arguments)

    monkeypatch.setattr(profile_desk, "READ_TIMEOUT_S", 0.01)
    monkeypatch.setattr(profile_desk, "find_profile", hanging)
    for _ in range(20):
        assert await _rate(desk) == 30
    assert "does not answer" in str((await desk.look("a")).fault)
    assert "default" in await desk.known()
    with pytest.raises(RequestRefused, match="use one of"):
        await desk.choose("a", "loud")
    assert len(asked) == 1
    monkeypatch.undo()
    answers.set()
    assert desk._stuck is not None
    await asyncio.wait({desk._stuck}, timeout=10)
    assert await _rate(desk) == 50
    assert not desk.faults
