"""Requests for an event socket: since, subprotocol, Origin."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.gateway.event_request import (
    BadEventRequest,
    Since,
    choose_subprotocol,
    origin_allowed,
    parse_since,
    viewer_token,
)
from mediaserver.viewers import ViewerTokens


@given(
    cookie=st.none()
    | st.text()
    | st.text(st.characters(max_codepoint=127))
    | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape"))
)
def test_only_what_can_be_sent_on_is_a_viewers_token(cookie: str | None) -> None:
    token = viewer_token(cookie)
    assert token in (None, cookie)
    if token is not None:
        assert 1 <= len(token.encode()) <= 128
        assert token.isprintable()


def test_a_token_of_ours_is_one() -> None:
    ours = ViewerTokens(b"s" * 32).new()
    assert viewer_token(ours) == ours
    assert viewer_token("x" * 128) == "x" * 128
    for other in ("", "x" * 129, "a b", "a\n", "\udcff", "é"):
        assert viewer_token(other) is None


def test_since() -> None:
    assert parse_since([]) is None
    assert parse_since(["log.1_-Z:0"]) == Since(epoch="log.1_-Z", offset=0)
    assert parse_since(["a:4711"]) == Since(epoch="a", offset=4711)


@pytest.mark.parametrize(
    "values",
    [
        [""],
        ["a"],
        ["a:"],
        [":1"],
        ["a:01"],
        ["a:-1"],
        ["a:1.0"],
        ["a:1 "],
        ["a:1\n"],
        ["a:١"],
        ["a:1:2"],
        ["a:9999999999999999"],
        ["a" * 65 + ":1"],
        ["a:1", "a:1"],
    ],
)
def test_bad_since(values: list[str]) -> None:
    with pytest.raises(BadEventRequest, match=r"since is one"):
        parse_since(values)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=2))
def test_any_since_is_read_or_refused(values: list[str]) -> None:
    try:
        since = parse_since(values)
    except BadEventRequest:
        return
    assert since is not None
    assert f"{since.epoch}:{since.offset}" == values[0]


def test_subprotocols() -> None:
    assert choose_subprotocol(None) is None
    assert choose_subprotocol("comptoir.v1.json") == "comptoir.v1.json"
    assert choose_subprotocol("x, comptoir.v1.msgpack,comptoir.v1.json") == "comptoir.v1.msgpack"
    for header in ("", "x", "comptoir.v2.json", ",,"):
        with pytest.raises(BadEventRequest, match=r"comptoir\.v1\.json and"):
            choose_subprotocol(header)


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, "a.example", True),
        ("http://a.example", "a.example", True),
        ("https://a.example", "a.example", True),
        ("https://A.Example", "a.example:443", True),
        ("http://a.example:8080", "a.example:8080", True),
        ("http://[::1]:8080", "[::1]:8080", True),
        ("https://shop.example", "a.example", True),
        ("https://shop.example:443", "a.example", True),
        ("http://shop.example", "a.example", False),
        ("https://shop.example:444", "a.example", False),
        ("http://a.example", "a.example:8080", False),
        ("http://a.example:8080", "a.example", False),
        ("http://b.example", "a.example", False),
        ("http://a.example.evil.example", "a.example", False),
        ("http://a.example@evil.example", "a.example", False),
        ("http://a.example/x", "a.example", False),
        ("null", "a.example", False),
        ("", "", False),
        ("http://", "", False),
        ("file://a.example", "a.example", False),
        ("http://a.example:x", "a.example:x", False),
        ("http://a.example", "evil@a.example", False),
        ("http://[", "[", False),
    ],
)
def test_origins(origin: str | None, host: str, allowed: bool) -> None:
    assert origin_allowed(origin, host, ("https://shop.example",)) is allowed


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_origin_is_judged(origin: str, host: str) -> None:
    if origin_allowed(origin, host, ()):
        assert origin.lower().startswith(("http://", "https://"))
