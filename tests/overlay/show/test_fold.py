"""The fold is a function of the log: from any snapshot on, repeats ignored, gaps refused."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overlay.errors import InvalidInput, LogGap, ShopError
from overlay.show import events, fold
from overlay.show.fold import ShowState
from overlay.values import DEFAULT_CUE_TICKS, Cue, ShowEvent

IDS = st.sampled_from(["a", "b", "c"])
TICKS = st.integers(0, 10**7)


def _cue(name: str, pts: int, *, ends: str | None = None, epoch: str = "e-1", **more: Any) -> Cue:
    given: dict[str, Any] = {
        "id": name,
        "revision": 1,
        "type": "unpin" if ends else "pin",
        "media_epoch": epoch,
        "pts": pts,
        "duration": DEFAULT_CUE_TICKS,
        "product": None if ends else "a",
        "ends": ends,
    }
    return Cue(**{**given, **more})


def _event(offset: int, kind: Any, data: dict[str, Any]) -> ShowEvent:
    return ShowEvent(
        show="demo",
        epoch="log",
        offset=offset,
        media_epoch=None,
        pts=None,
        utc_us=offset,
        type=kind,
        data=data,
    )


def _folded(log: list[ShowEvent], state: ShowState | None = None) -> ShowState:
    state = state or ShowState.empty("log")
    for event in log:
        state = state.apply(event)
    return state


PRODUCTS = st.builds(
    lambda name, left: ("product", {"id": name, "available": left, "sold_out": left == 0}),
    IDS,
    st.integers(0, 3),
)
OTHERS = st.one_of(
    PRODUCTS,
    st.builds(lambda name: ("product_gone", events.product_gone(name)), IDS),
    st.builds(lambda name, n: ("stock", events.stock(name, n)), IDS, st.integers(0, 3)),
    st.builds(lambda name, n: ("order", events.order(name, n)), IDS, st.integers(1, 3)),
    st.builds(
        lambda name, pts, epoch, ends: ("cue", events.cue(_cue(name, pts, epoch=epoch, ends=ends))),
        IDS,
        TICKS,
        st.sampled_from(["e-1", "e-2"]),
        st.none() | IDS,
    ),
)
LOGS = st.lists(OTHERS, max_size=30).map(
    lambda kinds: [_event(n, kind, data) for n, (kind, data) in enumerate(kinds, start=1)]
)


@settings(deadline=None)
@given(log=LOGS, data=st.data())
def test_a_snapshot_anywhere_and_the_rest_give_the_same(log: list[ShowEvent], data: Any) -> None:
    k = data.draw(st.integers(0, len(log)))
    wire = json.loads(json.dumps(_folded(log[:k]).to_plain()))
    resumed = _folded(log[k:], ShowState.from_plain(wire))
    assert resumed == _folded(log)
    assert list(resumed.products) == list(_folded(log).products)
    assert resumed.offset == len(log)


@settings(deadline=None)
@given(log=LOGS, data=st.data())
def test_repeats_are_ignored_and_gaps_refused(log: list[ShowEvent], data: Any) -> None:
    k = data.draw(st.integers(0, len(log)))
    state = _folded(log[:k])
    for event in log[:k]:
        assert state.apply(event) is state
    for event in log[k + 1 :]:
        with pytest.raises(LogGap):
            state.apply(event)


@settings(deadline=None)
@given(log=LOGS)
def test_folding_changes_no_earlier_state(log: list[ShowEvent]) -> None:
    state = ShowState.empty("log")
    for event in log:
        before = json.dumps(state.to_plain())
        after = state.apply(event)
        assert json.dumps(state.to_plain()) == before
        state = after


def test_an_event_of_another_log_is_refused() -> None:
    with pytest.raises(LogGap, match="of log log, the state of log other"):
        ShowState.empty("other").apply(_event(1, "product_gone", {"id": "a"}))


def test_stock_is_applied_to_the_product() -> None:
    product = {"id": "a", "name": "A", "available": 1, "sold_out": False}
    state = _folded([_event(1, "product", product), _event(2, "stock", events.stock("a", 0))])
    assert state.products == {"a": {**product, "available": 0, "sold_out": True}}
    assert _folded([_event(3, "stock", events.stock("gone", 1))], state).products == state.products


def test_only_cues_of_the_newest_broadcast_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "MAX_CUES", 2)
    cues = [_cue("a", 1), _cue("b", 2), _cue("c", 3), _cue("d", 0, epoch="e-2")]
    log = [_event(n, "cue", events.cue(cue)) for n, cue in enumerate(cues, start=1)]
    assert _folded(log[:3]).cues == tuple(cues[1:3])
    assert _folded(log).cues == (cues[3],)
    assert _folded(log).cues_since("e-1", 0) == ()


def test_a_pin_lasts_to_its_end_or_to_the_earliest_unpin() -> None:
    pin, late = _cue("pin", 1000, duration=90_000), _cue("late", 60_000, ends="pin")
    early = _cue("early", 50_000, ends="pin")
    log = [_event(n, "cue", events.cue(cue)) for n, cue in enumerate((pin, late, early), start=1)]
    assert _folded(log[:1]).cues_since("e-1", 90_999) == (pin,)
    assert _folded(log[:1]).cues_since("e-1", 91_000) == ()
    assert _folded(log[:2]).cues_since("e-1", 59_999) == (pin, late)
    assert _folded(log).cues_since("e-1", 49_999) == (pin, early, late)
    assert _folded(log).cues_since("e-1", 50_000) == (early, late)


def test_a_pin_cancelled_before_it_begins_is_not_on() -> None:
    cues = (_cue("pin", 90_000), _cue("cancel", 100, ends="pin"))
    log = [_event(n, "cue", events.cue(cue)) for n, cue in enumerate(cues, start=1)]
    assert _folded(log).cues_since("e-1", 90_000) == (cues[1],)


@settings(deadline=None)
@given(
    plain=st.dictionaries(
        st.sampled_from(["epoch", "offset", "products", "cues"]),
        st.none()
        | st.integers()
        | st.text()
        | st.lists(st.none() | st.dictionaries(st.text(), TICKS)),
    )
)
def test_a_state_from_anything_is_a_state_or_refused(plain: dict[str, Any]) -> None:
    try:
        state = ShowState.from_plain(plain)
    except InvalidInput:
        return
    assert ShowState.from_plain(state.to_plain()) == state


@settings(deadline=None)
@given(
    data=st.fixed_dictionaries(
        {},
        optional={
            name: st.none()
            | st.integers()
            | st.text(max_size=70)
            | st.sampled_from(["pin", "unpin", "a"])
            for name in Cue.__dataclass_fields__
        },
    )
)
def test_a_cue_from_anything_is_a_cue_or_refused(data: dict[str, Any]) -> None:
    try:
        cue = events.read_cue(data)
    except ShopError as exc:
        assert exc.field in Cue.__dataclass_fields__
    else:
        assert events.read_cue(events.cue(cue)) == cue
