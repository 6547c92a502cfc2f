"""What to try: profiles as they are, and swept. Pure.

Presets and bitrates are tried in every combination, because they trade for each other; scalers and
frame rates one at a time, beside what the profile has.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from transcoder.errors import ProfileError
from transcoder.profiles import Profile
from transcoder.tune.errors import TuneError
from transcoder.tune.values import Note, Variant, note

MAX_VARIANTS = 400
_LEAST_BPS, _MOST_BPS = 50_000, 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What is changed in a profile. An empty dimension is left as the profile has it."""

    presets: tuple[str, ...] = ()
    bitrates: tuple[float, ...] = ()
    """Factors of every rung's bitrates."""
    scalers: tuple[str, ...] = ()
    frame_rates: tuple[int, ...] = ()


def variants_of(
    profiles: Sequence[Profile], swept: Sequence[str], sweep: Sweep
) -> tuple[list[Variant], list[Note]]:
    """Every profile as it is, and those named in `swept` under the sweep; none twice.

    What the profile's rules forbid (a preset that its encoder does not have) is left out and said
    so. Raises `TuneError` when there are more than `MAX_VARIANTS`.
    """
    variants: list[Variant] = []
    notes: list[Note] = []
    known: set[str] = set()
    for profile in profiles:
        changed = _swept(sweep) if profile.name in swept else []
        for changes in [(), *changed]:
            try:
                variant = _variant(profile, changes)
            except ProfileError as exc:
                label = ", ".join([profile.name, *(f"{key} {to}" for key, to in changes)])
                notes.append(note("skipped", what=label, why=str(exc).splitlines()[0]))
                continue
            if (key := fingerprint(variant.profile)) not in known:
                known.add(key)
                variants.append(variant)
    if len(variants) > MAX_VARIANTS:
        raise TuneError(
            f"That would be {len(variants)} encodings of the clip; {MAX_VARIANTS} are the most. "
            "Sweep over fewer values."
        )
    return variants, notes


def fingerprint(profile: Profile) -> str:
    """Equal for profiles that encode alike, whatever they and their rungs are called."""
    plain = profile.to_plain()
    rungs = [{**rung, "name": ""} for rung in plain["rungs"]]
    return json.dumps({**plain, "name": "", "rungs": rungs}, sort_keys=True)


def _swept(sweep: Sweep) -> Iterator[tuple[tuple[str, str], ...]]:
    for preset in sweep.presets or ("",):
        for factor in sweep.bitrates or (1.0,):
            changes = [("preset", preset)] if preset else []
            if factor != 1:
                changes.append(("bitrate", f"{factor:g}"))
            yield tuple(changes)
    yield from ((("scaler", scaler),) for scaler in sweep.scalers)
    yield from ((("fps", str(rate)),) for rate in sweep.frame_rates)


def _variant(profile: Profile, changes: Iterable[tuple[str, str]]) -> Variant:
    plain = profile.to_plain()
    told: list[tuple[str, str]] = []
    for key, value in changes:
        before = json.dumps(plain, sort_keys=True)
        _change(plain, key, value)
        if json.dumps(plain, sort_keys=True) != before:
            told.append((key, value))
    if told:
        _encode_all(plain)
    return Variant(
        profile_name=profile.name, profile=Profile.from_plain(plain), changes=tuple(told)
    )


def _encode_all(plain: dict[str, Any]) -> None:
    """A sweep asks what encoders do: nothing passes through, nothing sleeps."""
    plain |= {"passthrough": "never", "on_demand": False}


def _change(plain: dict[str, Any], key: str, value: str) -> None:
    rungs: list[dict[str, Any]] = plain["rungs"]
    if key == "preset":
        for rung in rungs:
            rung["preset"] = value
    elif key == "bitrate":
        for rung in rungs:
            for name in ("bitrate_bps", "max_bitrate_bps"):
                scaled = round(rung[name] * float(value) / 1000) * 1000
                rung[name] = min(max(scaled, _LEAST_BPS), _MOST_BPS)
    elif key == "scaler":
        plain["scaler"] = value
    elif key == "fps":
        plain["frames_per_second"] = int(value)
    else:
        raise ValueError(f"nothing is known of {key}")
