"""CSV files as rows by heading: comma, semicolon or tab, whichever the headings are parted by."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from overlay.catalog.imports import rows
from overlay.catalog.imports.rows import NoImport

MAX_COLUMNS = 400
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One record. A cell that is not there is empty."""

    number: int
    """As spreadsheets count: the headings are row 1."""
    cells: Mapping[str, str]

    def get(self, *headings: str) -> str:
        """The first of these cells that says something; headings in lower case."""
        return next((self.cells[name] for name in headings if self.cells.get(name)), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A file's records."""

    headings: Sequence[str]
    """In lower case."""
    rows: Sequence[TableRow]

    def has(self, *headings: str) -> bool:
        """Whether there is a column of one of these names."""
        return any(name in self.headings for name in headings)


def read(content: bytes, *, needs: Sequence[Sequence[str]]) -> Table:
    """The records. `needs` are the columns that must be there, each under one of its names.

    Raises `NoImport`.
    """
    source = rows.decoded(content)
    first = source.lstrip("\r\n").split("\n", 1)[0][: rows.MAX_FIELD_CHARS]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(source, newline=""), delimiter=delimiter, strict=True)
    records: list[TableRow] = []
    headings: list[str] | None = None
    number = 0
    try:
        for record in reader:
            number += 1
            if not any(cell.strip() for cell in record):
                continue
            if headings is None:
                headings = _headings(record, needs)
                continue
            rows.refuse_many(len(records) + 1)
            records.append(_row(number, headings, record))
    except csv.Error as exc:
        raise NoImport(f"The file is no CSV: row {number + 1}: {exc}.") from None
    if headings is None:
        raise NoImport("The file is empty.")
    return Table(headings=headings, rows=records)


def _headings(record: Sequence[str], needs: Sequence[Sequence[str]]) -> list[str]:
    if len(record) > MAX_COLUMNS:
        raise NoImport(f"The file has more than {MAX_COLUMNS} columns.")
    headings = [" ".join(name.split()).lower() for name in record]
    for names in needs:
        if not any(name in headings for name in names):
            raise NoImport(f"The file has no column “{names[0]}”; perhaps it is in another format.")
    twice = next((name for name in headings if name and headings.count(name) > 1), None)
    if twice is not None:
        raise NoImport(f"The file has the column “{twice[:60]}” twice.")
    return headings


def _row(number: int, headings: Sequence[str], record: Sequence[str]) -> TableRow:
    if len(record) > len(headings):
        raise NoImport(f"Row {number} has more cells than there are headings.")
    return TableRow(number=number, cells=dict(zip(headings, record, strict=False)))
