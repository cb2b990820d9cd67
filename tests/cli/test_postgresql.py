"""Commands of an installation on PostgreSQL: each works there, or says what to use in its place."""

from pathlib import Path

import pytest

from tests.cli.conftest import RunCommand
from tests.support.copies import Places

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz0123"  # noqa: S105 (of no bot)

COMMANDS = {
    ("backup", "backups/new.tar.gz"): (1, "Use pg_dump for the one that DATABASE_URL names"),
    ("restore", "backups/old.tar.gz"): (
        1,
        "copy its hero.db to an empty database there with `herosmith db copy`",
    ),
    ("prune",): (0, "There is nothing to delete"),
    ("db", "check"): (0, "has 0 rows in"),
    ("dataset", "list"): (0, ""),
    ("jobs", "list"): (0, ""),
    ("models", "list"): (0, ""),
    ("people", "heaviest"): (0, ""),
}


@pytest.fixture
def on_postgresql(
    terminal: RunCommand, places: Places, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> str:
    """Let the installation's database be one on the server. Return its address."""
    assert callable(terminal)  # its settings are changed here
    url = places.migrated("postgresql")
    (tmp_path / "var").mkdir(exist_ok=True)
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)  # the playground has a database of its own
    monkeypatch.setenv("DATABASE_URL", url)
    return url


@pytest.mark.usefixtures("on_postgresql")
def test_each_command_works_or_says_what_to_use(terminal: RunCommand) -> None:
    for command, (code, words) in COMMANDS.items():
        done = terminal(*command)
        assert (done.exit_code, words in done.output) == (code, True), (command, done.output)
    assert not Path("var/hero.db").exists()


@pytest.mark.usefixtures("on_postgresql")
def test_the_doctor_examines_it(terminal: RunCommand) -> None:
    told = terminal("doctor").output
    assert "The database has the schema of this version" in told
    assert "SQLite" not in told


@pytest.mark.usefixtures("on_postgresql")
def test_a_file_that_was_not_copied_is_told(terminal: RunCommand, caplog: pytest.LogCaptureFixture) -> None:
    """The bot would begin anew, and what it writes would stand in the way of a copy."""
    Path("var/hero.db").touch()
    assert terminal("jobs", "list").exit_code == 0
    assert "the database in DATABASE_URL is empty, and " in caplog.text
    assert "var/hero.db is not used" in caplog.text
    assert terminal("dataset", "build", "--source", "shipped", "--yes").exit_code == 0
    caplog.clear()
    assert terminal("jobs", "list").exit_code == 0
    assert "is not used" not in caplog.text


def test_scheduled_backups_are_refused(
    terminal: RunCommand, on_postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKUP_DIR", "backups")
    done = terminal("jobs", "list")
    assert (done.exit_code, "pg_dump" in done.output) == (2, True)
    assert on_postgresql not in done.output
