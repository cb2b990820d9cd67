"""The tables of the database, a module for each subject; the migrations create them.

Conditions of indexes are written here for SQLite alone. In the migrations PostgreSQL has them, too: to name
them here would load its dialect, 3 MiB, in every process.
"""

from bot.store.schema.base import metadata
from bot.store.schema.building import batch, example, imported, pace, ranked_text, review, text_log_prob
from bot.store.schema.costs import reservation, spending
from bot.store.schema.datasets import dataset, dataset_item
from bot.store.schema.descriptions import (
    bookmark,
    card_post,
    curation_verdict,
    description,
    pick,
    report,
    team_hero,
)
from bot.store.schema.guilds import (
    guild_greeting,
    guild_setting,
    notice,
    power,
    role_limit,
    season,
    weekly_post,
)
from bot.store.schema.jobs import ACTIVE_JOB, job
from bot.store.schema.models import model, model_answer, model_event
from bot.store.schema.people import blocked_person, daily_use, member_setting, quota_reset
from bot.store.schema.processes import lease
from bot.store.schema.trials import duel, duel_vote, trial
from bot.store.schema.votes import kept_choice, reaction, vote

__all__ = [
    "ACTIVE_JOB",
    "batch",
    "blocked_person",
    "bookmark",
    "card_post",
    "curation_verdict",
    "daily_use",
    "dataset",
    "dataset_item",
    "description",
    "duel",
    "duel_vote",
    "example",
    "guild_greeting",
    "guild_setting",
    "imported",
    "job",
    "kept_choice",
    "lease",
    "member_setting",
    "metadata",
    "model",
    "model_answer",
    "model_event",
    "notice",
    "pace",
    "pick",
    "power",
    "quota_reset",
    "ranked_text",
    "reaction",
    "report",
    "reservation",
    "review",
    "role_limit",
    "season",
    "spending",
    "team_hero",
    "text_log_prob",
    "trial",
    "vote",
    "weekly_post",
]
