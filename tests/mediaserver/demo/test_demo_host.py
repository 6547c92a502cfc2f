import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.demo import host


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_grow_and_stay_bounded(failures: int, luck: float) -> None:
    pause = host.pause_s(failures, luck=luck)
    assert host.FIRST_PAUSE_S / 2 <= pause <= host.LONGEST_PAUSE_S
    assert host.pause_s(failures + 1, luck=luck) >= pause


@pytest.mark.parametrize(
    ("status", "again"),
    [(400, False), (401, False), (403, False), (404, False), (406, False), (409, True),
     (429, True), (500, True), (502, True), (503, True)],
)  # fmt: skip
def test_only_what_may_pass_is_tried_again(status: int, again: bool) -> None:
    assert host.worth_retrying(status) is again


def test_without_a_key_there_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(host.KEY_VARIABLE, raising=False)
    assert host.main(["--url", "http://127.0.0.1:1/live/demo/whip"]) == 2
    assert capsys.readouterr().err == "Set COMPTOIR_DEMO_KEY to the show's host key.\n"


@pytest.mark.parametrize(
    ("option", "value"),
    [("--size", "1280"), ("--size", "x720"), ("--size", "1281x720"), ("--size", "64x64"),
     ("--fps", "0"), ("--fps", "ninety"), ("--fps", "61")],
)  # fmt: skip
def test_bad_options_are_refused_in_words(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        host.main(["--url", "http://127.0.0.1:1/", option, value])
    assert exit_.value.code == 2
    assert repr(value) in capsys.readouterr().err
