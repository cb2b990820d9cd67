"""What builds of datasets are made of: examples, reviews, imported texts, batches, and the pace of models."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from bot.store.hero_columns import hero_columns
from bot.store.schema.base import metadata, times
from bot.store.types import FreeText, Number

# One answer of an author model, kept by the key of its request. The row is the checkpoint of a build:
# asked_at is set before the call, answer after it.
example = Table(
    "example",
    metadata,
    Column("id", Number, primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    *hero_columns(),
    Column("repeat", Number, nullable=False),
    Column("attempt", Number, nullable=False),
    Column("template_version", Number, nullable=False),
    Column("model", Text, nullable=False),
    Column("params", JSON, nullable=False),
    Column("answer", FreeText),
    Column("finish_reason", Text),
    Column("prompt_tokens", Number),
    Column("completion_tokens", Number),
    Column("flagged", Boolean),  # by the provider's moderation, NULL if it was not called
    *times("asked_at", "answered_at"),
)

# An operator's verdict on an example: keep it, whatever curation says; reject it; or use this text instead.
review = Table(
    "review",
    metadata,
    Column("example_id", Number, ForeignKey("example.id"), primary_key=True),
    Column("verdict", String(8), nullable=False),
    Column("text", FreeText),
    Column("at", Float, nullable=False),
    CheckConstraint("verdict IN ('keep', 'edit', 'reject')", name="review_verdict"),
)

# A text from an imported file, or from the first dataset; its hero is one that /hero takes.
imported = Table(
    "imported",
    metadata,
    Column("id", Number, primary_key=True),
    Column("file", FreeText, nullable=False),
    *hero_columns(FreeText),
    Column("prompt", FreeText, nullable=False),
    Column("sub_prompt", FreeText, nullable=False),
    Column("text", FreeText, nullable=False),
    Column("finish_reason", Text, nullable=False),
)

# How fast a model answered in the last build, and the rate limits of its server, each per second.
pace = Table(
    "pace",
    metadata,
    Column("model", Text, primary_key=True),
    Column("answers", Float, nullable=False),
    Column("requests", Float),
    Column("tokens", Float),
    Column("at", Float, nullable=False),
)

# Requests sent to a provider's Batch API. The row is written before anything is sent; the most that the batch
# may cost counts as spent until it is over. taken is how many results are stored.
batch = Table(
    "batch",
    metadata,
    Column("id", Number, primary_key=True),
    Column("job_id", Number, ForeignKey("job.id"), nullable=False),
    Column("model", Text, nullable=False),
    Column("requests", Number, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("file", Text),
    Column("remote_id", Text),
    Column("taken", Number, nullable=False, server_default="0"),
    Column("over", Boolean, nullable=False, server_default=false()),
    Column("at", Float, nullable=False),
)

# A text that the live model wrote of one hero for the ranker to choose from, by the hash of the request: what
# was written before a crash is not paid for again. flagged as in example.
ranked_text = Table(
    "ranked_text",
    metadata,
    Column("id", Number, primary_key=True),
    Column("model_id", Number, ForeignKey("model.id"), nullable=False),
    Column("key", String(64), nullable=False),
    *hero_columns(),
    Column("text", FreeText, nullable=False),
    Column("finish_reason", Text, nullable=False),
    Column("prompt_tokens", Number, nullable=False),
    Column("completion_tokens", Number, nullable=False),
    Column("flagged", Boolean),
    Column("at", Float, nullable=False),
    UniqueConstraint("model_id", "key"),
)

# The mean log-probability (nats a token) that a model gives a text, by the hash of prompt and text.
text_log_prob = Table(
    "text_log_prob",
    metadata,
    Column("model_id", Number, ForeignKey("model.id"), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("log_prob", Float, nullable=False),
)
