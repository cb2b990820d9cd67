"""Whether a report counts towards hiding what it reports."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was reported before counts, as it did."""
    op.add_column("report", sa.Column("counts", sa.Boolean(), server_default=sa.true(), nullable=False))


def downgrade() -> None:
    op.drop_column("report", "counts")
