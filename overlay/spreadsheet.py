"""Cells that no spreadsheet takes for a formula, and their way back.

A cell that begins with ``= + - @``, a tab or a carriage return is run by spreadsheets (CSV
injection, OWASP). An apostrophe before it makes it text, there and here; a text that begins with
apostrophes itself gets one more, so that reading gives back what was written.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence

_DANGEROUS = re.compile(r"'*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_GUARDED = re.compile(r"'('*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])")


def guarded(text: str) -> str:
    """`text` as a cell that is only ever text."""
    return f"'{text}" if _DANGEROUS.match(text) else text


def unguarded(cell: str) -> str:
    """The inverse of `guarded`. A cell that needed no guard is left as it is."""
    return cell[1:] if _GUARDED.match(cell) else cell


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A CSV file (RFC 4180), every cell guarded."""
    return lines([header]) + lines(rows)


def lines(rows: Iterable[Sequence[str]]) -> str:
    """Rows of such a file without its header."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return out.getvalue()
