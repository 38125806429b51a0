"""How the sandboxes of a sample were started, which code it called, and under which load."""

import sqlalchemy as sa
from alembic import op

from tuner.store.earlier import bring_up

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns, and fill them with what documents said of numbers of calls."""
    usual = (("start", sa.String(64), "on-demand"), ("code", sa.Text, ""), ("load", sa.Text, ""))
    for name, kind, default in usual:
        column = sa.Column(name, kind, nullable=False, server_default=default)
        op.add_column("tuner_samples", column)
    bring_up(op.get_bind())


def downgrade() -> None:
    """Forget them."""
    for name in ("load", "code", "start"):
        op.drop_column("tuner_samples", name)
