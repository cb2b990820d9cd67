"""Note of each model when its files were deleted to free disk space."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_OLD_EVENTS = (
    "registered",
    "deployed",
    "passed",
    "held back",
    "first",
    "promoted",
    "override",
    "overruled",
    "rolled back",
    "fell back",
    "lost",
    "challenges",
    "outvoted",
    "retired",
)
_NEW_EVENTS = (*_OLD_EVENTS, "pruned")


def upgrade() -> None:
    op.add_column("model", sa.Column("pruned_at", sa.Float(), nullable=True))
    _change_events(_NEW_EVENTS)


def downgrade() -> None:
    """A model whose files are gone is one that its server has lost."""
    op.execute("UPDATE model_event SET what = 'lost' WHERE what = 'pruned'")
    _change_events(_OLD_EVENTS)
    op.drop_column("model", "pruned_at")


def _change_events(words: tuple[str, ...]) -> None:
    """Let events be of these kinds."""
    check = "what IN (" + ", ".join(f"'{word}'" for word in words) + ")"
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint("model_event_what", "model_event", type_="check")
        op.create_check_constraint("model_event_what", "model_event", check)
        return
    with op.batch_alter_table("model_event", recreate="always") as batch:
        batch.create_check_constraint("model_event_what", check)
