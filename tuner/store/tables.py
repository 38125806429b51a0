"""The tables as SQLAlchemy sees them, and bringing a database to them or refusing what is not ours.

The migrations build these tables; a test holds the two together. Structured values (options,
facts, warnings, documents) are JSON text, so that SQLite and PostgreSQL keep them alike. A store
that is up to date costs one small query; Alembic is imported only when there is a migration to
run. Two processes that open a new store at once take turns.
"""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    inspect,
)
from sqlalchemy import text as sql
from sqlalchemy.exc import OperationalError, ProgrammingError

from tuner.errors import StoreError
from tuner.store.connect import transaction

if TYPE_CHECKING:
    from alembic.config import Config


from tuner.records import ON_DEMAND

#: The newest migration in ``migrations/versions``; a store of this version needs no Alembic.
SCHEMA = "0004"

#: Our own name, since the database may be shared with a program that uses Alembic as well.
VERSION_TABLE = "tuner_schema"

# SQLite hands out row numbers for INTEGER PRIMARY KEY only, and those are 64 bits wide.
_KEY = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData()

runs = Table(
    "tuner_runs",
    metadata,
    Column("id", _KEY, primary_key=True),
    Column("run", String(64), nullable=False),
    Column("command", String(32), nullable=False),
    Column("target", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("started_at", Float(53), nullable=False),
    Column("finished_at", Float(53)),
    Column("options", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("warnings", Text, nullable=False),
    Column("note", Text),
    Column("owner", Text),  # JSON: the process that writes the run; NULL once it is finished
    UniqueConstraint("run", name="tuner_runs_run_key"),
)

samples = Table(
    "tuner_samples",
    metadata,
    Column("id", _KEY, primary_key=True),  # order of arrival
    Column("run_id", _KEY, ForeignKey("tuner_runs.id", ondelete="CASCADE"), nullable=False),
    Column("call", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("round", Integer, nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("memory_mb", Integer, nullable=False),
    Column("arch", String(16), nullable=False),
    Column("qualifier", String(256)),
    Column("outcome", String(32), nullable=False),
    Column("due_s", Float(53), nullable=False),
    Column("sent_s", Float(53), nullable=False),
    Column("first_byte_s", Float(53)),
    Column("done_s", Float(53), nullable=False),
    Column("status", Integer),
    Column("reason", Text),
    Column("retry_after_s", Float(53)),
    Column("request_id", Text),
    Column("duration_ms", Float(53)),
    Column("billed_ms", Float(53)),
    Column("init_ms", Float(53)),
    Column("restore_ms", Float(53)),
    Column("billed_restore_ms", Float(53)),
    Column("max_memory_mb", Float(53)),
    Column("payload", Integer),
    Column("backoff_ms", Float(53)),
    Column("start", String(64), nullable=False, server_default=ON_DEMAND),
    Column("code", Text, nullable=False, server_default=""),
    Column("load", Text, nullable=False, server_default=""),
    Index("tuner_samples_run", "run_id", "id"),
)

documents = Table(
    "tuner_documents",
    metadata,
    Column("run_id", _KEY, ForeignKey("tuner_runs.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("body", Text, nullable=False),
)

#: Whole runs of a suite. What is not there ("no environment", "no branch") is an empty text.
benches = Table(
    "tuner_benches",
    metadata,
    Column("id", _KEY, primary_key=True),
    Column("bench", String(64), nullable=False),
    Column("suite", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("branch", Text, nullable=False),
    Column("commit_id", String(64), nullable=False),
    Column("started_at", Float(53), nullable=False),
    Column("finished_at", Float(53), nullable=False),
    Column("verdict", String(32)),
    Column("document", Text, nullable=False),
    UniqueConstraint("bench", name="tuner_benches_bench_key"),
)

#: Every acceptance there was; the latest of a case, environment and branch is its baseline.
baselines = Table(
    "tuner_baselines",
    metadata,
    Column("id", _KEY, primary_key=True),
    Column("suite", Text, nullable=False),
    Column("case_name", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("branch", Text, nullable=False),
    Column("run", String(64), nullable=False),  # may have been deleted since
    Column("control_run", String(64)),
    Column("commit_id", String(64), nullable=False),
    Column("accepted_at", Float(53), nullable=False),
    Column("accepted_by", Text, nullable=False),
    Column("why", Text),
)


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
        connection.execute(sql(f"SELECT pg_advisory_xact_lock({_POSTGRES_LOCK})"))


def version(engine: Engine) -> str | None:
    """Read the schema version of a database; ``None`` if it has none."""
    with engine.connect() as connection, suppress(OperationalError, ProgrammingError):
        found = connection.execute(sql(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
        return None if found is None else str(found)
    return None


def _upgrade(connection: Connection, where: str) -> None:
    from alembic import command
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    options = {"version_table": VERSION_TABLE}
    found = MigrationContext.configure(connection, opts=options).get_current_revision()
    config = alembic_config(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is None:
        _refuse_foreign(connection, where)
    elif found not in known:
        reason = f"a newer tuner wrote it (schema {found}; this one knows up to {SCHEMA})"
        raise StoreError(where, reason, "Upgrade with: pip install --upgrade tuner")
    command.upgrade(config, "head")


def alembic_config(connection: Connection) -> "Config":
    """Return Alembic's configuration for our migrations on this connection."""
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
    raise StoreError(where, reason, "Choose another file or database with --store.")
