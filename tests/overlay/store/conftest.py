"""A store on each kind of database."""

from collections.abc import Iterator

import pytest

from overlay.store.database import Location
from overlay.store.engine import Store


@pytest.fixture
def store(database: Location) -> Iterator[Store]:
    store = Store.open(database)
    yield store
    store.close()
