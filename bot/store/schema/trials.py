"""Trials of candidates: duels, and what people picked in them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    String,
    Table,
    text,
)

from bot.store.schema.base import metadata, times
from bot.store.types import Number

_RUNNING = text("state = 'running'")

# A candidate's challenge to the live model; at most one is running. It ends won or lost (by the candidate),
# undecided (the maximum of duels or days is reached) or stopped (one of the two is no longer eligible). test:
# what decides it; the first one by default, with which trials before the schema 0016 began.
trial = Table(
    "trial",
    metadata,
    Column("id", Number, primary_key=True),
    Column("live_id", Number, ForeignKey("model.id"), nullable=False),
    Column("candidate_id", Number, ForeignKey("model.id"), nullable=False),
    Column("state", String(16), nullable=False),
    *times("started_at", "ended_at"),
    Column("test", String(16), nullable=False, server_default="uniform"),
    CheckConstraint("state IN ('running', 'won', 'lost', 'undecided', 'stopped')", name="trial_state"),
    CheckConstraint("test IN ('uniform', 'bimodal')", name="trial_test"),
    Index("trial_one_running", "state", unique=True, sqlite_where=_RUNNING),
)

# Two descriptions of one hero, by the live model and the candidate, shown blind; a: whose is the first.
duel = Table(
    "duel",
    metadata,
    Column("id", Number, primary_key=True),
    Column("trial_id", Number, ForeignKey("trial.id"), nullable=False),
    Column("live_description_id", Number, ForeignKey("description.id"), nullable=False),
    Column("candidate_description_id", Number, ForeignKey("description.id"), nullable=False),
    Column("a", String(16), nullable=False),
    Column("channel_id", BigInteger),
    Column("message_id", BigInteger, unique=True),
    Column("created_at", Float, nullable=False),
    CheckConstraint("a IN ('live', 'candidate')", name="duel_a"),
    Index("duel_of_live_description", "live_description_id"),
    Index("duel_of_candidate_description", "candidate_description_id"),
)

_COUNTS = text("counts")

# What one voter picked in a duel. Only some votes count in the sequential test: of each voter in a trial, and
# of each duel, the first that is no tie. Two indexes ensure this.
duel_vote = Table(
    "duel_vote",
    metadata,
    Column("duel_id", Number, ForeignKey("duel.id"), primary_key=True),
    Column("voter", String(64), primary_key=True),
    Column("trial_id", Number, ForeignKey("trial.id"), nullable=False),
    Column("result", String(16), nullable=False),
    Column("counts", Boolean, nullable=False),
    Column("source", String(16), nullable=False),
    Column("account_days", Number),
    Column("at", Float, nullable=False),
    CheckConstraint("result IN ('live', 'candidate', 'tie')", name="duel_vote_result"),
    Index("duel_vote_of_voter", "voter"),
    Index(
        "duel_vote_one_of_voter",
        "trial_id",
        "voter",
        unique=True,
        sqlite_where=_COUNTS,
    ),
    Index("duel_vote_one_of_duel", "duel_id", unique=True, sqlite_where=_COUNTS),
)
