"""Keys: made well, compared whole, kept as digests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.auth import KeyRing, bearer_token, new_key

RING = KeyRing({"one": "key-of-show-one-123", "two": "key-of-show-two-123", "open": ""})


def test_a_key_opens_its_own_show_alone() -> None:
    assert RING.is_host("one", "key-of-show-one-123")
    assert not RING.is_host("two", "key-of-show-one-123")
    assert RING.show_of("key-of-show-two-123") == "two"


def test_a_show_without_a_key_has_no_host() -> None:
    assert not RING.is_host("open", "")
    assert RING.show_of("") is None


def test_the_operator_key_is_no_host_key_and_without_one_nobody_is_operator() -> None:
    ring = KeyRing({"one": "key-of-show-one-123"}, operator="key-of-the-operator")
    assert ring.is_operator("key-of-the-operator")
    assert not ring.is_operator("key-of-show-one-123")
    assert not ring.is_host("one", "key-of-the-operator")
    assert not RING.is_operator("")


@given(st.text())
def test_no_other_text_opens_anything(text: str) -> None:
    if not text.startswith("key-of-show-"):
        assert RING.show_of(text) is None
        assert not RING.is_host("one", text)
        assert not RING.is_host("none", text)


def test_the_ring_does_not_show_its_keys() -> None:
    assert "key-of-show" not in repr(vars(RING))


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic abc", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("", None),
        (None, None),
    ],
)
def test_the_bearer_scheme_is_read(header: str | None, token: str | None) -> None:
    assert bearer_token(header) == token


def test_new_keys_differ_and_are_legal() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(len(key) >= 32 for key in keys)
