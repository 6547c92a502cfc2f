"""Encoder profiles: what they may say, how they refuse, and the rungs that a source makes."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from transcoder.errors import MediaError, ProfileError
from transcoder.profile_files import load_profile
from transcoder.profiles import LEGAL_RATES, Profile, plan_rungs

DEFAULT_FILE = Path(__file__).parents[2] / "configs" / "profiles" / "default.yaml"


def rungs(**overrides: object) -> str:
    """A profile of one rung in YAML, with some of its keys changed."""
    keys = {"name": "a", "height": 360, "bitrate_bps": 500_000, "max_bitrate_bps": 600_000}
    lines = [f"    {key}: {value}" for key, value in {**keys, **overrides}.items()]
    return "rungs:\n  -\n" + "\n".join(lines)


def keys_of(value: object) -> object:
    """The shape of plain data: its keys, without the values."""
    if isinstance(value, dict):
        return {key: keys_of(item) for key, item in value.items()}
    return [keys_of(item) for item in value] if isinstance(value, list) else None


def test_the_default_file_is_the_default_profile_with_every_key() -> None:
    assert load_profile(DEFAULT_FILE) == Profile()
    written = yaml.safe_load(DEFAULT_FILE.read_text(encoding="utf-8"))
    assert keys_of(written) == keys_of(Profile().to_plain())


def test_a_profile_crosses_the_wire() -> None:
    profile = load_profile("name: mine\nscaler: lanczos\n" + rungs())
    assert Profile.from_plain(profile.to_plain()) == profile
    assert profile != Profile()


def test_plain_data_with_keys_that_are_no_text_is_refused() -> None:
    with pytest.raises(ProfileError, match="keys should be strings"):
        Profile.from_plain({b"name": "mine"})  # type: ignore[dict-item]


def test_an_empty_text_is_the_default() -> None:
    assert load_profile("") == load_profile("# nothing\n") == Profile()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("fps: 30", "fps: there is no such key; the keys here are name, frames_per_second, "),
        ("frames_per_second: 29", "frames_per_second: it must be one of 5, 6, 8, 9, 10, 12, 15,"),
        ("frames_per_second: true", "frames_per_second: it must be one of 5, 6, 8, 9,"),
        ("frames_per_second: '30'", "frames_per_second: it must be one of 5, 6, 8, 9,"),
        ("hold_ms: 1.5", "hold_ms: it must be a whole number from 0 to 1000 (given: 1.5)."),
        ("hold_ms: -1", "hold_ms: it must be 0 to 1000 (given: -1)."),
        ("hold_ms: 900\nslate_after_ms: 800", "slate_after_ms: it must be more than hold_ms, 900"),
        (
            "idr_interval_s: 2\nsegment_s: 3",
            "segment_s: it must be a multiple of idr_interval_s, 2 (given: 3).",
        ),
        (
            "scaler: x",
            "scaler: it must be 'fast_bilinear', 'bilinear', 'bicubic', 'area', 'lanczos' or "
            "'spline' (given: 'x').",
        ),
        ("audio: 3", "audio: it must be a mapping of the keys bitrate_bps, channels (given: 3)."),
        ("audio: {channels: 6}", "audio.channels: it must be 1 to 2 (given: 6)."),
        (
            "audio: {bitrate: 1}",
            "audio.bitrate: there is no such key; did you mean bitrate_bps? The keys here are "
            "bitrate_bps, channels (given: 1).",
        ),
        ("rungs: 720p", "rungs: it must be a list, each item a mapping of the keys name, height, "),
        ("rungs: []", "rungs: there must be 1 to 8 rungs (given: [])."),
        (
            "rungs: [{}]",
            "rungs.0.name: this key is missing; it must be a text of 1 to 20 lower-case letters",
        ),
        (rungs(name="A/b"), "rungs.0.name: it must be made of lower-case letters and digits"),
        (rungs(name='"360p\\n"'), "rungs.0.name: it must be made of lower-case letters"),
        (rungs(height=8), "rungs.0.height: it must be 16 to 4320 (given: 8)."),
        (rungs(height=361), "rungs.0.height: it must be even (given: 361)."),
        (rungs(max_bitrate_bps=400_000), "rungs.0.max_bitrate_bps: it must be at least"),
        (rungs(buffer_ms=0), "rungs.0.buffer_ms: it must be 100 to 4000 (given: 0)."),
        (rungs(tune="film"), "rungs.0.tune: it must be 'zerolatency' (given: 'film')."),
        (rungs() + rungs()[6:], "rungs: two rungs are named 'a'; each needs a name of its own"),
        (rungs() + rungs(name="b")[6:], "rungs: rungs come best first: 'b' after 'a'"),
        (
            rungs() + rungs(name="b", height=480, bitrate_bps=400_000)[6:],
            "rungs: rungs come best first: 'b' after 'a' must not be higher",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ProfileError) as caught:
        load_profile(text)
    assert str(caught.value).startswith(f"In the profile: {sentence}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[", "The profile is not YAML: "),
        ("hold_ms: 2001-99-99", "The profile is not YAML: month must be in 1..12"),
        ("[" * 5000, "The profile is not YAML: "),
        ("- a", "The profile must be a mapping of keys at its top level."),
        ("1: 2", "The profile must be a mapping of keys at its top level."),
    ],
)
def test_what_is_no_profile_at_all(text: str, sentence: str) -> None:
    with pytest.raises(ProfileError) as caught:
        load_profile(text)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_every_fault_is_named() -> None:
    with pytest.raises(ProfileError) as caught:
        load_profile("hold_ms: -1\nscaler: x")
    assert [line.split(": ")[1] for line in str(caught.value).split("\n")] == ["hold_ms", "scaler"]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"cannot be read: No such file"):
        load_profile(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ProfileError, match="is not a text in UTF-8"):
        load_profile(tmp_path / "binary.yaml")
    (tmp_path / "wrong.yaml").write_text("hold_ms: 5000")
    with pytest.raises(ProfileError, match=r"^In .*wrong\.yaml: hold_ms: it must be 0 to 1000"):
        load_profile(tmp_path / "wrong.yaml")


@given(text=st.text(max_size=60))
def test_any_text_gives_a_profile_or_a_profile_error(text: str) -> None:
    try:
        load_profile(text)
    except ProfileError:
        return


@pytest.mark.parametrize(
    ("source", "sizes"),
    [
        ((1920, 1080), [(1280, 720), (854, 480), (640, 360)]),
        ((1280, 720), [(1280, 720), (854, 480), (640, 360)]),
        ((1276, 718), [(1276, 718), (854, 480), (640, 360)]),
        ((960, 540), [(854, 480), (640, 360)]),
        ((854, 480), [(854, 480), (640, 360)]),
        ((720, 1280), [(720, 1280), (480, 854), (360, 640)]),
        ((1080, 1080), [(720, 720), (480, 480), (360, 360)]),
        ((641, 361), [(640, 360)]),
        ((320, 180), [(320, 180)]),
        ((8192, 16), [(1440, 16)]),
        ((8192, 8192), [(720, 720), (480, 480), (360, 360)]),
    ],
)
def test_the_rungs_that_a_source_makes(
    source: tuple[int, int], sizes: list[tuple[int, int]]
) -> None:
    plans = plan_rungs(Profile(), *source)
    assert [(plan.width, plan.height) for plan in plans] == sizes
    names = ["720p", "480p", "360p"]
    assert [plan.name for plan in plans] == names[-len(plans) :]


def test_a_plan_carries_what_the_encoder_needs() -> None:
    (plan,) = plan_rungs(load_profile(rungs(buffer_ms=500, preset="faster")), 640, 360)
    assert (plan.bitrate_bps, plan.max_bitrate_bps, plan.buffer_bits) == (500_000, 600_000, 300_000)
    assert (plan.preset, plan.tune, plan.h264_profile) == ("faster", "zerolatency", "high")


@pytest.mark.parametrize("size", [(0, 0), (15, 720), (720, -1), (8193, 720), (10**9, 10**9)])
def test_absurd_sources_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(MediaError, match="each side must be 16 to 8192"):
        plan_rungs(Profile(), *size)


@given(
    width=st.integers(16, 8192),
    height=st.integers(16, 8192),
    heights=st.lists(st.integers(8, 1080).map(lambda half: 2 * half), min_size=1, max_size=4),
    rate=st.sampled_from(LEGAL_RATES),
)
def test_whatever_the_source_pictures_are_sane(
    width: int, height: int, heights: list[int], rate: int
) -> None:
    ladder = [
        {"name": f"r{i}", "height": h, "bitrate_bps": b, "max_bitrate_bps": b}
        for i, (h, b) in enumerate(
            zip(sorted(heights, reverse=True), range(900_000, 0, -100_000), strict=False)
        )
    ]
    profile = Profile.from_plain({"frames_per_second": rate, "rungs": ladder})
    plans = plan_rungs(profile, width, height)
    limits = {rung.name: rung.height for rung in profile.rungs}
    for plan in plans:
        assert plan.width % 2 == plan.height % 2 == 0
        assert 16 <= plan.width <= width
        assert 16 <= plan.height <= height
        assert min(plan.width, plan.height) <= max(16, limits[plan.name])
        assert max(plan.width, plan.height) <= max(16, 4 * limits[plan.name])
        if max(width, height) < 3 * min(width, height):
            assert abs(plan.width * height - plan.height * width) <= 2 * max(width, height)
        assert plan.bandwidth_bps > plan.average_bandwidth_bps > plan.bitrate_bps
