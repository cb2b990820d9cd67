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
    true,
)

from bot.store.hero_columns import hero_columns
from bot.store.types import MessageColumn

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
    *hero_columns(),
    Column("repeat", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("template_version", Integer, nullable=False),
    Column("model", Text, nullable=False),
    Column("params", JSON, nullable=False),
    Column("answer", Text),
    Column("finish_reason", Text),
    Column("prompt_tokens", Integer),
    Column("completion_tokens", Integer),
    Column("flagged", Boolean),  # by the provider's moderation, where it was asked
    *_times("asked_at", "answered_at"),
)

# What a person said of an example: keep it, whatever curation says; reject it; or this text in its place.
review = Table(
    "review",
    metadata,
    Column("example_id", Integer, ForeignKey("example.id"), primary_key=True),
    Column("verdict", String(8), nullable=False),
    Column("text", Text),
    Column("at", Float, nullable=False),
    CheckConstraint("verdict IN ('keep', 'edit', 'reject')", name="review_verdict"),
)

# A text from a file that somebody brought; all its fields are kept as they stood there.
imported = Table(
    "imported",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("file", Text, nullable=False),
    *hero_columns(Text),
    Column("prompt", Text, nullable=False),
    Column("sub_prompt", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("finish_reason", Text, nullable=False),
)

# What was paid, summed by day (UTC). job_id is 0 where no job paid; a call of unknown price adds 0 to cost.
spending = Table(
    "spending",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("purpose", String(16), primary_key=True),
    Column("model", Text, primary_key=True),
    Column("job_id", Integer, primary_key=True, autoincrement=False),
    Column("calls", Integer, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cost", Float, nullable=False),
)

# How fast a model answered the last build, and what its server's limits allowed, each per second.
pace = Table(
    "pace",
    metadata,
    Column("model", Text, primary_key=True),
    Column("answers", Float, nullable=False),
    Column("requests", Float),
    Column("tokens", Float),
    Column("at", Float, nullable=False),
)

_ACTIVE = text("state IN ('queued', 'running', 'paused', 'cancelling')")

# Long work. It is planned first, and queued when somebody confirms the plan; at most one of a kind is active.
# Progress is written here and rendered from here: rate is how many are done a second, lost how many calls
# were in the air when a worker died. remote_asked_at is set before a server is asked to start a training: an
# id that got lost is looked for from then on. question is what an operator must answer before a paused job
# goes on.
job = Table(
    "job",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("spec", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("phase", MessageColumn, nullable=False, server_default=""),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("total", Integer, nullable=False, server_default="0"),
    Column("rate", Float),
    Column("lost", Integer, nullable=False, server_default="0"),
    Column("result", JSON),
    Column("error", MessageColumn),
    Column("requester_id", BigInteger),
    Column("channel_id", BigInteger),
    Column("message_id", BigInteger),
    Column("announced", Boolean, nullable=False, server_default=false()),
    Column("remote_file_ids", JSON),
    Column("remote_job_id", Text),
    Column("question", MessageColumn),
    Column("owner", Text),
    *_times("heartbeat", "remote_asked_at", "created_at", "started_at", "finished_at"),
    CheckConstraint("kind IN ('build', 'finetune')", name="job_kind"),
    CheckConstraint(
        "state IN ('planned', 'queued', 'running', 'paused', 'cancelling', "
        "'succeeded', 'failed', 'cancelled')",
        name="job_state",
    ),
    Index("job_one_active", "kind", unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
)

# Requests handed to a provider all at once. Written before anything goes out; what it may cost counts until
# it is over.
batch = Table(
    "batch",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job_id", Integer, ForeignKey("job.id"), nullable=False),
    Column("model", Text, nullable=False),
    Column("requests", Integer, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("file", Text),
    Column("remote_id", Text),
    Column("taken", Integer, nullable=False, server_default="0"),
    Column("over", Boolean, nullable=False, server_default=false()),
    Column("at", Float, nullable=False),
)

# An immutable numbered snapshot: its id is the version that people see. rebuild says that a text of it had to
# be deleted: nothing is trained on it any more.
dataset = Table(
    "dataset",
    metadata,
    Column("id", Integer, primary_key=True),
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
    Column("dataset_id", Integer, ForeignKey("dataset.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("split", String(8), nullable=False),
    Column("prompt", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("rejected", Text),  # the worse text of a pair, in preference datasets
    Column("source", String(16), nullable=False),
    Column("source_id", Integer, nullable=False),
    Column("rejected_id", Integer),  # the description that the worse text is
    Column("deleted", Boolean, nullable=False, server_default=false()),  # a tombstone: its texts are empty
    CheckConstraint("split IN ('train', 'valid')", name="dataset_item_split"),
    CheckConstraint("source IN ('example', 'description', 'import')", name="dataset_item_source"),
)

_LIVE = text("state = 'live'")

# A tuned model. The database itself keeps the live one single. served_as is the name that chats give, empty
# until somebody has deployed the model where that is a step of its own; retires_on the day (YYYY-MM-DD) on
# which its server shuts it or its base down. A model whose place was taken may win it back by votes until
# challenges_until.
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
    Column("served_as", Text),
    Column("retires_on", String(10)),
    Column("challenges_until", Float),
    Column("created_at", Float, nullable=False),
    CheckConstraint("state IN ('candidate', 'live', 'retired')", name="model_state"),
    Index("model_one_live", "state", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE),
)

# What became of a model, kept for ever. Promoted is by votes, an override by hand; challenges: it may win its
# place back; outvoted: a trial was lost. replaced_id is the live model
# whose place it took; actor_id the operator's Discord id, empty where nobody of Discord's did it.
model_event = Table(
    "model_event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model_id", Integer, ForeignKey("model.id"), nullable=False),
    Column("what", String(16), nullable=False),
    Column("replaced_id", Integer, ForeignKey("model.id")),
    Column("actor_id", BigInteger),
    Column("at", Float, nullable=False),
    CheckConstraint(
        "what IN ('registered', 'deployed', 'first', 'promoted', 'override', 'rolled back', 'fell back', "
        "'lost', 'challenges', 'outvoted', 'retired')",
        name="model_event_what",
    ),
)

# What the admins are to be told, once each; without a channel of its own in the admin channel. action is what
# its button does, where it has one: promote:3.
notice = Table(
    "notice",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("text", MessageColumn, nullable=False),
    Column("channel_id", BigInteger),
    Column("mention_id", BigInteger),
    Column("action", Text),
    Column("told", Boolean, nullable=False, server_default=false()),
    Column("at", Float, nullable=False),
)

# One answer shown to a user. Stored before it is shown, so that no shown text is unknown. Two of a duel are
# shown by the duel's message. removed_at: operators took it from sight and from training. settled: somebody
# had a vote on it deleted, whose thumb may still stand under the message, and is not looked for there again.
description = Table(
    "description",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model", Text, nullable=False),
    Column("tuned", Boolean, nullable=False),
    *hero_columns(),
    Column("text", Text, nullable=False),
    Column("finish_reason", Text, nullable=False),
    Column("prompt_version", Integer, nullable=False),
    Column("sampling", JSON, nullable=False),
    Column("requester", String(64), nullable=False),
    Column("guild_id", BigInteger),
    Column("channel_id", BigInteger),
    Column("message_id", BigInteger, unique=True),
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("removed_at", Float),
    Column("settled", Boolean, nullable=False, server_default=false()),
    Index("description_of_requester", "requester", "created_at"),
    Index("description_of_guild", "guild_id", "created_at"),
    Index("description_of_time", "created_at"),
)

# What was clicked, kept as it was clicked: a thumb under the message, or a button where reactions may not be.
# source: reaction, super (a super reaction; Discord keeps it beside the plain one of that emoji), button or
# simulated. value is +1 or -1; account_days the age of the voter's Discord account then, at most 366.
reaction = Table(
    "reaction",
    metadata,
    Column("description_id", Integer, ForeignKey("description.id"), primary_key=True),
    Column("voter", String(64), primary_key=True),
    Column("emoji", String(64), primary_key=True),
    Column("source", String(16), primary_key=True),
    Column("value", Integer, nullable=False),
    Column("account_days", Integer),
    Column("at", Float, nullable=False),
    Index("reaction_of_voter", "voter"),
)

# One vote per voter and description, derived from the reactions: the latest thumb that is still there.
vote = Table(
    "vote",
    metadata,
    Column("description_id", Integer, ForeignKey("description.id"), primary_key=True),
    Column("voter", String(64), primary_key=True),
    Column("value", Integer, nullable=False),
    Column("by_requester", Boolean, nullable=False),
    Column("source", String(16), nullable=False),
    Column("account_days", Integer),
    Column("at", Float, nullable=False),
    Index("vote_of_voter", "voter", "at"),
    sqlite_with_rowid=False,  # a description's votes lie side by side: they are added up without sorting
)

_RUNNING = text("state = 'running'")

# A candidate's challenge to the live model: one at a time. It is won, lost, undecided (the duels or days that
# were set are over) or stopped (one of the two is out of the running).
trial = Table(
    "trial",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("live_id", Integer, ForeignKey("model.id"), nullable=False),
    Column("candidate_id", Integer, ForeignKey("model.id"), nullable=False),
    Column("state", String(16), nullable=False),
    *_times("started_at", "ended_at"),
    CheckConstraint("state IN ('running', 'won', 'lost', 'undecided', 'stopped')", name="trial_state"),
    Index("trial_one_running", "state", unique=True, sqlite_where=_RUNNING, postgresql_where=_RUNNING),
)

# Two descriptions of one hero, by the live model and by the candidate, shown blind; a: which stands first.
duel = Table(
    "duel",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("trial_id", Integer, ForeignKey("trial.id"), nullable=False),
    Column("live_description_id", Integer, ForeignKey("description.id"), nullable=False),
    Column("candidate_description_id", Integer, ForeignKey("description.id"), nullable=False),
    Column("a", String(16), nullable=False),
    Column("channel_id", BigInteger),
    Column("message_id", BigInteger, unique=True),
    Column("created_at", Float, nullable=False),
    CheckConstraint("a IN ('live', 'candidate')", name="duel_a"),
)

_COUNTS = text("counts")

# What one voter picked in a duel. Only some results count in the test: the first decided one of each voter
# in a trial, and of each duel. The database itself keeps it so.
duel_vote = Table(
    "duel_vote",
    metadata,
    Column("duel_id", Integer, ForeignKey("duel.id"), primary_key=True),
    Column("voter", String(64), primary_key=True),
    Column("trial_id", Integer, ForeignKey("trial.id"), nullable=False),
    Column("result", String(16), nullable=False),
    Column("counts", Boolean, nullable=False),
    Column("source", String(16), nullable=False),
    Column("account_days", Integer),
    Column("at", Float, nullable=False),
    CheckConstraint("result IN ('live', 'candidate', 'tie')", name="duel_vote_result"),
    Index("duel_vote_of_voter", "voter"),
    Index(
        "duel_vote_one_of_voter",
        "trial_id",
        "voter",
        unique=True,
        sqlite_where=_COUNTS,
        postgresql_where=_COUNTS,
    ),
    Index("duel_vote_one_of_duel", "duel_id", unique=True, sqlite_where=_COUNTS, postgresql_where=_COUNTS),
)

# A power that an admin added to the vocabulary: from then on its descriptions may train.
power = Table(
    "power",
    metadata,
    Column("power", Text, primary_key=True),
    Column("actor_id", BigInteger),
    Column("at", Float, nullable=False),
)

# What an admin set for their own server; empty where the installation's default holds.
guild_setting = Table(
    "guild_setting",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("channels", JSON),
    Column("cooldown", Float),
    Column("daily_per_user", Integer),
    Column("daily_of_guild", Integer),
    Column("language", String(8)),
    Column("at", Float, nullable=False),
)

# Who reported a description, once each. counts: towards hiding it (bot/community/content_reports.py says
# whose do). dismissed: an operator found nothing wrong with it.
report = Table(
    "report",
    metadata,
    Column("description_id", Integer, ForeignKey("description.id"), primary_key=True),
    Column("reporter", String(64), primary_key=True),
    Column("dismissed", Boolean, nullable=False, server_default=false()),
    Column("at", Float, nullable=False),
    Column("counts", Boolean, nullable=False, server_default=true()),
    Index("report_of_reporter", "reporter"),
)
