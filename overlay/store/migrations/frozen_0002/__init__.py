"""The tables as migration 0002 leaves them: a copy of `overlay.store.schema` as it was then.

Never changed once released, whatever becomes of the schema: a later change is a later migration.
"""

from overlay.store.migrations.frozen_0002 import goods, hooks, ledger, offers, show
from overlay.store.migrations.frozen_0002.base import metadata as metadata

__all__ = ["goods", "hooks", "ledger", "metadata", "offers", "show"]
