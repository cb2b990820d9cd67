"""Servers of Discord: settings, greetings, limits, seasons, posts, notices and powers."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from bot.store.schema.base import metadata, times
from bot.store.types import FreeText, MessageColumn, Number

# A message to the admins, sent once: in its channel, or in the admin channel if it has none. action is what
# its button does, if it has one: promote:3.
notice = Table(
    "notice",
    metadata,
    Column("id", Number, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("text", MessageColumn, nullable=False),
    Column("channel_id", BigInteger),
    Column("mention_id", BigInteger),
    Column("action", Text),
    Column("told", Boolean, nullable=False, server_default=false()),
    Column("at", Float, nullable=False),
    Column("message_channel_id", BigInteger),
    Column("message_id", BigInteger),
    Column("direct", Boolean, nullable=False, server_default=false()),
    Column("revision", Number, nullable=False, server_default="0"),
)

# A power that an operator added to the vocabulary, so that its descriptions may train.
power = Table(
    "power",
    metadata,
    Column("power", FreeText, primary_key=True),
    Column("actor_id", BigInteger),
    Column("at", Float, nullable=False),
)

# A server's own settings, made by its admins; NULL where the installation's default applies.
guild_setting = Table(
    "guild_setting",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("channels", JSON),
    Column("cooldown", Float),
    Column("daily_per_user", Number),
    Column("daily_of_guild", Number),
    Column("language", String(8)),
    Column("weekly_channel", BigInteger),
    Column("weekly_day", Number),
    Column("weekly_hour", Number),
    Column("time_zone", Text),
    Column("in_gallery", Boolean),
    Column("at", Float, nullable=False),
)

# What a server was told once: when the bot joined, and what thumbs are for.
guild_greeting = Table(
    "guild_greeting",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    *times("greeted_at", "explained_at"),
)

# A server's limits for members with a role; NULL where the server's own applies.
role_limit = Table(
    "role_limit",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("role_id", BigInteger, primary_key=True, autoincrement=False),
    Column("cooldown", Float),
    Column("daily_per_user", Number),
    Column("at", Float, nullable=False),
)

_OPEN = text("ended_at IS NULL")

# A season of a server: a span of time with winners of its own; at most one is open.
season = Table(
    "season",
    metadata,
    Column("id", Number, primary_key=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("number", Number, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("actor_id", BigInteger),
    UniqueConstraint("guild_id", "number"),
    Index("season_one_open", "guild_id", unique=True, sqlite_where=_OPEN),
)

# A server's post on its best text of a week; the week is the day on which it ends (YYYY-MM-DD, in the
# server's time zone). The row is written before the post: a week is posted once. message_id: NULL if there
# was nothing to post, or it could not be posted.
weekly_post = Table(
    "weekly_post",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("week", String(10), primary_key=True),
    Column("description_id", Number, ForeignKey("description.id")),
    Column("channel_id", BigInteger),
    Column("message_id", BigInteger),
    Column("at", Float, nullable=False),
)
