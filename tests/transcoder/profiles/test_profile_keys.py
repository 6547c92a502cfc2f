"""Every key is documented, every shipped profile loads, and nothing gets through by chance."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from transcoder.errors import ProfileError
from transcoder.profile_files import load_profile
from transcoder.profiles import ENCODERS, SOFTWARE, Profile, plan_rungs

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "configs" / "profiles"
SHIPPED = sorted(FOLDER.glob("*.yaml"))
DEFAULT_LINES = (FOLDER / "default.yaml").read_text(encoding="utf-8").splitlines()
GUIDE = (ROOT / "docs" / "profiles.md").read_text(encoding="utf-8")
RUNG = {"name": "a", "height": 360, "bitrate_bps": 500_000, "max_bitrate_bps": 600_000}


def paths(value: Any, at: str = "") -> set[str]:
    """Every key of plain data, as `overload.shed`; those of a list's items as `rungs.name`."""
    if isinstance(value, list):
        return set().union(*(paths(item, at) for item in value)) if value else set()
    if not isinstance(value, dict):
        return set()
    found = set()
    for key, item in value.items():
        path = f"{at}.{key}" if at else key
        found |= {path} | paths(item, path)
    return found


KEYS = sorted(paths(Profile().to_plain()))


def test_the_profiles_that_ship() -> None:
    assert {path.stem for path in SHIPPED} == {
        "default",
        "portrait",
        "low-power",
        "quality",
        "audio-first",
        "hevc",
        "av1",
        "nvenc",
        "qsv",
    }


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_profile_loads_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    profile = load_profile(path)
    assert profile.name == path.stem
    assert Profile.from_plain(profile.to_plain()) == profile
    assert text.startswith("# ")
    assert plan_rungs(profile, 1920, 1080)[0].name == profile.rungs[0].name
    keys = paths(yaml.safe_load(text))
    assert keys <= set(KEYS)


@pytest.mark.parametrize("path", KEYS)
def test_every_key_is_documented(path: str) -> None:
    key = path.split(".")[-1]
    at = next(i for i, line in enumerate(DEFAULT_LINES) if re.match(rf" *-? ?{key}:", line))
    above = DEFAULT_LINES[max(0, at - 3) : at]
    assert any(line.lstrip().startswith("#") for line in above)
    assert f"`{path}`" in GUIDE


@pytest.mark.parametrize(
    ("overrides", "wanted"),
    [
        ({}, ("h264", "libx264", "superfast", "high")),
        ({"codec": "hevc"}, ("hevc", "libx265", "superfast", None)),
        ({"codec": "av1"}, ("av1", "libsvtav1", "10", None)),
        ({"encoder": "libsvtav1", "preset": 8}, ("av1", "libsvtav1", "8", None)),
        ({"encoder": "hevc_nvenc"}, ("hevc", "hevc_nvenc", "p4", None)),
        ({"encoder": "h264_qsv"}, ("h264", "h264_qsv", "veryfast", "high")),
        ({"h264_profile": None}, ("h264", "libx264", "superfast", "high")),
    ],
)
def test_what_is_left_out_follows_from_what_is_given(
    overrides: dict[str, object], wanted: tuple[str | None, ...]
) -> None:
    (rung,) = Profile.from_plain({"rungs": [{**RUNG, **overrides}]}).rungs
    assert (rung.codec, rung.encoder, rung.preset, rung.h264_profile) == wanted


@pytest.mark.parametrize(
    ("plain", "sentence"),
    [
        (
            {"rungs": [{**RUNG, "codec": "av1", "encoder": "libx264"}]},
            "rungs.0.encoder: for codec av1 it must be one of libsvtav1, av1_nvenc, av1_qsv "
            "(given: 'libx264').",
        ),
        (
            {"rungs": [{**RUNG, "encoder": "libsvtav1", "preset": "superfast"}]},
            "rungs.0.preset: for libsvtav1 it must be one of 7, 8, 9, 10, 11, 12 "
            "(given: 'superfast').",
        ),
        (
            {"rungs": [{**RUNG, "encoder": "h264_nvenc", "preset": "slow"}]},
            "rungs.0.preset: for h264_nvenc it must be one of p1, p2, p3, p4, p5, p6, p7",
        ),
        (
            {"rungs": [{**RUNG, "encoder": "mpeg2"}]},
            "rungs.0.encoder: it must be 'libx264', 'libx265', 'libsvtav1', 'h264_nvenc', ",
        ),
        (
            {"rungs": [{**RUNG, "codec": "vp8"}]},
            "rungs.0.codec: it must be 'h264', 'hevc' or 'av1' (given: 'vp8').",
        ),
        (
            {"rungs": [{**RUNG, "codec": "hevc", "h264_profile": "main"}]},
            "rungs.0.h264_profile: only h264 has it; leave it out for codec hevc",
        ),
        (
            {"rungs": [{**RUNG, "codec": "hevc"}], "passthrough": "auto"},
            "passthrough: only an h264 source is passed on, and the best rung, 'a', is hevc",
        ),
        ({"passthrough": "sometimes"}, "passthrough: it must be 'auto', 'always' or 'never'"),
        ({"rungs": [RUNG], "on_demand": True}, "on_demand: with a single rung it must be false"),
        ({"on_demand": 1}, "on_demand: it must be true or false (given: 1)."),
        (
            {"overload": {"shed": ["audio"]}},
            "overload.shed.0: it must be 'top_rung', 'frame_rate' or 'single_rung'",
        ),
        (
            {"overload": {"shed": ["frame_rate", "frame_rate"]}},
            "overload.shed: frame_rate is named twice",
        ),
        (
            {"overload": {"shed": ["single_rung", "top_rung"]}},
            "overload.shed: top_rung must come before single_rung",
        ),
        (
            {"overload": {"restore": 3}},
            "overload.restore: there is no such key; did you mean restore_after_s? The keys here "
            "are shed, restore_after_s (given: 3).",
        ),
        ({"on_pin": {"boost_percent": 900}}, "on_pin.boost_percent: it must be 0 to 200"),
        ({"pictures": {"poster_every_s": -1}}, "pictures.poster_every_s: it must be 0 to 600"),
    ],
)
def test_what_is_impossible_is_refused(plain: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ProfileError) as caught:
        load_profile(yaml.safe_dump(plain))
    assert str(caught.value).startswith(f"In the profile: {sentence}")
    assert "\n" not in str(caught.value)


def test_nothing_need_be_shed() -> None:
    assert load_profile("overload: {shed: []}").overload.shed == ()


def test_software_makes_every_codec() -> None:
    assert set(SOFTWARE) == {facts.codec for facts in ENCODERS.values()}
    assert all(facts.preset in facts.presets for facts in ENCODERS.values())


def test_passed_on_always_the_best_rung_is_the_sources() -> None:
    profile = load_profile("passthrough: always")
    plans = plan_rungs(profile, 1920, 1080, source_bps=6_000_000)
    assert [(plan.width, plan.height) for plan in plans] == [(1920, 1080), (854, 480), (640, 360)]
    assert plans[0].bandwidth_bps > 9_000_000
    assert plans[1:] == plan_rungs(Profile(), 1920, 1080)[1:]
    modest = plan_rungs(profile, 1280, 720, source_bps=500_000)
    assert modest == plan_rungs(Profile(), 1280, 720)


def test_pictures_too_small_for_an_encoder_are_made_by_another() -> None:
    profile = Profile.from_plain({"rungs": [{**RUNG, "codec": "av1"}]})
    assert plan_rungs(profile, 640, 360)[0].encoder == "libsvtav1"
    (small,) = plan_rungs(profile, 160, 48)
    assert (small.codec, small.encoder, small.preset) == ("h264", "libx264", "superfast")


@pytest.mark.parametrize("device", ["av1_nvenc", "av1_qsv"])
def test_a_plan_holds_for_what_stands_in_for_a_device(device: str) -> None:
    """Whether the device is there is known only where it is opened, after BANDWIDTH is declared."""
    wanted, standing = (
        Profile.from_plain({"rungs": [{**RUNG, "encoder": name}]}) for name in (device, "libsvtav1")
    )
    (plan,), (other,) = (plan_rungs(profile, 640, 360) for profile in (wanted, standing))
    assert plan.encoder == device
    assert plan.bandwidth_bps == other.bandwidth_bps
    assert plan_rungs(wanted, 160, 48)[0].encoder == "libx264"


scalar = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just("h264")
)
anything = st.recursive(
    scalar,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@st.composite
def near_profiles(draw: st.DrawFn) -> dict[str, Any]:
    """The default with some of its keys turned into anything, or taken out."""
    plain = Profile().to_plain()
    for path in draw(st.lists(st.sampled_from(KEYS), max_size=3)):
        *outer, key = path.split(".")
        place: Any = plain
        for step in outer:
            place = place.get(step) if isinstance(place, dict) else None
            place = place[0] if isinstance(place, list) and place else place
        if isinstance(place, dict):
            place[key] = draw(anything)
            if draw(st.booleans()):
                del place[key]
    return plain


@given(plain=near_profiles())
def test_any_value_of_any_key_gives_a_profile_or_sentences(plain: dict[str, Any]) -> None:
    try:
        profile = load_profile(yaml.safe_dump(plain, allow_unicode=True))
    except ProfileError as exc:
        for line in str(exc).split("\n"):
            assert line.startswith("In the profile: ")
        return
    assert Profile.from_plain(profile.to_plain()) == profile
    assert plan_rungs(profile, 640, 360)
