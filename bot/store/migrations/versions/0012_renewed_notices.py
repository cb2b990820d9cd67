"""Add the messages that show notices, and the reports that were taken back."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Leave open where earlier notices stand: it was not stored, so a report made anew sends another one."""
    op.add_column("notice", sa.Column("message_channel_id", sa.BigInteger(), nullable=True))
    op.add_column("notice", sa.Column("message_id", sa.BigInteger(), nullable=True))
    op.add_column("report", sa.Column("withdrawn", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    """Delete the reports that were taken back: an earlier version would count them."""
    op.execute(sa.text("DELETE FROM report WHERE withdrawn"))
    op.drop_column("report", "withdrawn")
    op.drop_column("notice", "message_id")
    op.drop_column("notice", "message_channel_id")
