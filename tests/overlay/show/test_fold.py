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


def _product(name: str, *lefts: int) -> dict[str, Any]:
    """A product whose variants v0, v1 … have so many left."""
    variants = [
        {"id": f"v{n}", "available": left, "sold_out": left == 0} for n, left in enumerate(lefts)
    ]
    total = sum(lefts)
    return {"id": name, "available": total, "sold_out": total == 0, "variants": variants}


PRODUCTS = st.builds(
    lambda name, lefts: ("product", _product(name, *lefts)),
    IDS,
    st.lists(st.integers(0, 3), min_size=1, max_size=3),
)
OFFERS = st.one_of(
    st.builds(
        lambda name, state, left: ("offer", {"id": name, "state": state, "left": left}),
        st.sampled_from(["f", "g", *(f"o{n}" for n in range(40))]),
        st.sampled_from(["announced", "running", "ended", "cancelled"]),
        st.none() | st.integers(0, 9),
    ),
    st.builds(
        lambda name, left: ("offer_left", events.offer_left(name, left)),
        st.sampled_from(["f", "g", "none"]),
        st.integers(0, 9),
    ),
    st.builds(lambda name: ("offer_gone", events.offer_gone(name)), st.sampled_from(["f", "none"])),
    st.builds(lambda on: ("rehearsal", events.rehearsal(on=on)), st.booleans()),
)
OTHERS = st.one_of(
    PRODUCTS,
    OFFERS,
    st.builds(lambda name: ("product_gone", events.product_gone(name)), IDS),
    st.builds(
        lambda name, variant, n: ("stock", events.stock(name, variant, n)),
        IDS,
        st.sampled_from(["v0", "v1"]),
        st.integers(0, 3),
    ),
    st.builds(
        lambda name, n: ("order", events.order(name, quantity=2 * n, orders=n)),
        IDS,
        st.integers(1, 3),
    ),
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


def test_a_rehearsal_leaves_cards_and_sales_as_they_were() -> None:
    log = [
        _event(1, "cue", events.cue(_cue("a", 5))),
        _event(2, "order", events.order("a", quantity=2, orders=1)),
    ]
    before = _folded(log)
    play = [
        _event(3, "rehearsal", events.rehearsal(on=True)),
        _event(4, "cue", events.cue(_cue("b", 9, epoch="e-2"))),
        _event(5, "order", events.order("b", quantity=1, orders=1)),
    ]
    during = _folded(play, before)
    assert during.rehearsal
    assert [cue.id for cue in during.cues] == ["b"]
    after = _folded([_event(6, "rehearsal", events.rehearsal(on=False))], during)
    assert not after.rehearsal
    assert (after.cues, after.totals) == (before.cues, before.totals)


def test_offers_that_are_over_are_kept_up_to_a_bound() -> None:
    log = [
        _event(n + 1, "offer", {"id": f"o{n}", "state": "ended", "left": None}) for n in range(40)
    ]
    log.insert(0, _event(0, "offer", {"id": "f", "state": "running", "left": 3}))
    log = [_event(n, "offer", line.data) for n, line in enumerate(log, start=1)]
    state = _folded([*log, _event(42, "offer_left", events.offer_left("f", 2))])
    assert list(state.offers) == ["f", *(f"o{n}" for n in range(40 - fold.MAX_OVER, 40))]
    assert state.offers["f"]["left"] == 2


def test_an_event_of_another_log_is_refused() -> None:
    with pytest.raises(LogGap, match="of log log, the state of log other"):
        ShowState.empty("other").apply(_event(1, "product_gone", {"id": "a"}))


def test_stock_is_applied_to_the_variant_and_added_up_for_the_product() -> None:
    state = _folded(
        [_event(1, "product", _product("a", 1, 2)), _event(2, "stock", events.stock("a", "v1", 0))]
    )
    assert state.products == {"a": _product("a", 1, 0)}
    state = _folded([_event(3, "stock", events.stock("a", "v0", 0))], state)
    assert state.products["a"]["sold_out"]
    for n, gone in enumerate((("gone", "v0"), ("a", "gone")), start=4):
        after = _folded([_event(n, "stock", events.stock(*gone, 1))], state)
        assert after.products == state.products
        state = after


def test_sales_add_up_whatever_becomes_of_the_product() -> None:
    sold = [events.order("a", quantity=3, orders=2), events.order("a", quantity=1, orders=1)]
    log = [
        _event(1, "order", sold[0]),
        _event(2, "product_gone", events.product_gone("a")),
        _event(3, "order", sold[1]),
    ]
    assert _folded(log).totals == {"a": {"quantity": 4, "orders": 3}}


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
        st.sampled_from(["epoch", "offset", "products", "cues", "totals"]),
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
