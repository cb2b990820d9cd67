"""PRIVACY.md lists every column that is stored about people."""

import re

import pytest
from sqlalchemy import Table

from bot.settings import ROOT
from bot.store.personal_data import IDS, PSEUDONYMS
from bot.store.schema import metadata

POLICY = (ROOT / "PRIVACY.md").read_text()
_PERSON_WORDS = re.compile(r"requester|voter|reporter|actor|user|member|mention|author|person|account")
_PERSONAL_TABLES = {column.table.name for column in (*PSEUDONYMS, *IDS)}


def listed() -> dict[str, set[str]]:
    """Return the columns in the policy's tables, by table."""
    fields: dict[str, set[str]] = {}
    for table, cell in re.findall(r"^\| `(\w+)` \| ([^|]+) \|", POLICY, re.MULTILINE):
        fields.setdefault(table, set()).update(re.findall(r"`(\w+)`", cell))
    return fields


def test_lists_every_column_of_personal_tables() -> None:
    assert listed() == {name: set(metadata.tables[name].columns.keys()) for name in _PERSONAL_TABLES}


def test_lists_all_other_tables_as_not_personal() -> None:
    said = POLICY.split("### What says nothing about a person")[1].split("\n\nThe log")[0]
    assert set(re.findall(r"`(\w+)`", said)) == set(metadata.tables) - _PERSONAL_TABLES


@pytest.mark.parametrize("table", metadata.tables.values(), ids=str)
def test_every_column_that_seems_personal_is_exported_and_deleted(table: Table) -> None:
    """account_days and by_requester are deleted with their row; daily_per_user is a limit."""
    seeming = {column.name for column in table.columns if _PERSON_WORDS.search(column.name)}
    known = {column.name for column in (*PSEUDONYMS, *IDS) if column.table is table}
    assert seeming - {"account_days", "by_requester", "daily_per_user"} <= known
