"""Add the history of models, recoverable trainings, preference pairs and notifications."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_WHAT = (
    "what IN ('registered', 'deployed', 'first', 'promoted', 'override', 'rolled back', 'fell back', "
    "'lost', 'retired')"
)


def upgrade() -> None:
    op.add_column("job", sa.Column("question", sa.Text(), nullable=True))
    op.add_column("job", sa.Column("remote_asked_at", sa.Float(), nullable=True))
    op.add_column("dataset_item", sa.Column("rejected", sa.Text(), nullable=True))
    op.add_column("model", sa.Column("served_as", sa.Text(), nullable=True))
    op.add_column("model", sa.Column("retires_on", sa.String(length=10), nullable=True))
    op.execute("UPDATE model SET served_as = name")
    op.create_table(
        "model_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("replaced_id", sa.Integer(), nullable=True),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.CheckConstraint(_WHAT, name="model_event_what"),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"]),
        sa.ForeignKeyConstraint(["replaced_id"], ["model.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(
        "INSERT INTO model_event (model_id, what, at) SELECT id, 'registered', created_at FROM model ORDER "
        "BY id"
    )
    op.execute(
        "INSERT INTO model_event (model_id, what, replaced_id, at) "
        "SELECT id, CASE WHEN before IS NULL THEN 'first' ELSE 'override' END, before, created_at FROM "
        "(SELECT id, created_at, (SELECT max(id) FROM model AS m WHERE m.state = 'retired') AS before "
        "FROM model WHERE state = 'live') AS live"
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=True),
        sa.Column("mention_id", sa.BigInteger(), nullable=True),
        sa.Column("told", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )


def downgrade() -> None:
    op.drop_table("notice")
    op.drop_table("model_event")
    op.drop_column("model", "retires_on")
    op.drop_column("model", "served_as")
    op.drop_column("dataset_item", "rejected")
    op.drop_column("job", "remote_asked_at")
    op.drop_column("job", "question")
