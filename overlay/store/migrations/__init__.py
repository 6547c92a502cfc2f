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
from sqlalchemy import Connection

from overlay.errors import StoreUnavailable


def upgrade(connection: Connection) -> None:
    """Bring the database behind `connection` to the newest schema.

    Raises `StoreUnavailable` where it is from a newer version than this one.
    """
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
    command.upgrade(config, "head")
