"""Runs, their samples in order of arrival, and the documents made of them."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NUMBER = sa.Float(53)


def upgrade() -> None:
    """Build the first schema."""
    _runs()
    _samples()
    _documents()


def downgrade() -> None:
    """Remove everything that ``upgrade`` built."""
    op.drop_table("tuner_documents")
    op.drop_index("tuner_samples_run", "tuner_samples")
    op.drop_table("tuner_samples")
    op.drop_table("tuner_runs")


def _runs() -> None:
    op.create_table(
        "tuner_runs",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("command", sa.String(32), nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("started_at", NUMBER, nullable=False),
        sa.Column("finished_at", NUMBER),
        sa.Column("options", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("warnings", sa.Text, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("owner", sa.Text),
        sa.UniqueConstraint("run", name="tuner_runs_run_key"),
    )


def _samples() -> None:
    op.create_table(
        "tuner_samples",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("run_id", KEY, _run_key(), nullable=False),
        sa.Column("call", sa.BigInteger, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("memory_mb", sa.Integer, nullable=False),
        sa.Column("arch", sa.String(16), nullable=False),
        sa.Column("qualifier", sa.String(256)),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("due_s", NUMBER, nullable=False),
        sa.Column("sent_s", NUMBER, nullable=False),
        sa.Column("first_byte_s", NUMBER),
        sa.Column("done_s", NUMBER, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("reason", sa.Text),
        sa.Column("retry_after_s", NUMBER),
        sa.Column("request_id", sa.Text),
        sa.Column("duration_ms", NUMBER),
        sa.Column("billed_ms", NUMBER),
        sa.Column("init_ms", NUMBER),
        sa.Column("restore_ms", NUMBER),
        sa.Column("billed_restore_ms", NUMBER),
        sa.Column("max_memory_mb", NUMBER),
        sa.Column("payload", sa.Integer),
    )
    op.create_index("tuner_samples_run", "tuner_samples", ["run_id", "id"])


def _documents() -> None:
    op.create_table(
        "tuner_documents",
        sa.Column("run_id", KEY, _run_key(), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
    )


def _run_key() -> sa.ForeignKey:
    return sa.ForeignKey("tuner_runs.id", ondelete="CASCADE")
