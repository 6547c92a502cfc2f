"""Pin and unpin: what is stored, what a repeated id means, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overlay.catalog.products import ProductDraft
from overlay.errors import CueConflict, CueRefused, InvalidInput, ShopError, UnknownProduct
from overlay.shop import Shop
from overlay.show.cues import CueDraft, CueMoment
from overlay.values import DEFAULT_CUE_TICKS

MakeDraft = Callable[..., ProductDraft]
MakeMoment = Callable[..., CueMoment]

S = 90_000


@pytest.fixture
def stocked(shop: Shop, draft: MakeDraft) -> Shop:
    for product in ("wine", "jam"):
        shop.put_product("demo", product, draft())
    return shop


def _pin(**more: Any) -> CueDraft:
    return CueDraft(**{"type": "pin", "product": "wine", **more})


def _unpin(ends: str, **more: Any) -> CueDraft:
    return CueDraft(**{"type": "unpin", "ends": ends, **more})


def test_a_pin_is_in_the_log_on_its_tick(stocked: Shop, moment: MakeMoment) -> None:
    pinned = stocked.pin("demo", _pin(duration_ms=500), moment(pts=599 * S + 7))
    assert pinned.created
    cue = pinned.cue
    assert (cue.pts, cue.duration, cue.product, cue.ends) == (599 * S + 7, S // 2, "wine", None)
    (event,) = pinned.events
    assert (event.type, event.media_epoch, event.pts) == ("cue", "e-1", cue.pts)
    assert stocked.events_since("demo", event.offset - 1) == (event,)
    assert stocked.cues("demo") == (cue,)


def test_cues_without_an_id_get_one_each(stocked: Shop, moment: MakeMoment) -> None:
    first, second = (stocked.pin("demo", _pin(), moment()).cue for _ in range(2))
    assert first.id != second.id
    assert first.duration == DEFAULT_CUE_TICKS


def test_a_repeat_gives_the_stored_cue_whenever_it_comes(stocked: Shop, moment: MakeMoment) -> None:
    first = stocked.pin("demo", _pin(id="c1"), moment()).cue
    again = stocked.pin("demo", _pin(id="c1"), moment(pts=9000 * S, now_tick=9000 * S))
    assert (again.cue, again.created, again.events) == (first, False, ())
    stocked.delete_product("demo", "wine")
    assert stocked.pin("demo", _pin(id="c1"), moment()).cue == first


def test_a_repeat_that_names_its_tick_must_name_the_same(stocked: Shop, moment: MakeMoment) -> None:
    stocked.pin("demo", _pin(id="c1"), moment(exact=True))
    assert not stocked.pin("demo", _pin(id="c1"), moment(exact=True)).created
    with pytest.raises(CueConflict, match="another pts"):
        stocked.pin("demo", _pin(id="c1"), moment(exact=True, pts=600 * S + 1))


@pytest.mark.parametrize(
    ("asked", "changes"),
    [
        (_pin(id="c1", product="jam"), {}),
        (_pin(id="c1", duration_ms=1000), {}),
        (_unpin("c1", id="c1"), {}),
        (_pin(id="c1"), {"media_epoch": "e-2"}),
    ],
)
def test_an_id_means_one_thing(
    stocked: Shop, moment: MakeMoment, asked: CueDraft, changes: dict[str, Any]
) -> None:
    stocked.pin("demo", _pin(id="c1"), moment())
    with pytest.raises(CueConflict) as refused:
        stocked.pin("demo", asked, moment(**changes))
    assert refused.value.field == "id"


def test_shows_do_not_share_ids(stocked: Shop, draft: MakeDraft, moment: MakeMoment) -> None:
    stocked.put_product("other", "wine", draft())
    stocked.pin("demo", _pin(id="c1"), moment())
    assert stocked.pin("other", _pin(id="c1", duration_ms=900), moment()).created


def test_an_unpin_names_a_pin_of_this_broadcast(stocked: Shop, moment: MakeMoment) -> None:
    stocked.pin("demo", _pin(id="c1"), moment())
    unpin = stocked.pin("demo", _unpin("c1", id="u1"), moment(pts=601 * S)).cue
    assert (unpin.type, unpin.ends, unpin.product) == ("unpin", "c1", None)
    assert unpin.duration == DEFAULT_CUE_TICKS
    for ends in ("nothing", "u1"):
        with pytest.raises(CueRefused, match="There is no pin"):
            stocked.pin("demo", _unpin(ends), moment())
    with pytest.raises(CueRefused, match="earlier broadcast"):
        stocked.pin("demo", _unpin("c1"), moment(media_epoch="e-2"))


@pytest.mark.parametrize("pts", [530 * S, 600 * S, 4200 * S])
def test_the_window_its_slack_and_an_hour_ahead_are_legal(
    stocked: Shop, moment: MakeMoment, pts: int
) -> None:
    assert stocked.pin("demo", _pin(), moment(pts=pts)).cue.pts == pts


@pytest.mark.parametrize(
    ("pts", "why"),
    [
        (530 * S - 1, "70 s in the past"),
        (0, "600 s in the past"),
        (-1, "before the beginning"),
        (4200 * S + 1, "3600 s in the future"),
        (10**30, "years ahead"),
    ],
)
def test_absurd_times_are_refused(stocked: Shop, moment: MakeMoment, pts: int, why: str) -> None:
    before = stocked.snapshot("demo").offset
    with pytest.raises(CueRefused, match=why):
        stocked.pin("demo", _pin(), moment(pts=pts))
    assert stocked.snapshot("demo").offset == before


def test_an_unknown_product_cannot_be_pinned(stocked: Shop, moment: MakeMoment) -> None:
    with pytest.raises(UnknownProduct) as refused:
        stocked.pin("demo", _pin(product="nothing"), moment())
    assert refused.value.field == "product"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (_pin(type="show"), "type"),
        (_pin(id="a b"), "id"),
        (_pin(id=""), "id"),
        (_pin(product=None), "product"),
        (_pin(ends="c1"), "ends"),
        (_pin(duration_ms=499), "duration_ms"),
        (_pin(duration_ms=3_600_001), "duration_ms"),
        (_pin(duration_ms=True), "duration_ms"),
        (CueDraft(type="unpin"), "ends"),
        (_unpin("c1", product="wine"), "product"),
        (_unpin("c1", duration_ms=1000), "duration_ms"),
    ],
)
def test_what_is_not_legal_is_refused_by_name(
    stocked: Shop, moment: MakeMoment, asked: CueDraft, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        stocked.pin("demo", asked, moment())
    assert refused.value.field == field


ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=70)
    | st.lists(st.none(), max_size=2)
    | st.dictionaries(st.text(max_size=2), st.none(), max_size=2)
    | st.sampled_from(["pin", "unpin", "wine", "c1"])
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None
)
@given(
    asked=st.builds(
        CueDraft, type=ANYTHING, id=ANYTHING, product=ANYTHING, ends=ANYTHING, duration_ms=ANYTHING
    ),
    pts=st.integers(),
)
def test_any_draft_is_a_cue_or_refused(
    stocked: Shop, moment: MakeMoment, asked: CueDraft, pts: int
) -> None:
    before = stocked.snapshot("demo")
    try:
        pinned = stocked.pin("demo", asked, moment(pts=pts))
    except ShopError as exc:
        assert str(exc).endswith(".")
        assert stocked.snapshot("demo") == before
    else:
        assert pinned.cue in stocked.cues("demo")
