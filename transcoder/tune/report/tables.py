"""HTML tables that can be scrolled on a phone and by keyboard. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, slots=True)
class Column:
    """A column's head, and whether it holds text (left) or numbers (right)."""

    head: str
    text: bool = False


def table(caption: str, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column names its rows. Everything is escaped here."""
    heads = "".join(
        f'<th scope="col"{_side(column)}>{escape(column.head)}</th>' for column in columns
    )
    body = "".join(f"<tr>{_cells(columns, row)}</tr>" for row in rows)
    name = escape(caption, quote=True)
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{name}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _cells(columns: Sequence[Column], row: Sequence[str]) -> str:
    first, *rest = row
    cells = [f'<th scope="row">{escape(first)}</th>']
    cells += [
        f"<td{_side(column)}>{escape(value)}</td>"
        for column, value in zip(columns[1:], rest, strict=True)
    ]
    return "".join(cells)


def _side(column: Column) -> str:
    return ' class="t"' if column.text else ""
