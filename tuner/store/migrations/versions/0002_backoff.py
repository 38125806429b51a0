"""How long the load waited before it sent a call again; samples stored before were the last."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the wait, unknown of all that is there: nothing was sent again then."""
    op.add_column("tuner_samples", sa.Column("backoff_ms", sa.Float(53)))


def downgrade() -> None:
    """Forget the waits."""
    op.drop_column("tuner_samples", "backoff_ms")
