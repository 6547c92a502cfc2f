"""Pins that are to be sharp, rungs that nobody watches, and an hour on air."""

from collections.abc import Callable
from typing import Any

import pytest
from av.video.frame import VideoFrame

from transcoder.encode import RungEncoder
from transcoder.grid import Grid
from transcoder.packager import AudioFrame
from transcoder.profiles import OnPinProfile, Rung, RungPlan
from transcoder.samples import EncodedPicture
from transcoder.values import TimedMetadata

NAMES = ("96p", "48p", "32p")
RUNG = (Rung(name="32p", height=32, bitrate_bps=50_000, max_bitrate_bps=80_000),)
ON_PIN = OnPinProfile(keyframe=True, boost_percent=50, boost_ms=1000)


def pin(number: int, slot: int, *, sharp: bool = True) -> TimedMetadata:
    return TimedMetadata(
        id=f"c{number}",
        revision=0,
        pts=slot * 3000,
        duration=90_000,
        payload=b"{}",
        sharp=sharp,
    )


def keyframes(out: Any, rendition: str) -> list[int]:
    return [
        sample.time // 3000
        for _, run in out.video(rendition)
        for sample in run.samples
        if sample.sync
    ]


def test_a_pins_frame_is_a_keyframe_in_every_rung_or_the_next_that_is_not_made_yet(
    on_air: Callable[..., Any], make_source: Callable[..., Any]
) -> None:
    air = on_air(on_pin=ON_PIN)
    air.publish()
    host = make_source()
    air.play(host, 60)
    air.run.cue(pin(0, 64))
    air.run.cue(pin(1, 67, sharp=False))
    air.play(host, 19)
    next_slot = 79
    air.run.cue(pin(2, 71))
    air.run.cue(pin(2, 71))
    air.play(host, 21)
    out = air.finish()
    out.check()
    for name in NAMES:
        assert keyframes(out, name) == [0, 30, 60, 64, next_slot, 90]
        by_number = {part.number: part for part in out.of(name)}
        assert (by_number[6].independent, by_number[6].opens) == (True, True)
        assert (by_number[7].independent, by_number[7].opens) == (True, False)
        assert len(out.frames(name)) == 100


def test_a_pin_asks_a_source_that_is_passed_for_a_keyframe(
    on_air: Callable[..., Any], make_source: Callable[..., Any]
) -> None:
    air = on_air(passthrough="auto", on_pin=ON_PIN)
    air.publish()
    host = make_source()
    air.play(host, 70)
    asked = air.out.requests
    air.run.cue(pin(0, 75))
    air.turn()
    assert air.out.requests == asked + 1
    air.play(host, 30)
    out = air.finish()
    out.check()
    assert 70 in keyframes(out, "96p"), "its answer, in the middle of a segment"
    assert 75 in keyframes(out, "48p")


def test_a_rung_that_nobody_watches_shows_one_picture_a_part(
    on_air: Callable[..., Any], make_source: Callable[..., Any]
) -> None:
    air = on_air(on_demand=True)
    air.publish()
    host = make_source()
    air.play(host, 40)
    air.run.watched(("96p",), air.now_ns)
    air.play(host, 60)
    air.run.watched(NAMES, air.now_ns)
    air.play(host, 41)
    out = air.finish()
    out.check()
    counts = [len(run.samples) for _, run in out.video("32p")]
    assert counts == [10] * 4 + [1] * 6 + [10] * 4 + [1]
    assert {len(run.samples) for _, run in out.video("96p")[:-1]} == {10}
    assert [state.rungs[2].dozing for state in out.states] == [False, True, False]


class Silence:
    """An `AudioLine` without an encoder, which would take most of an hour's test."""

    asc = bytes.fromhex("1190")

    def __init__(self, *, start_tick: int, bitrate_bps: int, channels: int) -> None:
        self._next = start_tick * 8 // 15

    def needed_tick(self, until_tick: int) -> int:
        return until_tick

    def take(self, until_tick: int) -> list[AudioFrame]:
        frames = []
        while self._next + 1024 <= until_tick * 8 // 15:
            frames.append(AudioFrame(start=self._next, data=b"\x21"))
            self._next += 1024
        return frames

    def reset_source(self) -> None:
        """There is none."""


class Quick(RungEncoder):
    """One encoded picture for all."""

    def __init__(self, plan: RungPlan, grid: Grid) -> None:
        super().__init__(plan, grid)
        self._data = b"\x00\x00\x00\x01\x65"

    def encode(self, frame: VideoFrame, *, slot: int, idr: bool) -> EncodedPicture:
        return EncodedPicture(keyframe=idr, data=self._data)


def test_an_hour_at_five_frames_a_second_is_exactly_an_hour(
    on_air: Callable[..., Any],
    make_source: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("transcoder.stage.AudioLine", Silence)
    air = on_air(make_encoder=Quick, frames_per_second=5, rungs=RUNG)
    air.publish()
    air.play(make_source(), 3)
    for _ in range(3600 // 2 - 1):
        air.idle(9, wait=False)
        air.idle(1)
    air.idle(7)
    air.idle(1)
    out = air.finish()
    out.check()
    parts = out.of("32p")
    assert parts[0].decode_time == 0
    total = sum(part.duration for part in parts)
    assert total == parts[-1].decode_time + parts[-1].duration
    assert 3598 * 90_000 <= total <= 3600 * 90_000
    closed = [part for part in parts if part.last]
    assert all((part.decode_time + part.duration) % 180_000 == 0 for part in closed[:-1])
