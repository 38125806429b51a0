"""The history of the schema, run by Alembic from ``tuner.store.tables``; never by hand."""
