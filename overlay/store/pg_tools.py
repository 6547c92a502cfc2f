"""PostgreSQL's own programs for a copy and the way back: `pg_dump` and `pg_restore`.

They must be at least as new as the server. The password goes to them by the environment, where
other users of the machine cannot see it.
"""

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import make_url

from overlay.errors import StoreUnavailable

TIMEOUT_S = 4 * 3600.0

_DEBIAN = Path("/usr/lib/postgresql")


def dump(address: str, target: Path) -> None:
    """One consistent view of the database, while it is written. Raises `StoreUnavailable`."""
    _run("pg_dump", address, ["--format=custom", "--no-owner", "--no-acl", f"--file={target}"])


def load(source: Path, address: str) -> None:
    """Put what was dumped in the place of what is there, or change nothing.

    Raises `StoreUnavailable`.
    """
    how = ["--clean", "--if-exists", "--no-owner", "--no-acl", "--single-transaction"]
    _run("pg_restore", address, [*how, "--exit-on-error", str(source)])


def _run(program: str, address: str, arguments: list[str]) -> None:
    url = make_url(address).set(drivername="postgresql")
    environment = dict(os.environ)
    if url.password:
        environment["PGPASSWORD"] = url.password
    shown = url.set(password=None).render_as_string()
    # pg_restore names the database so, pg_dump takes it too
    command = [_found(program), "--no-password", f"--dbname={shown}", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - a program of PostgreSQL's, our own arguments
            command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise StoreUnavailable(f"{program} did not end in {TIMEOUT_S:g} s.") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise StoreUnavailable(f"{program} failed: {lines[0].strip().rstrip('.')}.")


def _found(program: str) -> str:
    """On the path, or where Debian keeps the newest."""
    if (found := shutil.which(program)) is not None:
        return found
    kept = sorted(_DEBIAN.glob(f"*/bin/{program}"), key=lambda path: float(path.parts[-3]))
    if not kept:
        raise StoreUnavailable(
            f"{program} is not installed; PostgreSQL's client programs have it (on Debian: "
            "postgresql-client)."
        )
    return str(kept[-1])
