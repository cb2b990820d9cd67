"""Add to each job the reference under which logs have what is done for it."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Leave it open for jobs of before."""
    op.add_column("job", sa.Column("reference", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("job", "reference")
