"""Jobs: long work."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    Index,
    String,
    Table,
    Text,
    false,
    text,
)

from bot.store.schema.base import metadata, times
from bot.store.types import MessageColumn, Number

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
    *times("heartbeat", "remote_asked_at", "created_at", "started_at", "finished_at"),
    CheckConstraint("kind IN ('build', 'finetune')", name="job_kind"),
    CheckConstraint(
        "state IN ('planned', 'queued', 'running', 'paused', 'cancelling', "
        "'succeeded', 'failed', 'cancelled')",
        name="job_state",
    ),
    Index("job_active", "kind", "id", sqlite_where=ACTIVE_JOB),
)
