"""The few statements that must be fast: written once, compiled once, run on the driver itself.

SQLAlchemy takes forty times as long for a row; the ledger's statements go past it, inside the
transaction that `Store.write` or `Store.read` has begun. One text serves both databases:

- ``:name`` is a parameter.
- ``:name[2]`` is a list of rows of two texts, as ``(show, product) IN (:keys[2])``; of one text,
  as ``number IN (:numbers[1])``, it is a list of plain texts. One parameter whatever its length,
  and an empty list is legal.
- ``FOR UPDATE`` at the end is for PostgreSQL; SQLite's writer holds the whole database.
- A JSON column is written as `encode_json(value)` and read as ``CAST(column AS TEXT)`` through
  `decode_json`. A boolean comes back as 0 or 1 from SQLite: use `bool`.
- A ``"quoted name"`` is a column as on either database (`"offset"` must be).

On PostgreSQL a parameter without a column beside it has no type: give it one by ``CAST``.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)(?:\[(\d+)\])?")
_FOR_UPDATE = re.compile(r"\s+FOR UPDATE\s*$")

Row = Mapping[str, Any]


class Statement:
    """One statement for both databases. Make it once, in a module; it holds nothing but texts."""

    __slots__ = ("_lists", "_texts")

    def __init__(self, text: str) -> None:
        self._texts = {"sqlite": _for_sqlite(text), "postgresql": _for_postgresql(text)}
        self._lists = frozenset(
            match[1] for match in _PARAMETER.finditer(text) if match[2] is not None
        )

    def run(self, connection: Connection, row: Row) -> int:
        """Run it once: the number of rows it changed."""
        cursor = self._cursor(connection)
        try:
            cursor.execute(self._texts[connection.dialect.name], self._bound(row))
            return int(cursor.rowcount)
        finally:
            cursor.close()

    def many(self, connection: Connection, rows: Iterable[Row]) -> int:
        """Run it for each row, lists excepted: how many rows were changed in all."""
        given = rows if isinstance(rows, list) else list(rows)
        if not given:
            return 0
        cursor = self._cursor(connection)
        try:
            cursor.executemany(self._texts[connection.dialect.name], given)
            return int(cursor.rowcount)
        finally:
            cursor.close()

    def all(self, connection: Connection, row: Row) -> list[tuple[Any, ...]]:
        """Run it once: the rows it finds, or gives back (``RETURNING``)."""
        cursor = self._cursor(connection)
        try:
            cursor.execute(self._texts[connection.dialect.name], self._bound(row))
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found
        finally:
            cursor.close()

    def text(self, dialect: str) -> str:
        """What the driver of `dialect` ("sqlite", "postgresql") is given."""
        return self._texts[dialect]

    def _cursor(self, connection: Connection) -> Any:
        return connection.connection.cursor()

    def _bound(self, row: Row) -> Row:
        if not self._lists:
            return row
        return {
            name: encode_json(list(value)) if name in self._lists else value
            for name, value in row.items()
        }


def encode_json(value: Any) -> str:
    """What a JSON column is given. Both databases keep the text as it is."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def decode_json(text: str | None) -> Any:
    """What ``CAST(column AS TEXT)`` of a JSON column says; None for no value."""
    return None if text is None else json.loads(text)


def _for_sqlite(text: str) -> str:
    def parameter(match: re.Match[str]) -> str:
        name, columns = match[1], match[2]
        if columns is None:
            return f":{name}"
        if columns == "1":
            return _select("value", f"json_each(:{name})")
        values = ", ".join(f"json_extract(value, '$[{n}]')" for n in range(int(columns)))
        return _select(values, f"json_each(:{name})")

    return _PARAMETER.sub(parameter, _FOR_UPDATE.sub("", text))


def _for_postgresql(text: str) -> str:
    def parameter(match: re.Match[str]) -> str:
        name, columns = match[1], match[2]
        if columns is None:
            return f"%({name})s"
        if columns == "1":
            return _select("value", f"json_array_elements_text(CAST(%({name})s AS json))")
        values = ", ".join(f"value ->> {n}" for n in range(int(columns)))
        return _select(values, f"json_array_elements(CAST(%({name})s AS json))")

    return _PARAMETER.sub(parameter, text.replace("%", "%%"))


def _select(values: str, source: str) -> str:
    return f"SELECT {values} FROM {source}"  # noqa: S608 - of our own texts alone
