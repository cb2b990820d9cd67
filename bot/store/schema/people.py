"""People by pseudonym: their settings, blocks and days."""

from sqlalchemy import BigInteger, Boolean, Column, Float, String, Table, false

from bot.store.schema.base import metadata
from bot.store.types import Number

# What a person allows others to see. shows_heroes: the heroes that they asked for, in their list. in_gallery:
# these heroes, in the gallery. user_id: set if they may be named among those who vote most.
member_setting = Table(
    "member_setting",
    metadata,
    Column("person", String(64), primary_key=True),
    Column("shows_heroes", Boolean, nullable=False, server_default=false()),
    Column("in_gallery", Boolean, nullable=False, server_default=false()),
    Column("user_id", BigInteger),
    Column("at", Float, nullable=False),
)

# A person whom operators do not let ask, or whose heroes of the day they counted from zero again.
blocked_person = Table(
    "blocked_person",
    metadata,
    Column("person", String(64), primary_key=True),
    Column("actor_id", BigInteger),
    Column("at", Float, nullable=False),
)
quota_reset = Table(
    "quota_reset",
    metadata,
    Column("person", String(64), primary_key=True),
    Column("actor_id", BigInteger),
    Column("at", Float, nullable=False),
)

# How many heroes a person has asked for since a moment, the day's beginning or a reset, if several processes
# serve; asked_at: the last time, by the database's clock. Rows of days before are deleted.
daily_use = Table(
    "daily_use",
    metadata,
    Column("person", String(64), primary_key=True),
    Column("since", Float, nullable=False),
    Column("heroes", Number, nullable=False),
    Column("asked_at", Float),
)
