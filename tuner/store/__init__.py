"""Store: runs and samples in SQLite or PostgreSQL, through SQLAlchemy.

``Store`` (``runs.py``) starts a run, adds samples as they arrive and gives them back;
``exchange.py`` writes a run to a file and reads it again;
``documents.py`` is what a run keeps beside its samples. The schema has a version, and later
versions bring it up to date (``migrations.py``). The room knows records and nothing of what they
mean. To add a field: ``records.py``, a column in ``tables.py``, a step in ``migrations.py``, and
the round-trip test.
"""
