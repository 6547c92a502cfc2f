"""The results for programs: everything the page shows but the stills."""

import json
from typing import Any

from transcoder.tune.report.sections import note_text
from transcoder.tune.report.texts import Words
from transcoder.tune.values import CrowdRun, Headroom, Results, RungResult, VariantResult

VERSION = 1


def render_json(results: Results) -> str:
    """One JSON object. Rates are bits per second, costs cores, times seconds."""
    clip, machine, budget = results.clip, results.machine, results.budget
    found = results.recommendation
    whole = {
        "version": VERSION,
        "interrupted": results.interrupted,
        "clip": {
            "name": clip.name,
            "width": clip.width,
            "height": clip.height,
            "frames_per_second": clip.frames_per_second,
            "duration_s": clip.duration_s,
            "rate_bps": clip.rate_bps,
            "passed": clip.passed,
        },
        "machine": {
            "cores": machine.cores,
            "processor": machine.processor,
            "ffmpeg": machine.ffmpeg,
        },
        "budget": {
            "cores": budget.cores,
            "bandwidth_bps": budget.bandwidth_bps,
            "rungs": budget.rungs,
        },
        "variants": [_variant(result) for result in results.variants],
        "headroom": [_headroom(one) for one in results.headroom],
        "recommendation": None
        if found is None
        else {
            "profile": found.profile.to_plain(),
            "expected_cores": found.expected_cores,
            "measured_cores": results.recommended.cores if results.recommended else None,
            "mean_quality": found.mean_quality,
            "metric": found.metric,
            "chosen": list(found.chosen),
        },
        "notes": [note_text(one, Words("en")) for one in results.notes],
    }
    return json.dumps(whole, indent=2, allow_nan=False)


def _variant(result: VariantResult) -> dict[str, Any]:
    return {
        "label": result.variant.label,
        "profile": result.variant.profile_name,
        "changes": dict(result.variant.changes),
        "media_s": result.media_s,
        "cores": result.cores,
        "base_cores": result.base_cores,
        "delay_frames": result.delay_frames,
        "rungs": [_rung(rung) for rung in result.rungs],
    }


def _rung(rung: RungResult) -> dict[str, Any]:
    return {
        "name": rung.name,
        "settings": dict(rung.settings),
        "width": rung.width,
        "height": rung.height,
        "codecs": rung.codecs,
        "bandwidth_bps": rung.bandwidth_bps,
        "rate_bps": rung.rate_bps,
        "cores": rung.cores,
        "quality": {
            name: {"mean": score.mean, "low": score.low} for name, score in rung.quality.items()
        },
    }


def _headroom(one: Headroom) -> dict[str, Any]:
    return {"label": one.variant.label, "most": one.most, "runs": [_run(run) for run in one.runs]}


def _run(run: CrowdRun) -> dict[str, Any]:
    return {"shows": run.shows, "speed": run.speed, "cores": run.cores, "fits": run.fits}
