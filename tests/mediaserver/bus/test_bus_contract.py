"""What both engines promise: everything in order, a late gateway is brought up to date, main may
die, and no playlist goes back."""

from collections.abc import Callable
from typing import Any

Until = Callable[..., Any]


async def test_everything_arrives_in_order(engine: Any, until: Until) -> None:
    main, gateway = engine.main, await engine.gateway()
    await until(lambda: gateway.log is not None)
    main.begin()
    main.event(3)
    main.step(20)
    await until(lambda: gateway.edge(main) == 20)
    assert gateway.log == ("log1", 3)
    assert gateway.part(main, 20) == b"<e1 720p 20>" * 50
    assert gateway.edges == sorted(gateway.edges)
    assert gateway.shows.refused == 0


async def test_a_late_gateway_has_the_whole_window_at_once(engine: Any, until: Until) -> None:
    main = engine.main
    main.begin()
    main.event(5)
    main.step(40)
    await engine.settled()
    late = await engine.gateway()
    await until(lambda: late.edge(main) >= 0)
    assert late.edges[-1] == 40, "it was shown before all of it was there"
    await until(lambda: late.log == ("log1", 5))
    main.step()
    main.event()
    await until(lambda: late.edge(main) == 41 and late.log == ("log1", 6))


async def test_main_dies_and_what_viewers_have_stays(engine: Any, until: Until) -> None:
    main, gateway = engine.main, await engine.gateway()
    main.begin()
    main.step(10)
    await until(lambda: gateway.edge(main) == 10)
    await engine.close()
    main.step(3)
    main.event(2)
    assert gateway.edge(main) == 10
    await engine.open()
    main.step()
    await until(lambda: gateway.edge(main) == 14 and gateway.log == ("log1", 2))
    assert gateway.edges == sorted(gateway.edges)


async def test_another_log_is_begun_anew(engine: Any, until: Until) -> None:
    main, gateway = engine.main, await engine.gateway()
    main.begin()
    main.event(7)
    await until(lambda: gateway.log == ("log1", 7))
    await engine.close()
    main.log = type(main.log).empty("log2")
    await engine.open()
    main.event(2)
    await until(lambda: gateway.log == ("log2", 2))


async def test_stills_arrive_and_a_late_gateway_has_those_that_are_wanted(
    engine: Any, until: Until
) -> None:
    main, gateway = engine.main, await engine.gateway()
    await until(lambda: gateway.log is not None)
    main.begin()
    for second in range(0, 20, 5):
        main.still(second, "poster")
        main.still(second, "thumbnail")
    wanted = (b"15", [0, 5, 10, 15])
    await until(lambda: gateway.stills == wanted)
    await engine.settled()
    late = await engine.gateway()
    await until(lambda: late.stills == wanted)
    await engine.close()
    main.still(20, "poster")
    main.still(20, "thumbnail")
    await engine.open()
    await until(lambda: gateway.stills == (b"20", [0, 5, 10, 15, 20]))
    assert gateway.shows.refused == late.shows.refused == 0
