"""Rows are read as classes: a column that its class lacks would fail at the first row that is read."""

import dataclasses

import pytest
from sqlalchemy import Table

from bot.store import batches, datasets, duels, guilds, jobs, models, notifications, schema, trials

# the classes that are made of all columns of a row
ROWS: dict[type, Table] = {
    batches.BatchRow: schema.batch,
    datasets.Dataset: schema.dataset,
    duels.Duel: schema.duel,
    duels.DuelVote: schema.duel_vote,
    guilds.GuildSetting: schema.guild_setting,
    jobs.Job: schema.job,
    models.Model: schema.model,
    models.ModelEvent: schema.model_event,
    notifications.Notification: schema.notice,
    trials.Trial: schema.trial,
}


@pytest.mark.parametrize(
    ("row", "table"), ROWS.items(), ids=lambda each: str(getattr(each, "__name__", each))
)
def test_the_class_of_a_row_has_a_field_for_each_column(row: type, table: Table) -> None:
    fields = {field.name for field in dataclasses.fields(row)}
    missing = [column.name for column in table.columns if column.name not in fields]
    assert missing == [], f"add these columns to {row.__module__}.{row.__name__}"
