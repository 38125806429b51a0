"""Runs of whole suites with their documents, and which runs were accepted as baselines."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NUMBER = sa.Float(53)


def upgrade() -> None:
    """Add both tables; nothing that is there changes."""
    op.create_table(
        "tuner_benches",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("bench", sa.String(64), nullable=False),
        sa.Column("suite", sa.Text, nullable=False),
        sa.Column("environment", sa.Text, nullable=False),
        sa.Column("branch", sa.Text, nullable=False),
        sa.Column("commit_id", sa.String(64), nullable=False),
        sa.Column("started_at", NUMBER, nullable=False),
        sa.Column("finished_at", NUMBER, nullable=False),
        sa.Column("verdict", sa.String(32)),
        sa.Column("document", sa.Text, nullable=False),
        sa.UniqueConstraint("bench", name="tuner_benches_bench_key"),
    )
    op.create_table(
        "tuner_baselines",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("suite", sa.Text, nullable=False),
        sa.Column("case_name", sa.Text, nullable=False),
        sa.Column("environment", sa.Text, nullable=False),
        sa.Column("branch", sa.Text, nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("control_run", sa.String(64)),
        sa.Column("commit_id", sa.String(64), nullable=False),
        sa.Column("accepted_at", NUMBER, nullable=False),
        sa.Column("accepted_by", sa.Text, nullable=False),
        sa.Column("why", sa.Text),
    )


def downgrade() -> None:
    """Remove what ``upgrade`` built."""
    op.drop_table("tuner_baselines")
    op.drop_table("tuner_benches")
