"""Add the texts that the live model writes for the ranker to choose from, and how likely it finds texts."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_SOURCES_THEN = ("example", "description", "import", "herosmith-build", "hand-written")
_SOURCES = (*_SOURCES_THEN, "ranked")


def upgrade() -> None:
    op.create_table(
        "ranked_text",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("age", sa.Integer(), nullable=False),
        sa.Column("gender", sa.Text(), nullable=False),
        sa.Column("power", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("finish_reason", sa.Text(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column("flagged", sa.Boolean(), nullable=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("model_id", "key"),
    )
    op.create_table(
        "text_log_prob",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("log_prob", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"]),
        sa.PrimaryKeyConstraint("model_id", "digest"),
    )
    _change_sources(_SOURCES)


def downgrade() -> None:
    """Take ranked texts out of the datasets: earlier versions know no row that they are from."""
    op.execute("DELETE FROM dataset_item WHERE source = 'ranked'")
    _change_sources(_SOURCES_THEN)
    op.drop_table("text_log_prob")
    op.drop_table("ranked_text")


def _change_sources(sources: tuple[str, ...]) -> None:
    """Let a dataset's items come from these sources."""
    check = "source IN (" + ", ".join(f"'{source}'" for source in sources) + ")"
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint("dataset_item_source", "dataset_item", type_="check")
        op.create_check_constraint("dataset_item_source", "dataset_item", check)
        return
    # checks are not reflected: both are named here
    with op.batch_alter_table("dataset_item", recreate="always") as batch:
        batch.create_check_constraint("dataset_item_split", "split IN ('train', 'valid')")
        batch.create_check_constraint("dataset_item_source", check)
