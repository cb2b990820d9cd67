"""Add the check of new models: two states, what it found, and the answers that were read."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_STATES_THEN = ("candidate", "live", "retired")
_STATES_NOW = ("unchecked", "held back", *_STATES_THEN)
_OLD_EVENTS = (
    "registered",
    "deployed",
    "first",
    "promoted",
    "override",
    "rolled back",
    "fell back",
    "lost",
    "challenges",
    "outvoted",
    "retired",
)
_NEW_EVENTS = (*_OLD_EVENTS[:2], "passed", "held back", *_OLD_EVENTS[2:5], "overruled", *_OLD_EVENTS[5:])
_LIVE = sa.text("state = 'live'")


def upgrade() -> None:
    """Have models checked that are not deployed yet; the others stay what they are."""
    op.add_column("model", sa.Column("verdict", sa.JSON(), nullable=True))
    _change_check("model", "model_state", "state", _STATES_NOW)
    _change_check("model_event", "model_event_what", "what", _NEW_EVENTS)
    op.execute("UPDATE model SET state = 'unchecked' WHERE state = 'candidate' AND served_as IS NULL")
    op.create_table(
        "model_answer",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("age", sa.Integer(), nullable=False),
        sa.Column("gender", sa.Text(), nullable=False),
        sa.Column("power", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("finish_reason", sa.Text(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"]),
        sa.PrimaryKeyConstraint("model_id", "key"),
    )


def downgrade() -> None:
    """What was held back is retired; what was not checked is a candidate, as it was."""
    op.drop_table("model_answer")
    op.execute("UPDATE model SET state = 'retired' WHERE state = 'held back'")
    op.execute("UPDATE model SET state = 'candidate' WHERE state = 'unchecked'")
    op.execute("DELETE FROM model_event WHERE what IN ('passed', 'held back')")
    op.execute("UPDATE model_event SET what = 'override' WHERE what = 'overruled'")
    _change_check("model_event", "model_event_what", "what", _OLD_EVENTS)
    _change_check("model", "model_state", "state", _STATES_THEN)
    op.drop_column("model", "verdict")


def _change_check(table: str, name: str, column: str, words: tuple[str, ...]) -> None:
    """Let a column have these values."""
    check = f"{column} IN (" + ", ".join(f"'{word}'" for word in words) + ")"
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(name, table, type_="check")
        op.create_check_constraint(name, table, check)
        return
    if table == "model":  # its partial index would be made anew without its condition
        op.drop_index("model_one_live", table)
    with op.batch_alter_table(table, recreate="always") as batch:
        batch.create_check_constraint(name, check)
    if table == "model":
        op.create_index("model_one_live", table, ["state"], unique=True, sqlite_where=_LIVE)
