"""Let several jobs of a kind be active at once, and the day's budget hold across processes."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_ACTIVE = sa.text("state IN ('queued', 'running', 'paused', 'cancelling')")


def upgrade() -> None:
    op.drop_index("job_one_active", "job")
    op.create_index("job_active", "job", ["kind", "id"], sqlite_where=_ACTIVE, postgresql_where=_ACTIVE)
    op.create_table(
        "reservation",
        sa.Column("holder", sa.Text(), primary_key=True),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.Column("expires", sa.Float(), nullable=False),
    )


def downgrade() -> None:
    """Of several active jobs of a kind, keep the oldest: an earlier version knows no more than one."""
    op.drop_table("reservation")
    op.drop_index("job_active", "job")
    op.execute(
        f"UPDATE job SET state = 'cancelled', owner = NULL WHERE {_ACTIVE} AND id NOT IN"  # noqa: S608
        f" (SELECT min(id) FROM job WHERE {_ACTIVE} GROUP BY kind)"
    )
    op.create_index(
        "job_one_active", "job", ["kind"], unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE
    )
