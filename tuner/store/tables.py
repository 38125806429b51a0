"""The tables as SQLAlchemy sees them; ``migrations.py`` brings a database to them.

Structured values (options, facts, warnings, documents) are JSON text, so that SQLite and PostgreSQL
keep them alike.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from tuner.records import ON_DEMAND

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
    Column("message", Text),
    Column("log_tail", Text),
    Column("start", String(64), nullable=False, server_default=ON_DEMAND),
    Column("code", Text, nullable=False, server_default=""),
    Column("load", Text, nullable=False, server_default=""),
    Column("payload_class", Text, nullable=False, server_default=""),
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
