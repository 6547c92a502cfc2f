"""How a publish fares, as its host and the operator may ask."""

from typing import Any

from mediaserver.bus.messages import SessionEvent, SessionHealth, TrackHealth
from transcoder.ladder_state import ladder_state
from transcoder.shedding import planned

HOST, OPERATOR = "the-host-key-of-show-one", "the-key-of-the-operator"
VIDEO = TrackHealth(
    codec="h264",
    bitrate_bps=2_400_000,
    frames_per_s=29.9,
    lost_share=0.02,
    unrepaired_share=0.0,
    jitter_ms=3.5,
    width=1280,
    height=720,
    keyframe_interval_s=2.0,
    layer=None,
)


def health(session: str, source: int, show: str = "one") -> SessionHealth:
    return SessionHealth(
        session=session,
        show=show,
        source=source,
        state="media",
        hint="uplink_loss",
        video=VIDEO,
        audio=None,
        rtt_ms=41.0,
        skew_ms=None,
    )


async def test_the_host_and_the_operator_see_the_newest_publish(api: Any) -> None:
    for heard in (health("b", 2), health("a", 1), health("c", 9, show="two")):
        api.health.heard(heard)
    for key in (HOST, OPERATOR):
        status, plain = await api.call("GET /shows/one/health", key=key)
        assert status == 200
        assert (plain["session"], plain["hint"], plain["rtt_ms"]) == ("b", "uplink_loss", 41.0)
        assert plain["video"]["keyframe_interval_s"] == 2.0
        assert plain["audio"] is None


async def test_without_a_publish_there_is_no_health(api: Any) -> None:
    api.health.heard(health("a", 1))
    api.health.session_event(SessionEvent(session="a", state="silent", reason=""))
    assert (await api.call("GET /shows/one/health", key=HOST))[0] == 200
    api.health.session_event(SessionEvent(session="a", state="closed", reason=""))
    status, plain = await api.call("GET /shows/one/health", key=HOST)
    assert (status, plain["error"]["code"]) == (409, "no_publish")
    api.health.heard(health("b", 2))
    api.health.clear()
    assert (await api.call("GET /shows/one/health", key=HOST))[0] == 409


async def test_the_ladder_is_told_with_it(api: Any) -> None:
    api.health.heard(health("a", 1))
    status, plain = await api.call("GET /shows/one/health", key=HOST)
    assert (status, plain["ladder"]) == (200, None)
    shed = ladder_state(
        show="one",
        epoch="e",
        rungs=("720p", "480p"),
        plan=planned(2, ("top_rung",), passed=False),
        step=1,
    )
    api.ladders.heard(object(), shed, 0.0)
    ladder = (await api.call("GET /shows/one/health", key=HOST))[1]["ladder"]
    assert ladder["rungs"][0] == {
        "rung": "720p",
        "role": "mirror",
        "mirrors": "480p",
        "dozing": False,
        "instead_of": None,
    }
    assert (ladder["step"], ladder["passthrough"], ladder["unfit"]) == (1, "off", None)
    assert ladder["sentence"] == "720p is shown as 480p until this computer keeps up."
