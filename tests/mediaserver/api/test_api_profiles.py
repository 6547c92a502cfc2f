"""The encoder profile of a show's next publish, over the API."""

from typing import Any

from mediaserver.broadcast.epochs import EpochRecord
from mediaserver.broadcast.recipe import Recipe
from transcoder.profiles import Profile

OPERATOR = "the-key-of-the-operator"
ROW = "/shows/one/profile"


async def _put(api: Any, name: object) -> tuple[int, Any]:
    answer: tuple[int, Any] = await api.call(f"PUT {ROW}", key=OPERATOR, json={"profile": name})
    return answer


async def _get(api: Any) -> Any:
    status, shown = await api.call(f"GET {ROW}", key=OPERATOR)
    assert status == 200, shown
    return shown


async def test_the_operator_sees_and_chooses_what_the_next_publish_is_made_with(api: Any) -> None:
    (api.profiles / "loud.yaml").write_text("name: loud\n")
    shown = await _get(api)
    assert (shown["profile"], shown["chosen"], shown["fault"]) == ("default", False, None)
    assert {"default", "loud"} <= set(shown["known"])
    status, shown = await _put(api, "loud")
    assert (status, shown["profile"], shown["chosen"]) == (200, "loud", True)
    assert (await _get(api))["profile"] == "loud"
    status, shown = await _put(api, None)
    assert (status, shown["profile"], shown["chosen"]) == (200, "default", False)


async def test_a_file_that_breaks_is_told_in_a_sentence(api: Any) -> None:
    (api.profiles / "loud.yaml").write_text("name: loud\n")
    await _put(api, "loud")
    (api.profiles / "loud.yaml").write_text("hold_ms: long\n")
    assert "hold_ms: it must be a whole number" in (await _get(api))["fault"]


async def test_what_cannot_be_used_cannot_be_chosen(api: Any) -> None:
    (api.profiles / "bad.yaml").write_text("hold_ms: long\n")
    for name, code in (("bad", "profile_broken"), ("/etc/passwd", "unknown_profile")):
        status, plain = await _put(api, name)
        assert (status, plain["error"]["code"], plain["error"]["field"]) == (422, code, "profile")
    for given in (7, "", "x" * 201):
        assert (await _put(api, given))[0] == 400
    assert (await _get(api))["profile"] == "default"


async def test_what_is_on_air_is_told_as_it_was_begun(api: Any) -> None:
    assert (await _get(api))["on_air"] is None
    recipe = Recipe(name="./old.yaml", profile=Profile(), latency="low")
    api.records["one"] = EpochRecord(epoch="e1", boot_id="", recipe=recipe.to_text())
    assert (await _get(api))["on_air"] == "./old.yaml"
    api.records["one"] = EpochRecord(epoch="e0", boot_id="", recipe=recipe.to_text())
    assert (await _get(api))["on_air"] is None
    api.air.on_air = False
    assert (await _get(api))["on_air"] is None
