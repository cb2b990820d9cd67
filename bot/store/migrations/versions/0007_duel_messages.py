"""Add the channel of a duel, and indexes by which a person's votes and reports are found."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_BY_PERSON = {"reaction": "voter", "duel_vote": "voter", "report": "reporter"}


def upgrade() -> None:
    op.add_column("duel", sa.Column("channel_id", sa.BigInteger(), nullable=True))
    for table, column in _BY_PERSON.items():
        op.create_index(f"{table}_of_{column}", table, [column])


def downgrade() -> None:
    for table, column in _BY_PERSON.items():
        op.drop_index(f"{table}_of_{column}", table)
    op.drop_column("duel", "channel_id")
