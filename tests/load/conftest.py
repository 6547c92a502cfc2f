"""A gateway under a crowd: the real process, fed by the bench's feeder, and the load generator."""

import os
from pathlib import Path

import pytest

from bench.fanout import build


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the bench's C programs are built."""
    if (reason := build.missing()) is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return tmp_path_factory.mktemp("programs")
