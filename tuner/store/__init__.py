"""Store: runs and samples in SQLite or PostgreSQL, through SQLAlchemy.

Every sample is written as it arrives; the schema is versioned with Alembic and read again by
later versions. It knows records and nothing of what they mean. To add a field: ``records.py``,
a column, a migration, and the round-trip test.
"""
