"""Tuned models, what happened to them, and their answers in checks."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    text,
)

from bot.store.hero_columns import hero_columns
from bot.store.schema.base import metadata
from bot.store.types import FreeText, Number

_LIVE = text("state = 'live'")

# A tuned model. An index ensures that at most one is live. served_as is the model name in chat requests,
# NULL until the model is deployed if that is a separate step; retires_on is the day (YYYY-MM-DD) on which
# its server shuts down it or its base. A model that was replaced may win its place back by votes until
# challenges_until. pruned_at: when its files were deleted at the engine; it never answers again. verdict is
# what its check found: it is unchecked until then, and held back if it failed.
model = Table(
    "model",
    metadata,
    Column("id", Number, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("base", Text, nullable=False),
    Column("dataset_id", Number, ForeignKey("dataset.id"), nullable=False),
    Column("job_id", Number, ForeignKey("job.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("verdict", JSON),
    Column("served_as", Text),
    Column("retires_on", String(10)),
    Column("challenges_until", Float),
    Column("created_at", Float, nullable=False),
    Column("pruned_at", Float),
    CheckConstraint(
        "state IN ('unchecked', 'held back', 'candidate', 'live', 'retired')", name="model_state"
    ),
    Index("model_one_live", "state", unique=True, sqlite_where=_LIVE),
)

# The history of a model, never deleted. passed, held back: by its check; promoted: by votes; override: by
# hand; overruled: by hand, though its check did not let it; challenges: it may win its place back; outvoted:
# it lost a trial; pruned: its files were deleted. replaced_id is the live model that it replaced; actor_id
# is the operator's Discord id, NULL if it was not done in Discord.
model_event = Table(
    "model_event",
    metadata,
    Column("id", Number, primary_key=True),
    Column("model_id", Number, ForeignKey("model.id"), nullable=False),
    Column("what", String(16), nullable=False),
    Column("replaced_id", Number, ForeignKey("model.id")),
    Column("actor_id", BigInteger),
    Column("at", Float, nullable=False),
    CheckConstraint(
        "what IN ('registered', 'deployed', 'passed', 'held back', 'first', 'promoted', 'override', "
        "'overruled', 'rolled back', 'fell back', 'lost', 'challenges', 'outvoted', 'retired', 'pruned')",
        name="model_event_what",
    ),
)

# A tuned model's answer to one of the heroes by which it is checked, by the hash of the request: what was
# read before a crash is not paid for again.
model_answer = Table(
    "model_answer",
    metadata,
    Column("model_id", Number, ForeignKey("model.id"), primary_key=True),
    Column("key", String(64), primary_key=True),
    *hero_columns(),
    Column("text", FreeText, nullable=False),
    Column("finish_reason", Text, nullable=False),
    Column("prompt_tokens", Number, nullable=False),
    Column("completion_tokens", Number, nullable=False),
    Column("at", Float, nullable=False),
)
