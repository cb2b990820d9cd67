"""Add settings of servers, reports, removals and redactions."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "guild_setting",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channels", sa.JSON(), nullable=True),
        sa.Column("cooldown", sa.Float(), nullable=True),
        sa.Column("daily_per_user", sa.Integer(), nullable=True),
        sa.Column("daily_of_guild", sa.Integer(), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id"),
    )
    op.create_table(
        "report",
        sa.Column("description_id", sa.Integer(), nullable=False),
        sa.Column("reporter", sa.String(length=64), nullable=False),
        sa.Column("dismissed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["description_id"], ["description.id"]),
        sa.PrimaryKeyConstraint("description_id", "reporter"),
    )
    op.add_column("description", sa.Column("removed_at", sa.Float(), nullable=True))
    op.add_column(
        "description", sa.Column("settled", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.create_index("description_of_requester", "description", ["requester", "created_at"])
    op.create_index("description_of_guild", "description", ["guild_id", "created_at"])
    op.create_index("description_of_time", "description", ["created_at"])
    op.add_column("dataset", sa.Column("rebuild", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column(
        "dataset_item", sa.Column("deleted", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("dataset_item", "deleted")
    op.drop_column("dataset", "rebuild")
    for name in ("description_of_time", "description_of_guild", "description_of_requester"):
        op.drop_index(name, "description")
    op.drop_column("description", "settled")
    op.drop_column("description", "removed_at")
    op.drop_table("report")
    op.drop_table("guild_setting")
