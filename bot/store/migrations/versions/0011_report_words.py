"""Add the reporters' own words, which notice tells of a report, and what operators have removed."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Leave open who removed the texts that are hidden: it was not stored.

    Earlier reports get no notice: those that were sent do not tell whether they were decided. So the next
    report of such a text sends another one rather than none.
    """
    op.add_column("report", sa.Column("words", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "description",
        sa.Column("removed_by_operators", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    with op.batch_alter_table("report") as batch:
        batch.add_column(sa.Column("notice_id", sa.Integer(), nullable=True))
        batch.create_foreign_key("report_notice_id_fkey", "notice", ["notice_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("report") as batch:
        batch.drop_constraint("report_notice_id_fkey", type_="foreignkey")
        batch.drop_column("notice_id")
    op.drop_column("report", "words")
    op.drop_column("description", "removed_by_operators")
