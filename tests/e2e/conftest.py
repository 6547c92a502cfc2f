"""A whole server for each file of end-to-end tests, and what they watch it with."""

import os
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

import aiohttp
import pytest

from bench.chromium import CHROMIUM
from bench.hls import HlsClient
from bench.node import Node

SHOWS = {"show1": "host-key-of-the-tests", "show2": "another-key-of-the-tests"}
"""The first is the one on air; the second stays idle."""
_NODE = pytest.StashKey[Node]()


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Node]:
    """`comptoir serve` with two shows; ends well, leaves no process and logs no traceback."""
    settings = {"gateway": {"list_shows": True}}
    node = Node(folder=tmp_path_factory.mktemp("node"), shows=SHOWS, settings=settings)
    request.node.stash[_NODE] = node
    with node:
        yield node
    log = node.log()
    assert "Traceback" not in log
    assert [line for line in log.splitlines() if '"exception"' in line] == []
    assert [key for key in SHOWS.values() if key in log] == []


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def hls(http: aiohttp.ClientSession) -> HlsClient:
    return HlsClient(http)


@pytest.fixture
def chromium_here() -> None:
    """Skip where Chromium is not installed; on the build machine that is a failure."""
    if not CHROMIUM.exists():
        missing = f"{CHROMIUM} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of the server's log with every failure."""
    report = yield
    module = item.getparent(pytest.Module)
    if report.failed and module is not None and _NODE in module.stash:
        report.sections.append(("server log", module.stash[_NODE].log_end()))
    return report
