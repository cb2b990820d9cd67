"""docs/clients.md has the table of what tests/clients tries."""

from pathlib import Path

from tests.clients.clients import table


def test_the_table_in_the_docs_is_that_of_the_tests() -> None:
    """If it fails, replace the table in docs/clients.md by what tests.clients.clients.table() returns."""
    page = (Path(__file__).parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")
    assert table() in page, "docs/clients.md needs this table:\n" + table()
