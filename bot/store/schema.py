"""The tables of the database; the migrations create them.

Conditions of indexes are written here for SQLite alone. In the migrations PostgreSQL has them, too: to name
them here would load its dialect, 3 MiB, in every process.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)

from bot.store.hero_columns import hero_columns
from bot.store.types import FreeText, MessageColumn, Number

metadata = MetaData()


def _times(*names: str) -> list[Column[float]]:
    """Return columns for moments, in seconds since 1970 (UTC), NULL until they come."""
    return [Column(name, Float) for name in names]


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
    *_times("asked_at", "answered_at"),
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

# written out, not with parameters: else no query could be answered by the index
ACTIVE_JOB = text("state IN ('queued', 'running', 'paused', 'cancelling')")

# Long work. It is planned first and queued when a person confirms the plan; JOBS_AT_ONCE jobs of a kind may
# be active. Its times are the database's. Workers write the progress here and the bot shows it: rate is units
# per second, lost the number of calls that were under way when a worker died. remote_asked_at is set before a
# server is asked to start a training: if the answer is lost, trainings that began since then are searched.
# question is what an operator must answer before a paused job continues. reference: under which logs have
# what is done for it.
job = Table(
    "job",
    metadata,
    Column("id", Number, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("spec", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("phase", MessageColumn, nullable=False, server_default=""),
    Column("done", Number, nullable=False, server_default="0"),
    Column("total", Number, nullable=False, server_default="0"),
    Column("rate", Float),
    Column("lost", Number, nullable=False, server_default="0"),
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
    Column("reference", Text),
    *_times("heartbeat", "remote_asked_at", "created_at", "started_at", "finished_at"),
    CheckConstraint("kind IN ('build', 'finetune')", name="job_kind"),
    CheckConstraint(
        "state IN ('planned', 'queued', 'running', 'paused', 'cancelling', "
        "'succeeded', 'failed', 'cancelled')",
        name="job_state",
    ),
    Index("job_active", "kind", "id", sqlite_where=ACTIVE_JOB),
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

# A thumb as it was given: a reaction to the message, or a button where reactions are not possible. source:
# reaction, super (a super reaction, which Discord keeps apart from the normal one of the emoji), button or
# simulated. value is +1 or -1; account_days is the age of the voter's Discord account then, at most 366.
reaction = Table(
    "reaction",
    metadata,
    Column("description_id", Number, ForeignKey("description.id"), primary_key=True),
    Column("voter", String(64), primary_key=True),
    Column("emoji", String(64), primary_key=True),
    Column("source", String(16), primary_key=True),
    Column("value", Number, nullable=False),
    Column("account_days", Number),
    Column("at", Float, nullable=False),
    Index("reaction_of_voter", "voter"),
)

# One vote per voter and description, derived from the reactions: the latest thumb that still stands.
vote = Table(
    "vote",
    metadata,
    Column("description_id", Number, ForeignKey("description.id"), primary_key=True),
    Column("voter", String(64), primary_key=True),
    Column("value", Number, nullable=False),
    Column("by_requester", Boolean, nullable=False),
    Column("source", String(16), nullable=False),
    Column("account_days", Number),
    Column("at", Float, nullable=False),
    Index("vote_of_voter", "voter", "at"),
    sqlite_with_rowid=False,  # a description's votes are stored side by side and summed without sorting
)

# What rankings of many descriptions were made by last, so that nobody waits for that after a start: by the
# hash of a contest (bot/rating/kept_choices.py) the ids of its best descriptions, and the prior of all votes.
kept_choice = Table(
    "kept_choice",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", JSON, nullable=False),
    Column("at", Float, nullable=False),
)

_RUNNING = text("state = 'running'")

# A candidate's challenge to the live model; at most one is running. It ends won or lost (by the candidate),
# undecided (the maximum of duels or days is reached) or stopped (one of the two is no longer eligible). test:
# what decides it; the first one by default, with which trials before the schema 0016 began.
trial = Table(
    "trial",
    metadata,
    Column("id", Number, primary_key=True),
    Column("live_id", Number, ForeignKey("model.id"), nullable=False),
    Column("candidate_id", Number, ForeignKey("model.id"), nullable=False),
    Column("state", String(16), nullable=False),
    *_times("started_at", "ended_at"),
    Column("test", String(16), nullable=False, server_default="uniform"),
    CheckConstraint("state IN ('running', 'won', 'lost', 'undecided', 'stopped')", name="trial_state"),
    CheckConstraint("test IN ('uniform', 'bimodal')", name="trial_test"),
    Index("trial_one_running", "state", unique=True, sqlite_where=_RUNNING),
)

# Two descriptions of one hero, by the live model and the candidate, shown blind; a: whose is the first.
duel = Table(
    "duel",
    metadata,
    Column("id", Number, primary_key=True),
    Column("trial_id", Number, ForeignKey("trial.id"), nullable=False),
    Column("live_description_id", Number, ForeignKey("description.id"), nullable=False),
    Column("candidate_description_id", Number, ForeignKey("description.id"), nullable=False),
    Column("a", String(16), nullable=False),
    Column("channel_id", BigInteger),
    Column("message_id", BigInteger, unique=True),
    Column("created_at", Float, nullable=False),
    CheckConstraint("a IN ('live', 'candidate')", name="duel_a"),
    Index("duel_of_live_description", "live_description_id"),
    Index("duel_of_candidate_description", "candidate_description_id"),
)

_COUNTS = text("counts")

# What one voter picked in a duel. Only some votes count in the sequential test: of each voter in a trial, and
# of each duel, the first that is no tie. Two indexes ensure this.
duel_vote = Table(
    "duel_vote",
    metadata,
    Column("duel_id", Number, ForeignKey("duel.id"), primary_key=True),
    Column("voter", String(64), primary_key=True),
    Column("trial_id", Number, ForeignKey("trial.id"), nullable=False),
    Column("result", String(16), nullable=False),
    Column("counts", Boolean, nullable=False),
    Column("source", String(16), nullable=False),
    Column("account_days", Number),
    Column("at", Float, nullable=False),
    CheckConstraint("result IN ('live', 'candidate', 'tie')", name="duel_vote_result"),
    Index("duel_vote_of_voter", "voter"),
    Index(
        "duel_vote_one_of_voter",
        "trial_id",
        "voter",
        unique=True,
        sqlite_where=_COUNTS,
    ),
    Index("duel_vote_one_of_duel", "duel_id", unique=True, sqlite_where=_COUNTS),
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
    *_times("greeted_at", "explained_at"),
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

# What one process alone may do: serve a shard, or lead. expires: by the database's clock; an expired lease is
# free. bot/leases.py takes and prolongs them.
lease = Table(
    "lease",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("owner", String(128), nullable=False),
    Column("expires", Float, nullable=False),
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
