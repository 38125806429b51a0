"""The history of the schema, run by Alembic from ``tuner.store.schema``; never by hand."""
