"""The same ladder by the FFmpeg command line, as well as one can write it.

One process: decodes once, scales each rung from the one above (bicubic), encodes each on one
thread with the very options that our encoders get, the sound once, and writes fragmented MP4 with a
fragment for each part. The sound is in a file of its own where ours is in every rung, which saves
FFmpeg a little. Filters and codecs have one thread each; FFmpeg runs them beside each other.
"""

from pathlib import Path

import imageio_ffmpeg

from transcoder.grid import Grid
from transcoder.profiles import Profile, RungPlan
from transcoder.values import TICKS_PER_SECOND

X264_PARAMS = "scenecut=0:bframes=0:open-gop=0:aud=0:force-cfr=1:sliced-threads=0"
"""What `transcoder.encode` tells x264 beside the options that FFmpeg has names for."""


def command(
    path: Path, rungs: tuple[RungPlan, ...], *, profile: Profile, grid: Grid, out: Path | None
) -> list[str]:
    """Encodes the film at `path`; each rung goes to a file in `out`, or nowhere."""
    fragment_us = grid.part_ticks * 1_000_000 // TICKS_PER_SECOND
    mp4 = ["-f", "mp4", "-movflags", "+empty_moov+default_base_moof+cmaf",
           "-frag_duration", str(fragment_us)]  # fmt: skip
    arguments = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", "-nostdin",
        "-filter_complex_threads", "1", "-threads", "1", "-i", str(path),
        "-filter_complex", scaling(rungs, scaler=profile.scaler),
    ]  # fmt: skip
    for index, rung in enumerate(rungs):
        arguments += ["-map", f"[v{index}]", *_encoder(rung, grid), *mp4]
        arguments += [str(out / f"{rung.name}.mp4") if out else "/dev/null"]
    audio = profile.audio
    arguments += ["-map", "0:a", "-c:a", "aac", "-b:a", str(audio.bitrate_bps),
                  "-ac", str(audio.channels), *mp4]  # fmt: skip
    return [*arguments, str(out / "audio.mp4") if out else "/dev/null"]


def scaling(rungs: tuple[RungPlan, ...], *, scaler: str) -> str:
    """The filters: each rung is made of the one above. The film has the top rung's size."""
    chains, source = [], "0:v"
    for index, rung in enumerate(rungs):
        steps = [] if index == 0 else [f"scale={rung.width}:{rung.height}:flags={scaler}"]
        last = index == len(rungs) - 1
        steps.append("null" if last else "split=2")
        chains.append(f"[{source}]{','.join(steps)}[v{index}]" + ("" if last else f"[s{index}]"))
        source = f"s{index}"
    return ";".join(chains)


def _encoder(rung: RungPlan, grid: Grid) -> list[str]:
    options = {
        "-c:v": "libx264", "-threads": "1", "-preset": rung.preset, "-tune": rung.tune,
        "-profile:v": rung.h264_profile or "high", "-b:v": str(rung.bitrate_bps),
        "-maxrate": str(rung.max_bitrate_bps), "-bufsize": str(rung.buffer_bits),
        "-g": str(grid.idr_slots), "-keyint_min": str(grid.idr_slots), "-bf": "0",
        "-x264-params": X264_PARAMS, "-fps_mode": "passthrough",
    }  # fmt: skip
    return [word for pair in options.items() for word in pair]
