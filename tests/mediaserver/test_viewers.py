"""Viewers' tokens: ours are read, nobody else's; the secret stays."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.errors import StartError
from mediaserver.viewers import ViewerTokens, load_secret

TOKENS = ViewerTokens(b"a" * 32)


def test_a_token_is_read_back_and_names_one_viewer() -> None:
    tokens = [TOKENS.new() for _ in range(100)]
    assert len({TOKENS.viewer(token) for token in tokens} - {None}) == 100


def test_another_secret_signs_other_tokens() -> None:
    assert TOKENS.viewer(ViewerTokens(b"b" * 32).new()) is None


@given(st.integers(0, 200), st.characters())
def test_a_token_with_another_character_is_no_token(at: int, character: str) -> None:
    token = TOKENS.new()
    at %= len(token)
    changed = token[:at] + character + token[at + 1 :]
    if changed != token:
        assert TOKENS.viewer(changed) is None


@given(st.text())
def test_no_text_is_a_token(text: str) -> None:
    assert TOKENS.viewer(text) is None


def test_the_secret_is_made_once_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    secret = load_secret(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(secret) == 32
    assert load_secret(path) == secret


def test_a_secret_that_cannot_be_had_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"abc")
    with pytest.raises(StartError, match="damaged"):
        load_secret(tmp_path / "short")
    with pytest.raises(StartError, match="No such file"):
        load_secret(tmp_path / "none" / "secret")
