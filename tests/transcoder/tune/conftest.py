"""A clip of two seconds and results as a run would make them."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from transcoder.profiles import Profile, Rung
from transcoder.tune.recommend import recommend
from transcoder.tune.values import (
    Budget,
    ClipFacts,
    CrowdRun,
    Headroom,
    Machine,
    Results,
    RungResult,
    Score,
    Still,
    Variant,
    VariantResult,
    note,
)
from transcoder.tune.variants import Sweep, variants_of

WIDTH, HEIGHT, FPS, SECONDS = 320, 180, 30, 2


def _picture(n: int) -> av.VideoFrame:
    """Noise that stands still on the right, and a bar that moves on the left."""
    luma = np.full((HEIGHT, WIDTH), 90, dtype=np.uint8)
    random = np.random.default_rng(7)
    luma[:, 160:] = (
        random.integers(60, 200, (HEIGHT // 2, 80)).astype(np.uint8).repeat(2, 0).repeat(2, 1)
    )
    luma[:, (2 * n) % 140 : (2 * n) % 140 + 20] = 220
    chroma = np.full((HEIGHT // 2, WIDTH), 128, dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(np.vstack([luma, chroma]), format="yuv420p")
    frame.pts, frame.time_base = n, Fraction(1, FPS)
    return frame


def _sound(n: int) -> av.AudioFrame:
    at = np.arange(n * 1024, (n + 1) * 1024) / 48_000
    tone = (np.sin(2 * np.pi * 440 * at) * 9000).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(tone[None, :], format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = 48_000, n * 1024, Fraction(1, 48_000)
    return frame


def write_clip(path: Path, *, b_frames: int = 2, sound: bool = True) -> Path:
    """A film as editors make them: H.264, with B-frames or without, and AAC."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.max_b_frames = b_frames
        video.thread_count = 1
        video.options = {"preset": "veryfast", "crf": "10", "bf": str(b_frames)}
        audio = out.add_stream("aac", rate=48_000, layout="mono") if sound else None
        for n in range(FPS * SECONDS):
            out.mux(video.encode(_picture(n)))
        out.mux(video.encode(None))
        if audio is not None:
            for n in range(SECONDS * 48_000 // 1024):
                out.mux(audio.encode(_sound(n)))
            out.mux(audio.encode(None))
    return path


@pytest.fixture
def make_film(tmp_path: Path) -> Callable[..., Path]:
    """`make_film(b_frames=2, sound=True)`: a file of two seconds of 320x180."""

    def make(*, b_frames: int = 2, sound: bool = True) -> Path:
        return write_clip(tmp_path / f"film-{b_frames}-{sound}.mp4", b_frames=b_frames, sound=sound)

    return make


def tiny(name: str, *, bitrate_bps: int = 300_000, preset: str = "ultrafast") -> Profile:
    """Two small rungs."""
    return Profile.from_plain(
        {
            "name": name,
            "rungs": [
                Rung.model_validate(
                    {
                        "name": f"{height}p",
                        "height": height,
                        "bitrate_bps": bps,
                        "max_bitrate_bps": bps,
                        "preset": preset,
                    }
                ).model_dump(mode="json")
                for height, bps in ((180, bitrate_bps), (90, bitrate_bps // 2))
            ],
        }
    )


@pytest.fixture
def make_profile() -> Callable[..., Profile]:
    """`make_profile("name", bitrate_bps=300_000, preset="ultrafast")`."""
    return tiny


def result_of(variant: Variant) -> VariantResult:
    """As if it had been measured: the more bits and the slower, the better and the dearer."""
    effort = {"ultrafast": 1.0, "superfast": 1.6, "faster": 3.0}
    rungs = []
    for rung in variant.profile.to_plain()["rungs"]:
        bps, work = rung["bitrate_bps"], effort.get(rung["preset"], 2.0)
        quality = 100 - 3e6 / (bps * work**0.3) ** 0.92 - (180 - rung["height"]) / 20
        rungs.append(
            RungResult(
                name=rung["name"],
                settings=rung,
                width=rung["height"] * 16 // 9,
                height=rung["height"],
                codecs="avc1.64000C,mp4a.40.2",
                bandwidth_bps=bps + 200_000,
                rate_bps=bps + 130_000.0,
                cores=work * rung["height"] / 3000,
                quality={"vmaf": Score(mean=max(1.0, quality), low=max(0.5, quality - 9))},
            )
        )
    return VariantResult(
        variant=variant, media_s=2.0, base_cores=0.05, delay_frames=1, rungs=tuple(rungs)
    )


@pytest.fixture
def make_results() -> Callable[..., Results]:
    """`make_results(name="a")`: of two profiles, one of them swept."""

    def make(
        *, name: str = "small", cores: float = 0.5, clip: str = "film.mp4", stills: bool = True
    ) -> Results:
        sweep = Sweep(presets=("ultrafast", "superfast", "faster"), bitrates=(0.5, 1, 2))
        profiles = [tiny(name), tiny("other", bitrate_bps=500_000)]
        variants, notes = variants_of(profiles, [name], sweep)
        measured = tuple(result_of(variant) for variant in variants)
        budget = Budget(cores=cores, bandwidth_bps=None, rungs=3)
        found = recommend(measured, budget)
        still = Still(profile_name=name, rung="180p", width=4, height=3, webp=b"RIFF")
        return Results(
            clip=ClipFacts(
                name=clip,
                width=WIDTH,
                height=HEIGHT,
                frames_per_second=29.97,
                duration_s=2.0,
                rate_bps=1e6,
                passed=True,
            ),
            machine=Machine(cores=2, processor="A processor", ffmpeg="9"),
            budget=budget,
            variants=measured,
            headroom=(
                Headroom(
                    variant=variants[0],
                    runs=(
                        CrowdRun(shows=2, speed=1.2, cores=1.1),
                        CrowdRun(shows=3, speed=0.9, cores=1.9),
                    ),
                ),
            ),
            stills=(still, still) if stills else (),
            recommendation=found,
            recommended=result_of(Variant(profile_name="tuned", profile=found.profile, changes=()))
            if found
            else None,
            notes=(*notes, note("no_metric", metric="xpsnr")),
            interrupted=False,
        )

    return make
