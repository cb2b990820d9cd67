"""What several processes share."""

from sqlalchemy import Column, Float, String, Table

from bot.store.schema.base import metadata

# What one process alone may do: serve a shard, or lead. expires: by the database's clock; an expired lease is
# free. bot/leases.py takes and prolongs them.
lease = Table(
    "lease",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("owner", String(128), nullable=False),
    Column("expires", Float, nullable=False),
)
