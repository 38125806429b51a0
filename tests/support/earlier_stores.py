"""The tables of stores as earlier versions made them, for tests that bring them up to date.

These stay as they are; a new version of the schema adds what it changed.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
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

#: Every version that there was, the oldest first.
VERSIONS = ("0001", "0002", "0003", "0004")

KEY = BigInteger().with_variant(Integer(), "sqlite")
NUMBER = Float(53)


def make_tables(connection: Connection, version: str) -> None:
    """Make the tables of this version, and say that they are."""
    metadata = MetaData()
    _runs(metadata)
    _samples(metadata, version)
    _documents(metadata)
    if version >= "0003":
        _suites(metadata)
    schema = Table("tuner_schema", metadata, Column("version_num", String(32), primary_key=True))
    metadata.create_all(connection)
    connection.execute(schema.insert().values(version_num=version))


def _runs(metadata: MetaData) -> None:
    Table(
        "tuner_runs",
        metadata,
        Column("id", KEY, primary_key=True),
        Column("run", String(64), nullable=False),
        Column("command", String(32), nullable=False),
        Column("target", Text, nullable=False),
        Column("state", String(16), nullable=False),
        Column("seed", BigInteger, nullable=False),
        Column("started_at", NUMBER, nullable=False),
        Column("finished_at", NUMBER),
        Column("options", Text, nullable=False),
        Column("facts", Text, nullable=False),
        Column("warnings", Text, nullable=False),
        Column("note", Text),
        Column("owner", Text),
        UniqueConstraint("run", name="tuner_runs_run_key"),
    )


def _samples(metadata: MetaData, version: str) -> None:
    later = []
    if version >= "0002":
        later.append(Column("backoff_ms", NUMBER))
    if version >= "0004":
        later.append(Column("start", String(64), nullable=False, server_default="on-demand"))
        later.append(Column("code", Text, nullable=False, server_default=""))
        later.append(Column("load", Text, nullable=False, server_default=""))
        later += [Column("message", Text), Column("log_tail", Text)]
        later.append(Column("payload_class", Text, nullable=False, server_default=""))
    Table(
        "tuner_samples",
        metadata,
        Column("id", KEY, primary_key=True),
        Column("run_id", KEY, _run_key(), nullable=False),
        Column("call", BigInteger, nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("round", Integer, nullable=False),
        Column("purpose", String(16), nullable=False),
        Column("memory_mb", Integer, nullable=False),
        Column("arch", String(16), nullable=False),
        Column("qualifier", String(256)),
        Column("outcome", String(32), nullable=False),
        Column("due_s", NUMBER, nullable=False),
        Column("sent_s", NUMBER, nullable=False),
        Column("first_byte_s", NUMBER),
        Column("done_s", NUMBER, nullable=False),
        Column("status", Integer),
        Column("reason", Text),
        Column("retry_after_s", NUMBER),
        Column("request_id", Text),
        Column("duration_ms", NUMBER),
        Column("billed_ms", NUMBER),
        Column("init_ms", NUMBER),
        Column("restore_ms", NUMBER),
        Column("billed_restore_ms", NUMBER),
        Column("max_memory_mb", NUMBER),
        Column("payload", Integer),
        *later,
        Index("tuner_samples_run", "run_id", "id"),
    )


def _documents(metadata: MetaData) -> None:
    Table(
        "tuner_documents",
        metadata,
        Column("run_id", KEY, _run_key(), primary_key=True),
        Column("name", String(64), primary_key=True),
        Column("body", Text, nullable=False),
    )


def _suites(metadata: MetaData) -> None:
    Table(
        "tuner_benches",
        metadata,
        Column("id", KEY, primary_key=True),
        Column("bench", String(64), nullable=False),
        Column("suite", Text, nullable=False),
        Column("environment", Text, nullable=False),
        Column("branch", Text, nullable=False),
        Column("commit_id", String(64), nullable=False),
        Column("started_at", NUMBER, nullable=False),
        Column("finished_at", NUMBER, nullable=False),
        Column("verdict", String(32)),
        Column("document", Text, nullable=False),
        UniqueConstraint("bench", name="tuner_benches_bench_key"),
    )
    Table(
        "tuner_baselines",
        metadata,
        Column("id", KEY, primary_key=True),
        Column("suite", Text, nullable=False),
        Column("case_name", Text, nullable=False),
        Column("environment", Text, nullable=False),
        Column("branch", Text, nullable=False),
        Column("run", String(64), nullable=False),
        Column("control_run", String(64)),
        Column("commit_id", String(64), nullable=False),
        Column("accepted_at", NUMBER, nullable=False),
        Column("accepted_by", Text, nullable=False),
        Column("why", Text),
    )


def _run_key() -> ForeignKey:
    return ForeignKey("tuner_runs.id", ondelete="CASCADE")
