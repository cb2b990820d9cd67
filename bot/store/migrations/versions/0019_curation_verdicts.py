"""Keep what curation says of a text and what rankings choose, and count heroes by indexes alone."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "curation_verdict",
        sa.Column("description_id", sa.Integer(), sa.ForeignKey("description.id"), primary_key=True),
        sa.Column("rules", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text()),
    )
    op.create_table(
        "kept_choice",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
    )
    op.drop_index("description_of_time", "description")
    op.create_index("description_of_time", "description", ["created_at", "requester", "guild_id", "kind"])
    op.create_index("description_of_power", "description", ["power", "kind"])


def downgrade() -> None:
    op.drop_index("description_of_power", "description")
    op.drop_index("description_of_time", "description")
    op.create_index("description_of_time", "description", ["created_at"])
    op.drop_table("kept_choice")
    op.drop_table("curation_verdict")
