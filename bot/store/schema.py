"""The tables. What a column means is said in the design's own words; migrations make them so."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)

metadata = MetaData()


def _times(*names: str) -> list[Column[float]]:
    """Moments in seconds since 1970, UTC; empty until they come."""
    return [Column(name, Float) for name in names]


# One synthetic answer. The row is the checkpoint: asked_at is set before the call, answer after it.
example = Table(
    "example",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("age", Integer, nullable=False),
    Column("gender", Text, nullable=False),
    Column("power", Text, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("template_version", Integer, nullable=False),
    Column("model", Text, nullable=False),
    Column("params", JSON, nullable=False),
    Column("answer", Text),
    Column("finish_reason", Text),
    Column("prompt_tokens", Integer),
    Column("completion_tokens", Integer),
    *_times("asked_at", "answered_at"),
)

_ACTIVE = text("state IN ('queued', 'running')")

# Long work. At most one of a kind is active; progress is written here and rendered from here.
job = Table(
    "job",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("spec", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("phase", Text, nullable=False, server_default=""),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("total", Integer, nullable=False, server_default="0"),
    Column("result", JSON),
    Column("error", Text),
    Column("requester_id", BigInteger),
    Column("channel_id", BigInteger),
    Column("message_id", BigInteger),
    Column("announced", Boolean, nullable=False, server_default=false()),
    Column("remote_file_ids", JSON),
    Column("remote_job_id", Text),
    Column("owner", Text),
    *_times("heartbeat", "created_at", "started_at", "finished_at"),
    CheckConstraint("kind IN ('build', 'finetune')", name="job_kind"),
    CheckConstraint("state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="job_state"),
    Index("job_one_active", "kind", unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
)

# An immutable numbered snapshot: its id is the version that people see.
dataset = Table(
    "dataset",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("content_hash", String(64), nullable=False, unique=True),
    Column("recipe", JSON, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
)

dataset_item = Table(
    "dataset_item",
    metadata,
    Column("dataset_id", Integer, ForeignKey("dataset.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("split", String(8), nullable=False),
    Column("prompt", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("source", String(16), nullable=False),
    Column("source_id", Integer, nullable=False),
    CheckConstraint("split IN ('train', 'valid')", name="dataset_item_split"),
    CheckConstraint("source IN ('example', 'description')", name="dataset_item_source"),
)

_LIVE = text("state = 'live'")

# A name that the API answers to. The database itself keeps the live one single.
model = Table(
    "model",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("base", Text, nullable=False),
    Column("dataset_id", Integer, ForeignKey("dataset.id"), nullable=False),
    Column("job_id", Integer, ForeignKey("job.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    CheckConstraint("state IN ('candidate', 'live', 'retired')", name="model_state"),
    Index("model_one_live", "state", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE),
)

# One answer shown to a user. Stored before it is shown, so that no shown text is unknown.
description = Table(
    "description",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model", Text, nullable=False),
    Column("tuned", Boolean, nullable=False),
    Column("age", Integer, nullable=False),
    Column("gender", Text, nullable=False),
    Column("power", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("finish_reason", Text, nullable=False),
    Column("prompt_version", Integer, nullable=False),
    Column("sampling", JSON, nullable=False),
    Column("requester", String(64), nullable=False),
    Column("guild_id", BigInteger),
    Column("message_id", BigInteger, unique=True),
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("created_at", Float, nullable=False),
)

# What was clicked, kept as it was clicked; the vote is derived: the latest thumb that is still there.
reaction = Table(
    "reaction",
    metadata,
    Column("description_id", Integer, ForeignKey("description.id"), primary_key=True),
    Column("voter", String(64), primary_key=True),
    Column("emoji", String(64), primary_key=True),
    Column("source", String(16), nullable=False),
    Column("at", Float, nullable=False),
)
