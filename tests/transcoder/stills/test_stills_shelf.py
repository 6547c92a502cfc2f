"""Which stills are kept for whoever comes later."""

from hypothesis import given
from hypothesis import strategies as st

from transcoder.stills.shelf import MAX_THUMBNAILS, Shelf
from transcoder.stills.values import Still, StillImage, StillKind
from transcoder.wire import decode, encode

WINDOW = 600


def still(tick: int, kind: StillKind = "thumbnail") -> Still:
    image = StillImage(media_type="image/jpeg", data=b"%d" % tick)
    return Still(
        show="s", epoch="e", kind=kind, tick=tick, width=16, height=9, images=(image, image)
    )


def test_a_still_crosses_the_wire() -> None:
    assert decode(encode(still(7, "poster"))) == still(7, "poster")


@given(st.lists(st.integers(0, 5000)))
def test_thumbnails_are_in_order_and_cover_the_window(ticks: list[int]) -> None:
    shelf = Shelf(WINDOW)
    newest = -1
    for tick in ticks:
        assert shelf.add(still(tick)) == (tick > newest)
        newest = max(newest, tick)
    kept = [each.tick for each in shelf.thumbnails]
    assert kept == sorted(set(kept))
    if ticks:
        assert kept[-1] == max(ticks)
        assert all(tick > newest - WINDOW for tick in kept[1:])
        assert all(tick < newest - WINDOW for tick in kept[:1]) or kept[0] >= newest - WINDOW


def test_the_one_that_stands_for_the_windows_beginning_stays() -> None:
    shelf = Shelf(WINDOW)
    for tick in (0, 400, 900):
        shelf.add(still(tick))
    assert [each.tick for each in shelf.thumbnails] == [0, 400, 900]
    shelf.add(still(1000))
    assert [each.tick for each in shelf.thumbnails] == [400, 900, 1000]


def test_of_posters_the_newest_alone() -> None:
    shelf = Shelf(WINDOW)
    assert shelf.add(still(5, "poster"))
    assert not shelf.add(still(5, "poster"))
    assert not shelf.add(still(4, "poster"))
    assert shelf.add(still(9000, "poster"))
    assert shelf.add(still(3))
    assert [each.tick for each in shelf] == [9000, 3]


def test_however_long_the_window_there_is_a_bound() -> None:
    shelf = Shelf(10**9)
    for tick in range(MAX_THUMBNAILS + 5):
        shelf.add(still(tick))
    assert len(shelf.thumbnails) == MAX_THUMBNAILS
