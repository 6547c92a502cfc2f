"""``comptoir verify SHOW``: the proof of a show, printed."""

import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from mediaserver.config import Config
from mediaserver.errors import ComptoirError
from overlay.errors import StoreUnavailable
from overlay.store.engine import Store
from overlay.verify.report import Checked, UnknownShow, prove

_LOG_LAG_S = 0.5
_TRIES = 3


class NotProven(ComptoirError):
    """The show's log and ledger do not bear each other out; the message says how."""

    code = "not_proven"


def run_verify(config: Config, show: str) -> None:
    """Check `show` and print what was found; the server may be running.

    Raises `NotProven`, and where there is nothing to read `ComptoirError`.
    """
    location = config.shop_database
    if not isinstance(location, str) and not location.exists():
        raise NotProven(f"There is no shop's database {location} to verify.")
    try:
        store = Store.open_to_read(location)
        try:
            checks = _proved(store, show)
        finally:
            store.close()
    except (StoreUnavailable, UnknownShow) as exc:
        raise NotProven(str(exc)) from None
    _print(show, checks)
    findings = [finding for check in checks for finding in check.findings]
    if findings:
        raise NotProven(f"{show} is not proven: {len(findings)} findings.")


def _proved(store: Store, show: str) -> Sequence[Checked]:
    """The checks; again where only the log is behind, for it may be about to be told."""
    for _ in range(_TRIES - 1):
        checks = prove(store, show)
        found = [check for check in checks if check.findings]
        if not found or not all(check.of_the_log for check in found):
            return checks
        time.sleep(_LOG_LAG_S)
    return prove(store, show)


def _print(show: str, checks: Sequence[Checked]) -> None:
    console = Console()
    table = Table(title=f"{show}: log and ledger", title_justify="left")
    for column in ("promise", "looked at", "kept"):
        table.add_column(column)
    for check in checks:
        table.add_row(check.promise, check.looked_at, "no" if check.findings else "yes")
    console.print(table)
    for check in checks:
        for finding in check.findings:
            console.print(f"· {finding}", highlight=False, markup=False, soft_wrap=True)
