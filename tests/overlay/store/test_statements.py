"""One text, two databases, the same rows: the statements that run past SQLAlchemy."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from overlay.errors import StoreUnavailable
from overlay.store.database import RuleBroken
from overlay.store.engine import Store
from overlay.store.schema import log
from overlay.store.statements import Statement, decode_json, encode_json

PUT = Statement(
    'INSERT INTO log (show, "offset", version, utc_us, type, data)'
    " VALUES (:show, :offset, 1, :utc_us, 'order', :data)"
)
LINES = Statement(
    'SELECT show, "offset", CAST(data AS TEXT) FROM log WHERE show IN (:shows[1])'
    ' ORDER BY show, "offset"'
)


def row(show: str, offset: int, **changes: Any) -> dict[str, Any]:
    return {"show": show, "offset": offset, "utc_us": 5, "data": "{}", **changes}


def test_rows_go_in_and_come_out(store: Store) -> None:
    said = {"name": "Crémant 100 % :name", "null": "\x00", "n": 2**60, "list": [None, True]}
    with store.write() as connection:
        assert PUT.run(connection, row("demo", 1, data=encode_json(said))) == 1
        assert PUT.many(connection, (row("demo", n) for n in range(2, 500))) == 498
        assert PUT.many(connection, []) == 0
    with store.read() as connection:
        found = LINES.all(connection, {"shows": ["demo", "demo", "other"]})
        as_core_sees_it = connection.execute(select(log.c.data).limit(1)).scalar_one()
    assert len(found) == 499
    assert found[0][:2] == ("demo", 1)
    assert decode_json(found[0][2]) == said == as_core_sees_it
    assert decode_json(None) is None


def test_lists_of_keys(store: Store) -> None:
    pairs = Statement(
        'SELECT show FROM log WHERE (show, type) IN (:keys[2]) ORDER BY "offset" FOR UPDATE'
    )
    odd = 'it\'s a "show", %s :show \\ ?'
    with store.write() as connection:
        PUT.many(connection, [row(odd, 1), row("b", 2), row("c", 3)])
        assert pairs.all(connection, {"keys": []}) == []
        assert LINES.all(connection, {"shows": []}) == []
        keys = [(odd, "order"), ("b", "order"), ("c", "cue")]
        assert pairs.all(connection, {"keys": keys}) == [(odd,), ("b",)]


def test_a_statement_that_fails_undoes_the_transaction(store: Store) -> None:
    def twice() -> None:
        with store.write() as connection:
            PUT.run(connection, row("demo", 1))
            PUT.run(connection, row("demo", 1))

    with pytest.raises(RuleBroken, match=r"(?i)unique"):
        twice()
    with store.write() as connection:
        assert LINES.all(connection, {"shows": ["demo"]}) == []


def test_nonsense_is_said_in_words(store: Store) -> None:
    nonsense = Statement("SELECT 1 FROM nowhere")
    with pytest.raises(StoreUnavailable, match=r"cannot be read: .*nowhere"), store.read() as it:
        nonsense.all(it, {})
    with store.read() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_what_the_driver_is_given(dialect: str) -> None:
    statement = Statement("SELECT a::text, '50 %' FROM b WHERE (c, d) IN (:keys[2]) AND e = :e_1")
    wanted = {
        "sqlite": "SELECT a::text, '50 %' FROM b WHERE (c, d) IN (SELECT json_extract(value, "
        "'$[0]'), json_extract(value, '$[1]') FROM json_each(:keys)) AND e = :e_1",
        "postgresql": "SELECT a::text, '50 %%' FROM b WHERE (c, d) IN (SELECT value ->> 0, "
        "value ->> 1 FROM json_array_elements(CAST(%(keys)s AS json))) AND e = %(e_1)s",
    }
    assert statement.text(dialect) == wanted[dialect]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_json_is_what_it_was(value: Any) -> None:
    assert decode_json(encode_json(value)) == value
