"""What holds for every test."""

from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

# A machine that is busy is no counter-example.
settings.register_profile("comptoir", settings.default, deadline=None)
settings.load_profile("comptoir")


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A command under test may set up logs for its process, which here is everybody's."""
    found = structlog.get_config()
    yield
    structlog.configure(**found)
