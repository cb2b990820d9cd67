"""Datasets and their texts."""

from sqlalchemy import JSON, Boolean, CheckConstraint, Column, Float, ForeignKey, String, Table, false

from bot.store.schema.base import metadata
from bot.store.types import FreeText, Number

# An immutable numbered snapshot; its id is the version that people see. rebuild: a text had to be deleted
# from it, so nothing is trained on it any more.
dataset = Table(
    "dataset",
    metadata,
    Column("id", Number, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("content_hash", String(64), nullable=False, unique=True),
    Column("recipe", JSON, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("rebuild", Boolean, nullable=False, server_default=false()),
    Column("created_at", Float, nullable=False),
)

dataset_item = Table(
    "dataset_item",
    metadata,
    Column("dataset_id", Number, ForeignKey("dataset.id"), primary_key=True),
    Column("position", Number, primary_key=True),
    Column("split", String(8), nullable=False),
    Column("prompt", FreeText, nullable=False),
    Column("text", FreeText, nullable=False),
    Column("rejected", FreeText),  # the worse text of a pair, in preference datasets
    Column("source", String(16), nullable=False),
    Column("source_id", Number, nullable=False),
    Column("rejected_id", Number),  # the description whose text is the worse one
    Column("deleted", Boolean, nullable=False, server_default=false()),  # redacted: its texts are empty
    Column("chat", JSON(none_as_null=True)),  # of a scene: the turns before it, which quote the story so far
    CheckConstraint("split IN ('train', 'valid')", name="dataset_item_split"),
    CheckConstraint(
        "source IN ('example', 'description', 'import', "
        "'herosmith-build', 'hand-written', 'ranked', 'scene')",
        name="dataset_item_source",
    ),
)
