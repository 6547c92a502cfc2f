"""Counting frames from a key to a card: exact, early, late, lost, doubled, skipped."""

import json
from typing import Any

import pytest

from bench.card_to_frame import figures_of, rows_of, tally
from bench.chromium import Press, SeenFrame
from bench.cues import (
    Tally,
    by_date_range,
    by_emsg,
    cue_moments,
    distance,
    onsets,
    removals,
    skipped,
)
from bench.node import NodeError

PIN: dict[str, Any] = {"id": "a", "type": "pin", "ends": None}
UNPIN: dict[str, Any] = {"id": "z", "type": "unpin", "ends": "a"}


def frame(counter: int | None, *cards: str, presented: int = 0, **payloads: Any) -> SeenFrame:
    return SeenFrame(
        painted_ms=0, counter=counter, shown_at_ms=0, media_time_s=0, height=480,
        presented=presented, cards=cards, **payloads,
    )  # fmt: skip


def press(counter: int, key: str = "1") -> Press:
    return Press(key=key, counter=counter)


@pytest.mark.parametrize(
    ("start", "end", "frames"), [(5, 7, 2), (7, 5, -2), (65535, 0, 1), (0, 65535, -1)]
)
def test_numbers_wrap(start: int, end: int, frames: int) -> None:
    assert distance(start, end) == frames


def test_a_card_on_its_frame_has_no_error() -> None:
    frames = [frame(9), frame(10, "a"), frame(11, "a"), frame(12)]
    result = tally([press(10), press(12, "0")], [PIN, UNPIN], frames)
    assert [each.error for each in result.moments] == [0, 0]
    assert (result.lost, result.doubled) == (0, 0)
    assert figures_of({"undisturbed": result}, 0.5)["p95_frames"] == 0


def test_early_and_late_count_alike() -> None:
    frames = [frame(8), frame(9, "a"), frame(10, "a"), frame(11, "a"), frame(12, "a"), frame(14)]
    result = tally([press(10), press(12, "0")], [PIN, UNPIN], frames)
    assert [each.error for each in result.moments] == [-1, 2]
    assert result.errors == [1, 2]
    rounds = {"undisturbed": result, "reconnect": result}
    assert [(row[0], row[3]) for row in rows_of(rounds)][-2:] == [
        ("undisturbed", "-1 … +2"),
        ("after a reconnect", "-1 … +2"),
    ]
    assert [row[3] for row in rows_of(rounds)][:4] == ["-1 … -1", "+2 … +2", "–", "–"]


def test_a_moment_is_steady_where_each_frame_around_it_was_shown() -> None:
    shown = [frame(number, *(["a"] if number >= 10 else [])) for number in range(7, 14)]
    gone = [each for each in shown if each.counter != 12]
    for frames, steady in ((shown, 1), (gone, 0)):
        result = tally([press(10)], [PIN], frames)
        assert (
            len(result.steady.moments)
            == figures_of({"undisturbed": result}, 0.5)["steady"]
            == steady
        )


def test_a_card_that_never_came_is_lost_and_so_is_its_end() -> None:
    result = tally([press(10), press(12, "0")], [PIN, UNPIN], [frame(9), frame(13)])
    assert result.lost == 2
    assert figures_of({"undisturbed": result}, 0.5)["p95_frames"] is None


def test_a_card_that_comes_twice_is_doubled() -> None:
    again = [frame(9), frame(10, "a"), frame(11), frame(12, "a"), frame(13)]
    at_once = [frame(9), frame(10, "a", "a")]
    assert onsets(again, lambda each: each.cards) == {"a": (10, 12)}
    assert onsets(at_once, lambda each: each.cards) == {"a": (10, 10)}
    assert removals(again, lambda each: each.cards) == {"a": (11, 13)}
    assert tally([press(10)], [PIN], again).doubled == 1


def test_what_was_there_before_we_looked_has_no_beginning() -> None:
    assert onsets([frame(9, "a"), frame(10, "a")], lambda each: each.cards) == {}


def test_an_unreadable_frame_follows_the_one_before() -> None:
    assert onsets([frame(9), frame(None, "a")], lambda each: each.cards) == {"a": (10,)}


def test_keys_that_became_no_cue_are_no_measurement() -> None:
    with pytest.raises(NodeError, match="2 keys became 1 cues"):
        tally([press(1), press(2)], [PIN], [frame(1)])


def test_presentations_that_the_page_missed() -> None:
    assert skipped([frame(1, presented=4), frame(2, presented=5), frame(4, presented=8)]) == 2


def test_the_cues_of_hls_js_are_told_by_their_payload() -> None:
    payload = json.dumps(PIN)
    frames = [frame(9), frame(10, emsg=(payload,)), frame(11, date_ranges=(payload,))]
    for way, seen in ((by_emsg, 10), (by_date_range, 11)):
        (moment,) = cue_moments([press(10)], [PIN], frames, way)
        assert moment.seen == (seen,)
    assert Tally(moments=(), skipped=0).errors == []
