"""Add what a notice's message shows and where it stands, and which reports had words."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Leave open what was not stored.

    An earlier notice by direct message counts as one that others read, which shows less. A report that was
    taken back counts as one without words, so if it is made again with words, it is told anew.
    """
    op.add_column("notice", sa.Column("direct", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("notice", sa.Column("revision", sa.Integer(), server_default="0", nullable=False))
    op.add_column("report", sa.Column("worded", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(sa.text("UPDATE report SET worded = true WHERE words <> ''"))


def downgrade() -> None:
    op.drop_column("report", "worded")
    op.drop_column("notice", "revision")
    op.drop_column("notice", "direct")
