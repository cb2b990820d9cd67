"""Descriptions: the texts that people see, and what is kept of them."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    false,
    true,
)

from bot.store.hero_columns import hero_columns
from bot.store.schema.base import metadata
from bot.store.types import FreeText, Number

# One text shown to a user, stored before it is shown, so that every shown text is known. The two of a duel
# are in the duel's message. removed_at: it is hidden, and excluded from training. removed_by_operators: they
# have decided that, for good. settled: a person had their vote on it deleted, so its message is excluded from
# the backfill: their thumb may still be there. kind: hero, the answer to a request; take, the same hero
# written anew beside its parent; scene, which continues its parent; team, several heroes in one text
# (team_hero). Heroes and takes train, scenes if that is set.
description = Table(
    "description",
    metadata,
    Column("id", Number, primary_key=True),
    Column("model", Text, nullable=False),
    Column("tuned", Boolean, nullable=False),
    *hero_columns(),
    Column("text", FreeText, nullable=False),
    Column("finish_reason", Text, nullable=False),
    Column("prompt_version", Number, nullable=False),
    Column("sampling", JSON, nullable=False),
    Column("requester", String(64), nullable=False),
    Column("guild_id", BigInteger),
    Column("channel_id", BigInteger),
    Column("message_id", BigInteger, unique=True),
    Column("prompt_tokens", Number, nullable=False),
    Column("completion_tokens", Number, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("removed_at", Float),
    Column("settled", Boolean, nullable=False, server_default=false()),
    Column("removed_by_operators", Boolean, nullable=False, server_default=false()),
    Column("kind", String(8), nullable=False, server_default="hero"),
    Column("parent_id", Number, ForeignKey("description.id")),
    CheckConstraint("kind IN ('hero', 'take', 'scene', 'team')", name="description_kind"),
    Index("description_of_requester", "requester", "created_at"),
    # on PostgreSQL these two hold the ids as well (migration 0022); SQLite's hold them in any case
    Index("description_of_guild", "guild_id", "created_at"),
    Index("description_of_time", "created_at", "requester", "guild_id", "kind"),  # to count without the texts
    Index("description_of_parent", "parent_id"),
    Index("description_of_power", "power", "kind"),  # as above, to suggest powers
)

# What curation says of a description's text: why it may not train, NULL if it may. rules: the version of the
# rules that say so (bot/dataset/versions/kept_verdicts.py); what others said is replaced.
curation_verdict = Table(
    "curation_verdict",
    metadata,
    Column("description_id", Number, ForeignKey("description.id"), primary_key=True),
    Column("rules", String(16), nullable=False),
    Column("reason", Text),
)

# The messages that show a description's card, so that they go when its text is hidden.
card_post = Table(
    "card_post",
    metadata,
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    Column("description_id", Number, ForeignKey("description.id"), nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("at", Float, nullable=False),
    Index("card_post_of_description", "description_id"),
)

# The heroes of a team, whose text is the description; its own hero is the first of them.
team_hero = Table(
    "team_hero",
    metadata,
    Column("description_id", Number, ForeignKey("description.id"), primary_key=True),
    Column("position", Number, primary_key=True, autoincrement=False),
    *hero_columns(),
)

# Which of two texts a person likes better: a take, or its parent. A pair for training, and never a vote in a
# trial.
pick = Table(
    "pick",
    metadata,
    Column("take_id", Number, ForeignKey("description.id"), primary_key=True),
    Column("voter", String(64), primary_key=True),
    Column("prefers", String(8), nullable=False),
    Column("account_days", Number),
    Column("at", Float, nullable=False),
    CheckConstraint("prefers IN ('take', 'parent')", name="pick_prefers"),
    Index("pick_of_voter", "voter"),
)

# A description that a person keeps.
bookmark = Table(
    "bookmark",
    metadata,
    Column("person", String(64), primary_key=True),
    Column("description_id", Number, ForeignKey("description.id"), primary_key=True),
    Column("at", Float, nullable=False),
    Index("bookmark_of_person", "person", "at", "description_id"),
    Index("bookmark_of_description", "description_id"),
)

# One person's report of a description. counts: it counts towards hiding the description
# (bot/community/content_reports.py decides). dismissed: an operator found nothing wrong. words: what the
# person wrote of their own, kept nowhere else. notice_id: by which operators learn of the report, if they do.
# worded: that notification has told of words by this person, if only of those that were taken back.
report = Table(
    "report",
    metadata,
    Column("description_id", Number, ForeignKey("description.id"), primary_key=True),
    Column("reporter", String(64), primary_key=True),
    Column("dismissed", Boolean, nullable=False, server_default=false()),
    Column("at", Float, nullable=False),
    Column("counts", Boolean, nullable=False, server_default=true()),
    Column("words", FreeText, nullable=False, server_default=""),
    Column("notice_id", Number, ForeignKey("notice.id")),
    Column("withdrawn", Boolean, nullable=False, server_default=false()),
    Column("worded", Boolean, nullable=False, server_default=false()),
    Index("report_of_reporter", "reporter"),
)
