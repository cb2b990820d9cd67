"""PRIVACY.md is true: it names every field that is kept about people."""

import re

import pytest
from sqlalchemy import Table

from bot.settings import ROOT
from bot.store.personal_data import IDS, PSEUDONYMS
from bot.store.schema import metadata

POLICY = (ROOT / "PRIVACY.md").read_text()
_SOMEBODY = re.compile(r"requester|voter|reporter|actor|user|member|mention|author|person|account")
_HELD = {column.table.name for column in (*PSEUDONYMS, *IDS)}


def listed() -> dict[str, set[str]]:
    """The fields in the policy's tables, by table."""
    fields: dict[str, set[str]] = {}
    for table, cell in re.findall(r"^\| `(\w+)` \| ([^|]+) \|", POLICY, re.MULTILINE):
        fields.setdefault(table, set()).update(re.findall(r"`(\w+)`", cell))
    return fields


def test_every_column_of_a_table_about_people_is_listed_and_no_other() -> None:
    assert listed() == {name: set(metadata.tables[name].columns.keys()) for name in _HELD}


def test_every_other_table_is_said_to_hold_nobody() -> None:
    said = POLICY.split("### What says nothing about a person")[1].split("\n\nThe log")[0]
    assert set(re.findall(r"`(\w+)`", said)) == set(metadata.tables) - _HELD


@pytest.mark.parametrize("table", metadata.tables.values(), ids=str)
def test_a_column_that_sounds_like_somebody_is_looked_for_and_deleted(table: Table) -> None:
    """account_days and by_requester go with their row; daily_per_user is a limit."""
    sounds = {column.name for column in table.columns if _SOMEBODY.search(column.name)}
    known = {column.name for column in (*PSEUDONYMS, *IDS) if column.table is table}
    assert sounds - {"account_days", "by_requester", "daily_per_user"} == known
