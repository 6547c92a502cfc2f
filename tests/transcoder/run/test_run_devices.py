"""A profile of a GPU's encoders on a machine without it: the show goes on, and it is told once."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from transcoder.encoders.opening import Devices
from transcoder.profiles import Rung


def test_no_generation_asks_again_and_the_ladder_says_it(
    on_air: Callable[..., Any],
    make_source: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    devices = Devices()
    monkeypatch.setattr("transcoder.encoders.opening.devices", devices)
    rates = {"96p": 300_000, "48p": 100_000}
    rungs = tuple(
        Rung.model_validate(
            {
                "name": name,
                "height": int(name[:-1]),
                "bitrate_bps": rate,
                "max_bitrate_bps": 2 * rate,
                "encoder": "h264_nvenc",
            }
        )
        for name, rate in rates.items()
    )
    air = on_air(rungs=rungs, passthrough="always")
    host = make_source()
    with capture_logs() as logs:
        air.publish()
        air.play(host, 60)
        if not devices.misses("h264_nvenc"):
            pytest.skip("this machine has the device")
        air.play(host, 1, mangle=lambda unit: replace(unit, damaged=True))
        air.play(host, 60)
    out = air.finish()
    out.check()
    assert out.roles()[:2] == [("passed", "encoded"), ("encoded", "encoded")]
    assert [log["event"] for log in logs].count("encoder_unavailable") == 1
    passed = next(state for state in out.states if state.rungs[0].role == "passed")
    encoded = next(state for state in out.states if state.rungs[0].role == "encoded")
    missing = "h264_nvenc needs an NVIDIA GPU, which is not to be had here: "
    assert [rung.instead_of for rung in passed.rungs] == ["", "h264_nvenc"]
    assert passed.sentence == (
        f"96p is the host's own picture. {missing}48p is encoded by libx264, preset superfast."
    )
    assert [rung.instead_of for rung in encoded.rungs] == ["h264_nvenc", "h264_nvenc"]
    assert f"{missing}96p and 48p are encoded by libx264, preset superfast." in encoded.sentence
