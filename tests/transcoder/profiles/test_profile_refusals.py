"""Whatever is wrong with a value, the sentence has its path and what is legal there."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.errors import ProfileError
from transcoder.profiles import Profile

RUNG = {"name": "a", "height": 360, "bitrate_bps": 500_000, "max_bitrate_bps": 600_000}
BITRATE = (50_000, 50_000_000)
BOUNDS = {
    "idr_interval_s": (1, 6),
    "segment_s": (1, 12),
    "hold_ms": (0, 1000),
    "slate_after_ms": (500, 60_000),
    "audio.bitrate_bps": (32_000, 320_000),
    "audio.channels": (1, 2),
    "rungs.0.height": (16, 4320),
    "rungs.0.bitrate_bps": BITRATE,
    "rungs.0.max_bitrate_bps": BITRATE,
    "rungs.0.buffer_ms": (100, 4000),
    "overload.restore_after_s": (5, 600),
    "on_pin.boost_percent": (0, 200),
    "on_pin.boost_ms": (100, 10_000),
    "pictures.poster_every_s": (0, 600),
    "pictures.poster_height": (90, 2160),
    "pictures.thumbnail_every_s": (0, 600),
    "pictures.thumbnail_height": (36, 360),
}
CHOICES = {
    "scaler": ("fast_bilinear", "bilinear", "bicubic", "area", "lanczos", "spline"),
    "passthrough": ("auto", "always", "never"),
    "overload.shed.0": ("top_rung", "frame_rate", "single_rung"),
    "rungs.0.codec": ("h264", "hevc", "av1"),
    "rungs.0.encoder": ("libx264", "libsvtav1", "h264_nvenc", "av1_qsv"),
    "rungs.0.tune": ("zerolatency",),
    "rungs.0.h264_profile": ("baseline", "main", "high"),
    "on_demand": ("true", "false"),
    "on_pin.keyframe": ("true", "false"),
    "frames_per_second": ("5", "24", "25", "30", "60"),
}
MAPPINGS = {
    "": ("name", "frames_per_second", "rungs", "overload"),
    "slate": ("text", "picture", "font"),
    "audio": ("bitrate_bps", "channels"),
    "rungs.0": ("name", "height", "bitrate_bps", "encoder"),
    "overload": ("shed", "restore_after_s"),
    "on_pin": ("keyframe", "boost_percent", "boost_ms"),
    "pictures": ("poster_every_s", "thumbnail_height"),
}
junk = st.one_of(
    st.floats(),
    st.text(max_size=8).map(lambda text: f"~{text}"),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.integers(), st.none(), max_size=2),
)
"""What no key of a number or a choice takes."""


def refusal(path: str, value: object) -> str:
    """What is said of `path` where it has this value."""
    plain: dict[str, Any] = {"rungs": [dict(RUNG)], "overload": {"shed": ["top_rung"]}}
    *outer, last = path.split(".")
    place: Any = plain
    for step in outer:
        place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
    place[int(last) if isinstance(place, list) else last] = value
    with pytest.raises(ProfileError) as caught:
        Profile.from_plain(plain)
    begins = f"In the profile: {path}: "
    (line,) = [line for line in str(caught.value).split("\n") if line.startswith(begins)]
    return line.removeprefix(begins)


@given(path=st.sampled_from(sorted(BOUNDS)), value=st.data())
def test_whatever_is_no_legal_number_is_told_the_bounds(path: str, value: st.DataObject) -> None:
    low, high = BOUNDS[path]
    outside = st.one_of(st.integers(max_value=low - 1), st.integers(min_value=high + 1))
    said = refusal(path, value.draw(junk | outside | st.booleans() | st.none()))
    assert said.startswith("it must be ")
    assert f"{low} to {high} (given: " in said


@given(path=st.sampled_from(sorted(CHOICES)), value=junk)
def test_whatever_is_no_choice_is_told_the_choices(path: str, value: object) -> None:
    said = refusal(path, value)
    assert said.startswith("it must be ")
    assert all(choice in said for choice in CHOICES[path])


@given(path=st.sampled_from(sorted(filter(None, MAPPINGS))), value=st.text(max_size=8) | st.none())
def test_whatever_is_no_mapping_is_told_the_keys(path: str, value: object) -> None:
    said = refusal(path, value)
    assert said.startswith("it must be a mapping of the keys ")
    assert all(key in said for key in MAPPINGS[path])


@given(path=st.sampled_from(sorted(MAPPINGS)), key=st.from_regex("[a-z ]{1,60}~", fullmatch=True))
def test_an_unknown_key_is_told_those_that_there_are(path: str, key: str) -> None:
    said = refusal(f"{path}.{key}" if path else key, 3)
    assert said.startswith("there is no such key; ")
    assert all(known in said.partition("keys here are ")[2] for known in MAPPINGS[path])


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("frame_per_second", "frames_per_second"),
        ("rung", "rungs"),
        ("pictures.poster_heigth", "poster_height"),
        ("rungs.0.bitrate", "bitrate_bps"),
        ("overload.restore", "restore_after_s"),
    ],
)
def test_the_key_that_was_probably_meant_comes_first(key: str, meant: str) -> None:
    assert refusal(key, 3).startswith(f"there is no such key; did you mean {meant}? The keys here ")


def test_a_key_of_many_lines_or_letters_stays_one_line() -> None:
    for key in ("a\nIn the profile: b", "bitrate" * 10_000):
        with pytest.raises(ProfileError) as caught:
            Profile.from_plain({key: 1})
        assert "\n" not in str(caught.value)
        assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "legal"),
    [
        (3, "it must be a text of 1 to 40 characters"),
        ("", "it must be a text of 1 to 40 characters"),
        ("x" * 41, "it must be a text of 1 to 40 characters"),
    ],
)
def test_a_text_is_told_its_length(value: object, legal: str) -> None:
    assert refusal("name", value).startswith(legal)
    assert refusal("slate.text", 3).startswith("it must be a text of at most 100 characters")
    assert refusal("slate.font", 3).startswith("it must be a text, or null")


def test_lists_are_told_their_items() -> None:
    assert refusal("overload.shed", 3).startswith(
        "it must be a list, each item 'top_rung', 'frame_rate' or 'single_rung'"
    )
    assert refusal("rungs.0.preset", 1.5).startswith(
        "it must be a preset of the rung's encoder, such as superfast for libx264, "
    )
