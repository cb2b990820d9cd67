"""Keep what curation says of a text."""

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


def downgrade() -> None:
    op.drop_table("curation_verdict")
