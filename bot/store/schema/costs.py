"""What was spent, and what is reserved."""

from sqlalchemy import BigInteger, Column, Float, String, Table, Text

from bot.store.schema.base import metadata
from bot.store.types import Number

# Spending in US dollars by day (UTC). job_id is 0 for calls of no job; a call of unknown price adds 0 to
# cost.
spending = Table(
    "spending",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("purpose", String(16), primary_key=True),
    Column("model", Text, primary_key=True),
    Column("job_id", Number, primary_key=True, autoincrement=False),
    Column("calls", Number, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cost", Float, nullable=False),
)

# What the calls of a process that are in flight may cost, so that the day's budget holds across processes.
# expires: by the database's clock; what a dead process had reserved ends then.
reservation = Table(
    "reservation",
    metadata,
    Column("holder", Text, primary_key=True),
    Column("cost", Float, nullable=False),
    Column("expires", Float, nullable=False),
)
