"""Alembic's entry: it hands over the connection that ``tuner.store.tables`` has opened."""

from alembic import context

from tuner.store.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite cannot alter a column in place
)
context.run_migrations()
