"""Bringing a database to the schema of this version, and refusing what is not ours.

A store that is up to date costs one small query; Alembic is imported only when there is a
migration to run. Two processes that open a new store at once take turns.
"""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from tuner.errors import StoreError
from tuner.store.connect import transaction
from tuner.store.tables import SCHEMA, VERSION_TABLE, metadata

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"

#: How long to wait for another process that migrates a store with many samples, seconds.
_WAIT_S = 60.0

# Any number will do, as long as every tuner takes the same one.
_POSTGRES_LOCK = 7_478_657_220


def ensure(engine: Engine, where: str) -> None:
    """Create or upgrade the tables. Raises :class:`StoreError` for a newer or foreign store."""
    if version(engine) == SCHEMA:
        return
    with transaction(engine, writes=True, wait_s=_WAIT_S) as connection:
        take_turn(connection)
        _upgrade(connection, where)


def take_turn(connection: Connection) -> None:
    """Wait until no other process migrates; who may write an SQLite file has its turn already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_POSTGRES_LOCK})"))


def version(engine: Engine) -> str | None:
    """Read the schema version of a database; ``None`` if it has none."""
    with engine.connect() as connection, suppress(OperationalError, ProgrammingError):
        found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
        return None if found is None else str(found)
    return None


def _upgrade(connection: Connection, where: str) -> None:
    from alembic import command
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    options = {"version_table": VERSION_TABLE}
    found = MigrationContext.configure(connection, opts=options).get_current_revision()
    config = _config(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is None:
        _refuse_foreign(connection, where)
    elif found not in known:
        reason = f"a newer tuner wrote it (schema {found}; this one knows up to {SCHEMA})"
        raise StoreError(where, reason, "Upgrade with: pip install --upgrade tuner")
    command.upgrade(config, "head")


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _refuse_foreign(connection: Connection, where: str) -> None:
    """A PostgreSQL database may be shared, a file is one program's; our names must be free."""
    present = set(inspect(connection).get_table_names())
    clash = present & set(metadata.tables)
    if not clash and (not present or connection.dialect.name == "postgresql"):
        return
    named = ", ".join(sorted(clash or present)[:3])
    reason = f"it belongs to another program (tables {named})"
    raise StoreError(where, reason, "Name another file or database with --store.")
