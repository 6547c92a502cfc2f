"""An encoder without its device: asked once in a process, told once, probed as workers are."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import av
import pytest
from structlog.testing import capture_logs

from transcoder.encoders import devices as probing
from transcoder.encoders.devices import missing_devices
from transcoder.encoders.families import FAMILIES
from transcoder.encoders.opening import Devices, opened
from transcoder.grid import Grid
from transcoder.profiles import Profile, RungPlan

Planned = Callable[..., RungPlan]


class Library:
    """FFmpeg, which counts who is asked for, and has no device unless told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.has_device = False
        self._create = av.CodecContext.create
        monkeypatch.setattr("transcoder.encoders.opening.av.CodecContext", self)
        self.devices = Devices()
        monkeypatch.setattr("transcoder.encoders.opening.devices", self.devices)

    def create(self, name: str, mode: str) -> Any:
        self.asked.append(name)
        if name == "h264_nvenc":
            if not self.has_device:
                raise ValueError("no capable devices found")
            name = "libx264"
        return self._create(name, mode)  # type: ignore[call-overload]


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    return Library(monkeypatch)


def test_a_missing_device_is_asked_for_once_and_told_once(
    library: Library, planned: Planned, grid: Grid
) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            for height in (96, 64):
                plan, _context = opened(planned("h264_nvenc", 128, height), grid)
                assert (plan.encoder, plan.preset) == ("libx264", "superfast")
    assert library.asked.count("h264_nvenc") == 1
    (told,) = logs
    assert (told["event"], told["log_level"]) == ("encoder_unavailable", "warning")
    assert (told["encoder"], told["instead"]) == ("h264_nvenc", "libx264")
    assert told["says"] == (
        "h264_nvenc needs an NVIDIA GPU, which is not to be had here: its rungs are encoded by "
        "libx264, preset superfast."
    )
    assert "no capable devices found" in told["reason"]


def test_what_one_encoder_lacks_says_nothing_of_another(
    library: Library, planned: Planned, grid: Grid
) -> None:
    opened(planned("h264_nvenc", 128, 96), grid)
    assert library.devices.misses("h264_nvenc")
    assert not library.devices.misses("hevc_nvenc")
    assert not library.devices.misses("h264_qsv")


def test_a_device_that_was_there_is_asked_again(
    library: Library, planned: Planned, grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU encodes only so many pictures at a time; that passes."""
    monkeypatch.setattr(
        "transcoder.encoders.opening.FAMILIES",
        dict.fromkeys(FAMILIES, FAMILIES["libx264"]),
    )
    plan = replace(planned("h264_nvenc", 128, 96), preset="superfast")
    with capture_logs() as logs:
        made = []
        for library.has_device in (True, False, False, True):
            made.append(opened(plan, grid)[0].encoder)
    assert made == ["h264_nvenc", "libx264", "libx264", "h264_nvenc"]
    assert [log["event"] for log in logs] == ["encoder_unavailable"]


def profile(*encoders: str) -> Profile:
    rungs = [
        {
            "name": f"r{index}",
            "height": 96,
            "bitrate_bps": 900_000 - index * 1000,
            "max_bitrate_bps": 900_000,
            "encoder": encoder,
        }
        for index, encoder in enumerate(encoders)
    ]
    return Profile.from_plain({"rungs": rungs})


def test_the_probe_enters_the_workers_sandbox_before_it_opens_anything(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done: list[str] = []

    def opens(profile: Profile, encoder: str) -> bool:
        done.append(encoder)
        return encoder == "h264_qsv"

    monkeypatch.setattr(probing, "enter_sandbox", lambda: done.append("sandbox"))
    monkeypatch.setattr(probing, "_opens", opens)
    monkeypatch.setattr("structlog.configure", lambda **options: None)
    plain = profile("h264_nvenc", "libx264", "h264_qsv").to_plain()
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(plain)))
    probing._probe()
    assert done == ["sandbox", "h264_nvenc", "h264_qsv"]
    assert capsys.readouterr().out == "h264_qsv\n"


def test_a_profile_of_software_needs_no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "_found", lambda profile: pytest.fail("it was probed"))
    assert missing_devices(profile("libx264", "libx265")) == ()


def test_each_missing_device_is_a_sentence_that_names_its_rungs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probing, "_found", lambda profile: frozenset({"hevc_qsv"}))
    said = missing_devices(profile("h264_nvenc", "hevc_qsv", "h264_nvenc", "libx264", "av1_qsv"))
    assert said == (
        "h264_nvenc needs an NVIDIA GPU, which is not to be had here: r0, r2 will be encoded by "
        "libx264, preset superfast.",
        "av1_qsv needs an Intel GPU, which is not to be had here: r4 will be encoded by libsvtav1, "
        "preset 10.",
    )
