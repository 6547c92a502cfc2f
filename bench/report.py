"""What a bench prints: a table for people, then one JSON object as its last line."""

import json
import math
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from bench.machine import VOID_BELOW_IDLE_SHARE, machine_line

Figure = float | int | None

FILE_WIDTH = 120
"""Columns of a table that goes to no terminal."""


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that `share` (0 to 1) of all do not exceed.

    Raises `ValueError` where there is no value.
    """
    if not values:
        raise ValueError("no value was measured")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def print_report(
    *,
    bench: str,
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    figures: Mapping[str, Figure],
) -> None:
    """Print the table, a warning when the run is void, and the JSON line."""
    console = Console(width=None if sys.stdout.isatty() else FILE_WIDTH)
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    machine = machine_line()
    idle = figures.get("idle_share")
    line = f"{machine}; idle {idle:.0%}" if idle is not None else machine
    console.print(line, highlight=False, soft_wrap=True)
    if idle is not None and idle < VOID_BELOW_IDLE_SHARE:
        console.print(
            f"[bold red]This run is void:[/] less than {VOID_BELOW_IDLE_SHARE:.0%} of the machine "
            "was idle."
        )
    rounded = {
        key: round(value, 3) if isinstance(value, float) else value
        for key, value in figures.items()
    }
    print(json.dumps({"bench": bench, "machine": machine, "figures": rounded}), flush=True)
