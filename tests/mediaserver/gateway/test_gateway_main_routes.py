"""Which main takes a request, and what is changed in what comes from another machine."""

from pathlib import Path
from typing import Any

import pytest

from mediaserver.gateway.main_routes import FAILED_FOR_S, MainAddress, MainRoutes
from mediaserver.gateway.remote import SAME_NS, Anchors

OWN = MainAddress(path="/run/http.sock")


@pytest.mark.parametrize(
    ("path", "port"),
    [
        ("/live/there/whip", 7),
        ("/live/there", 7),
        ("/api/v1/shows/there/products/x", 7),
        ("/live/here/whip", 0),
        ("/api/v1/viewer", 0),
        ("/whip", 0),
    ],
)
def test_a_shows_requests_go_to_its_owner(path: str, port: int) -> None:
    routes = MainRoutes(
        Path(OWN.path), secret="s", owner_of={"there": "[2001:db8::1]:7", "silent": ""}.get
    )
    there = MainAddress(host="2001:db8::1", port=7, secret="s")
    assert routes.of(path) == (there if port else OWN)
    assert there.authority == "[2001:db8::1]:7"


def test_a_main_that_failed_is_asked_later(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    routes = MainRoutes(None, mains=("a:1", "b:2"), secret="s")
    first = routes.of("/console")
    assert (first.host, "s'" in repr(first)) == ("a", False)
    routes.failed(first)
    assert routes.of("/console").host == "b"
    routes.failed(routes.of("/console"))
    assert routes.of("/console").host == "a", "better one that failed than none"
    now += FAILED_FOR_S
    assert routes.of("/console").host == "a"


def test_an_anchor_of_another_machine_is_tied_to_ours_once(broadcast: Any) -> None:
    init = broadcast().init("720p")
    utc_ns = init.anchor.utc_us * 1000
    anchors = Anchors()
    moved = anchors.local(init, now_ns=50 * SAME_NS, utc_ns=utc_ns + 10)
    assert moved.anchor.monotonic_ns == 50 * SAME_NS - 10
    assert anchors.local(init, now_ns=99 * SAME_NS, utc_ns=utc_ns) == moved
    own = Anchors().local(init, now_ns=init.anchor.monotonic_ns + 5, utc_ns=utc_ns)
    assert own == init
