"""Add planned jobs, budgets, reviews and imports."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATES_THEN = ("queued", "running", "succeeded", "failed", "cancelled")
_STATES_NOW = ("planned", "queued", "running", "paused", "cancelling", "succeeded", "failed", "cancelled")


def upgrade() -> None:
    op.create_table(
        "review",
        sa.Column("example_id", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.CheckConstraint("verdict IN ('keep', 'edit', 'reject')", name="review_verdict"),
        sa.ForeignKeyConstraint(["example_id"], ["example.id"]),
        sa.PrimaryKeyConstraint("example_id"),
    )
    op.create_table(
        "imported",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("age", sa.Text(), nullable=False),
        sa.Column("gender", sa.Text(), nullable=False),
        sa.Column("power", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("sub_prompt", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("finish_reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "spending",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("day", "purpose", "model", "job_id"),
    )
    op.create_table(
        "pace",
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("answers", sa.Float(), nullable=False),
        sa.Column("requests", sa.Float(), nullable=True),
        sa.Column("tokens", sa.Float(), nullable=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("model"),
    )
    op.add_column("example", sa.Column("flagged", sa.Boolean(), nullable=True))
    _change_jobs(_STATES_NOW, active=("queued", "running", "paused", "cancelling"))
    op.add_column("job", sa.Column("rate", sa.Float(), nullable=True))
    op.add_column("job", sa.Column("lost", sa.Integer(), server_default="0", nullable=False))
    _change_sources(("example", "description", "import"))
    op.create_table(
        "batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=False),
        sa.Column("file", sa.Text(), nullable=True),
        sa.Column("remote_id", sa.Text(), nullable=True),
        sa.Column("taken", sa.Integer(), server_default="0", nullable=False),
        sa.Column("over", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"]),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    op.drop_table("batch")
    op.execute("DELETE FROM dataset_item WHERE source = 'import'")
    op.execute("UPDATE job SET state = 'cancelled' WHERE state IN ('planned', 'paused', 'cancelling')")
    _change_sources(("example", "description"))
    op.drop_column("job", "lost")
    op.drop_column("job", "rate")
    _change_jobs(_STATES_THEN, active=("queued", "running"))
    op.drop_column("example", "flagged")
    op.drop_table("pace")
    op.drop_table("spending")
    op.drop_table("imported")
    op.drop_table("review")


def _change_jobs(states: tuple[str, ...], *, active: tuple[str, ...]) -> None:
    """Let a job be in these states, and one of each kind be active.

    Checks are not reflected: both are named here.
    """
    where = sa.text(f"state IN ({_listed(active)})")
    op.drop_index("job_one_active", "job")
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint("job_state", "job", type_="check")
        op.create_check_constraint("job_state", "job", f"state IN ({_listed(states)})")
    else:
        with op.batch_alter_table("job", recreate="always") as batch:
            batch.create_check_constraint("job_kind", "kind IN ('build', 'finetune')")
            batch.create_check_constraint("job_state", f"state IN ({_listed(states)})")
    op.create_index(
        "job_one_active", "job", ["kind"], unique=True, sqlite_where=where, postgresql_where=where
    )


def _change_sources(sources: tuple[str, ...]) -> None:
    """Let a dataset's items come from these sources."""
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint("dataset_item_source", "dataset_item", type_="check")
        op.create_check_constraint("dataset_item_source", "dataset_item", f"source IN ({_listed(sources)})")
        return
    with op.batch_alter_table("dataset_item", recreate="always") as batch:
        batch.create_check_constraint("dataset_item_split", "split IN ('train', 'valid')")
        batch.create_check_constraint("dataset_item_source", f"source IN ({_listed(sources)})")


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)
