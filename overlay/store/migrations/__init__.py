"""The steps from an older schema to `overlay.store.schema`, one file each in `versions`.

Alembic runs them, `env` tells it how; both inside the caller's transaction, so a step that fails
leaves the database as it was.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, inspect, text

from overlay.errors import StoreUnavailable

NEWEST = "0002"
"""The revision of `overlay.store.schema`: a database that has it needs no Alembic to open."""


def upgrade(connection: Connection, *, to: str = "head") -> None:
    """Bring the database behind `connection` to the newest schema, or to the revision `to`.

    Raises `StoreUnavailable` where it is from a newer version than this one.
    """
    if to == "head" and _is_newest(connection):
        return
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    try:
        current = MigrationContext.configure(connection).get_current_revision()
    except CommandError as exc:
        raise StoreUnavailable(f"The shop's database does not say its version: {exc}") from exc
    if current is not None and current not in known:
        raise StoreUnavailable(
            f"The shop's database was written by a newer Comptoir (schema {current}): "
            "run that version, or restore an older copy."
        )
    command.upgrade(config, to)


def refuse_another(connection: Connection) -> None:
    """Raise `StoreUnavailable` where the database has not just the newest schema."""
    if not _is_newest(connection):
        raise StoreUnavailable(
            f"The shop's database does not have the schema {NEWEST} of this version: it is only "
            "read here, so start the server once to bring it up to date, or take the Comptoir "
            "that wrote it."
        )


def _is_newest(connection: Connection) -> bool:
    if not inspect(connection).has_table("alembic_version"):
        return False
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    return found == [NEWEST]
