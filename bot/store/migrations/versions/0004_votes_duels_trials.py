"""Add votes derived from reactions, duels, trials and added powers."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OLD_EVENTS = (
    "registered",
    "deployed",
    "first",
    "promoted",
    "override",
    "rolled back",
    "fell back",
    "lost",
    "retired",
)
_NEW_EVENTS = (*_OLD_EVENTS[:-1], "challenges", "outvoted", "retired")
_COUNTS = sa.text("counts")
_RUNNING = sa.text("state = 'running'")


def upgrade() -> None:
    op.add_column("description", sa.Column("channel_id", sa.BigInteger(), nullable=True))
    op.add_column("dataset_item", sa.Column("rejected_id", sa.Integer(), nullable=True))
    op.add_column("model", sa.Column("challenges_until", sa.Float(), nullable=True))
    op.add_column("notice", sa.Column("action", sa.Text(), nullable=True))
    _change_events(_NEW_EVENTS)
    _derive_votes()
    _make_duels()
    op.create_table(
        "power",
        sa.Column("power", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("power"),
    )


def _derive_votes() -> None:
    """Only thumbs were ever kept; skin tones follow the thumb. The source joins the key of a reaction."""
    _remake_reactions(
        ("description_id", "voter", "emoji", "source"),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("account_days", sa.Integer(), nullable=True),
        filled="description_id, voter, emoji, source, at, value",
        by="SELECT description_id, voter, emoji, source, at, "
        "CASE WHEN emoji LIKE '👍%' THEN 1 ELSE -1 END FROM reaction_before",
    )
    op.create_table(
        "vote",
        sa.Column("description_id", sa.Integer(), nullable=False),
        sa.Column("voter", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("by_requester", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("account_days", sa.Integer(), nullable=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["description_id"], ["description.id"]),
        sa.PrimaryKeyConstraint("description_id", "voter"),
        sqlite_with_rowid=False,
    )
    op.create_index("vote_of_voter", "vote", ["voter", "at"])
    op.execute(
        "INSERT INTO vote (description_id, voter, value, by_requester, source, at) "
        "SELECT ranked.description_id, ranked.voter, ranked.value, "
        "ranked.voter = description.requester, ranked.source, ranked.at "
        "FROM (SELECT reaction.*, row_number() OVER "
        "(PARTITION BY description_id, voter ORDER BY at DESC, emoji) AS place FROM reaction) AS ranked "
        "JOIN description ON description.id = ranked.description_id WHERE ranked.place = 1"
    )


def _remake_reactions(key: tuple[str, ...], *columns: sa.Column[Any], filled: str, by: str) -> None:
    """Make the table anew under another key, filled by a query on the one before."""
    op.rename_table("reaction", "reaction_before")
    op.create_table(
        "reaction",
        sa.Column("description_id", sa.Integer(), nullable=False),
        sa.Column("voter", sa.String(length=64), nullable=False),
        sa.Column("emoji", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["description_id"], ["description.id"]),
        sa.PrimaryKeyConstraint(*key),
    )
    op.execute(f"INSERT INTO reaction ({filled}) {by}")
    op.drop_table("reaction_before")


def _make_duels() -> None:
    op.create_table(
        "trial",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("live_id", sa.Integer(), nullable=False),
        sa.Column("candidate_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=True),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.CheckConstraint("state IN ('running', 'won', 'lost', 'undecided', 'stopped')", name="trial_state"),
        sa.ForeignKeyConstraint(["live_id"], ["model.id"]),
        sa.ForeignKeyConstraint(["candidate_id"], ["model.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "trial_one_running", "trial", ["state"], unique=True, sqlite_where=_RUNNING, postgresql_where=_RUNNING
    )
    op.create_table(
        "duel",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("live_description_id", sa.Integer(), nullable=False),
        sa.Column("candidate_description_id", sa.Integer(), nullable=False),
        sa.Column("a", sa.String(length=16), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.CheckConstraint("a IN ('live', 'candidate')", name="duel_a"),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"]),
        sa.ForeignKeyConstraint(["live_description_id"], ["description.id"]),
        sa.ForeignKeyConstraint(["candidate_description_id"], ["description.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("message_id"),
    )
    op.create_table(
        "duel_vote",
        sa.Column("duel_id", sa.Integer(), nullable=False),
        sa.Column("voter", sa.String(length=64), nullable=False),
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("result", sa.String(length=16), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("account_days", sa.Integer(), nullable=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.CheckConstraint("result IN ('live', 'candidate', 'tie')", name="duel_vote_result"),
        sa.ForeignKeyConstraint(["duel_id"], ["duel.id"]),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"]),
        sa.PrimaryKeyConstraint("duel_id", "voter"),
    )
    for name, columns in (
        ("duel_vote_one_of_voter", ["trial_id", "voter"]),
        ("duel_vote_one_of_duel", ["duel_id"]),
    ):
        op.create_index(
            name, "duel_vote", columns, unique=True, sqlite_where=_COUNTS, postgresql_where=_COUNTS
        )


def downgrade() -> None:
    for table in ("power", "duel_vote", "duel", "trial", "vote"):
        op.drop_table(table)
    _remake_reactions(
        ("description_id", "voter", "emoji"),
        filled="description_id, voter, emoji, source, at",
        by="SELECT description_id, voter, emoji, min(source), max(at) FROM reaction_before "
        "GROUP BY description_id, voter, emoji",
    )
    op.execute("DELETE FROM model_event WHERE what IN ('challenges', 'outvoted')")
    _change_events(_OLD_EVENTS)
    op.drop_column("notice", "action")
    op.drop_column("model", "challenges_until")
    op.drop_column("dataset_item", "rejected_id")
    op.drop_column("description", "channel_id")


def _change_events(words: tuple[str, ...]) -> None:
    """Let these things happen to models."""
    check = "what IN (" + ", ".join(f"'{word}'" for word in words) + ")"
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint("model_event_what", "model_event", type_="check")
        op.create_check_constraint("model_event_what", "model_event", check)
        return
    with op.batch_alter_table("model_event", recreate="always") as batch:
        batch.create_check_constraint("model_event_what", check)
