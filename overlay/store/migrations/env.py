"""Run by Alembic for every command: use the connection that `upgrade` hands over."""

from alembic import context

from overlay.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
