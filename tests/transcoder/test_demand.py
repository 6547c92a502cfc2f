from transcoder.demand import KNOWN_S, Demand
from transcoder.roles import ENCODED, PASSED, mirror
from transcoder.values import TICKS_PER_SECOND

RUNGS = ("720p", "480p", "360p")
ALL = (ENCODED, ENCODED, ENCODED)


def test_only_what_main_says_is_unwatched_dozes() -> None:
    demand = Demand(on_demand=True)
    assert not demand.dozing(RUNGS, ALL, 0)
    demand.told(["480p", "strange"], 0)
    assert demand.dozing(RUNGS, ALL, 1) == {"720p", "360p"}
    demand.told(RUNGS, 2)
    assert not demand.dozing(RUNGS, ALL, 3)
    demand.told([], 4)
    assert demand.dozing(RUNGS, ALL, 5) == set(RUNGS)


def test_a_main_that_is_silent_wakes_everything() -> None:
    demand = Demand(on_demand=True)
    demand.told([], 0)
    silent = KNOWN_S * TICKS_PER_SECOND
    assert demand.dozing(RUNGS, ALL, silent - 1)
    assert not demand.dozing(RUNGS, ALL, silent)


def test_without_on_demand_nothing_dozes() -> None:
    demand = Demand(on_demand=False)
    demand.told([], 0)
    assert not demand.dozing(RUNGS, ALL, 1)


def test_a_watched_mirror_keeps_awake_what_it_shows() -> None:
    demand = Demand(on_demand=True)
    demand.told(["720p"], 0)
    assert demand.dozing(RUNGS, (mirror(1), ENCODED, ENCODED), 1) == {"360p"}
    assert demand.dozing(RUNGS, (PASSED, ENCODED, ENCODED), 1) == {"480p", "360p"}
