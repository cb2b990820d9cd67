"""`herosmith doctor`: it tells what is wrong with an installation in any state, and changes nothing."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.settings import ENGINE_MODEL, Settings
from bot.store.use_lock import mark_unfinished
from tests.cli.conftest import RunCommand
from tests.support.databases import ON_POSTGRES
from tests.support.doctor import TOKEN, change, content, findings, states, whole_output
from tests.support.scripted_server import Script

OF_THE_MACHINE = {"python", "packages", "disk", "memory"}  # that the tests run on
OF_FILES = pytest.mark.sqlite("its database is a file")
OF_BACKUPS = pytest.mark.sqlite("backups copy its file")


@pytest.mark.usefixtures("installed")
def test_a_healthy_installation(terminal: RunCommand, server: Script, tmp_path: Path) -> None:
    server.trainings.lists = ["smollm2-135m-instruct"]
    server.trainings.planned = {"weights": "all"}
    before = content(tmp_path)

    done = terminal("doctor", "--json")

    found = states(done)
    unsound = {check for check, state in found.items() if state not in ("ok", "skipped")}
    assert unsound - OF_THE_MACHINE == set()
    sound = {check for check, state in found.items() if state == "ok"}
    assert {"settings", "files", "data_folder", "database", "engine"} <= sound
    assert ON_POSTGRES or "database_pages" in sound
    assert content(tmp_path) == before


def test_the_terminal_is_told_a_line_each(quick: RunCommand, installed: Settings, tmp_path: Path) -> None:
    (installed.data_dir / "voters.key").unlink()
    change(installed, "INSERT INTO power VALUES ('juggling', 1, 5.0)")
    done = quick("doctor")
    assert done.exit_code == 2
    lines = done.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("failed    pseudonyms"))
    assert "votes belong to nobody" in lines[at]
    assert "→ Put the file back from a backup" in lines[at + 1]
    assert lines[at + 2].strip() == str(installed.data_dir.relative_to(tmp_path) / "voters.key")
    assert lines[-1].endswith("skipped.")


@pytest.mark.usefixtures("installed")
def test_every_mistake_of_the_settings_is_told_and_the_rest_is_examined(
    quick: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COOLDOWN", "soon")
    monkeypatch.setenv("TUNING_EXTRA", "{")
    monkeypatch.setenv("TUNE", "all")
    monkeypatch.setenv("SERVING_URL", "http://127.0.0.1:1/v1")  # forbids TUNE=all
    (tmp_path / ".env").write_text("DISCORD_TOKN=abc\nthis is no setting\n")

    found = findings(quick("doctor", "--json"))

    told = " ".join(each["cause"] for each in found["settings"])
    assert ".env, line 2: not of the form NAME=value" in told
    assert "DISCORD_TOKN in .env is no setting: did you mean DISCORD_TOKEN?" in told
    assert found["settings"][0]["file"] == str(tmp_path / ".env")
    assert found["database"][0]["state"] == "ok"
    assert found["engine"][0]["state"] == "ok"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("COOLDOWN", "soon", "COOLDOWN: write a number"),
        ("TUNING_EXTRA", "{", "TUNING_EXTRA: write an object in JSON"),
        ("TUNE", "some", "TUNE: write auto, all or adapter"),
        ("BASE_MODEL", ENGINE_MODEL, "BASE_MODEL: with ENGINE_BASE, what the engine calls it"),
        ("ENGINE_URL", "localhost:8765", "ENGINE_URL: write a whole address"),
        ("HOME_GUILDS", "Home", "HOME_GUILDS: write the ids of servers"),
    ],
)
@pytest.mark.usefixtures("installed")
def test_a_mistake_is_told_in_the_words_of_a_start(
    quick: RunCommand,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    words: str,
) -> None:
    monkeypatch.setenv(name, value)
    done = quick("doctor", "--json")
    (told,) = findings(done)["settings"]
    assert told["cause"].startswith(words)
    assert told["state"] == "failed"
    assert states(done)["database"] == "ok"


def newer(settings: Settings) -> None:
    change(settings, "UPDATE alembic_version SET version_num = '9999'")


def older(settings: Settings) -> None:
    change(settings, "UPDATE alembic_version SET version_num = '0012'")


def no_database(settings: Settings) -> None:
    (settings.data_dir / "hero.db").unlink()


def text_for_database(settings: Settings) -> None:
    (settings.data_dir / "hero.db").write_text("hello, " * 500)


def file_for_folder(settings: Settings) -> None:
    folder = settings.data_dir
    folder.rename(folder.with_name("old"))
    folder.write_text("")


def no_folder(settings: Settings) -> None:
    settings.data_dir.rename(settings.data_dir.with_name("old"))


def file_above(settings: Settings) -> None:
    above = settings.data_dir.parent
    above.rename(above.with_name("old"))
    above.write_text("")


def future(settings: Settings) -> None:
    change(settings, "INSERT INTO power VALUES ('juggling', 1, :at)", at=time.time() + 5000)


def pipe_for_database(settings: Settings) -> None:
    (settings.data_dir / "hero.db").unlink()
    os.mkfifo(settings.data_dir / "hero.db")


def no_table(settings: Settings) -> None:
    change(settings, "DROP TABLE vote")


def no_column(settings: Settings) -> None:
    change(settings, "ALTER TABLE power RENAME COLUMN at TO later")


def empty_key(settings: Settings) -> None:
    (settings.data_dir / "voters.key").write_bytes(b"")


def folder_for_key(settings: Settings) -> None:
    (settings.data_dir / "voters.key").unlink()
    (settings.data_dir / "voters.key").mkdir()


@pytest.mark.parametrize(
    ("spoil", "check", "state", "words"),
    [
        pytest.param(pipe_for_database, "database", "failed", "is no file", marks=OF_FILES),
        (no_table, "database", "failed", "lacks vote."),
        (no_column, "database", "failed", "lacks power.at."),
        (empty_key, "pseudonyms", "failed", "no backup is made"),
        (folder_for_key, "pseudonyms", "failed", "no backup is made"),
        (newer, "database", "failed", "made by a newer Herosmith"),
        (older, "database", "warning", "the next start makes it"),
        pytest.param(no_database, "database", "skipped", "no database yet", marks=OF_FILES),
        pytest.param(text_for_database, "database", "failed", "is no SQLite database", marks=OF_FILES),
        (file_for_folder, "data_folder", "failed", "is no folder"),
        (no_folder, "data_folder", "warning", "is not there"),
        (file_above, "data_folder", "failed", "what should hold it is no folder"),
        (future, "clock", "failed", "83 min in the future"),
    ],
)
def test_each_kind_of_broken_data(
    quick: RunCommand,
    installed: Settings,
    tmp_path: Path,
    spoil: Callable[[Settings], None],
    check: str,
    state: str,
    words: str,
) -> None:
    spoil(installed)
    before = content(tmp_path)
    told, *others = findings(quick("doctor", "--json"))[check]  # a server's clock is a second one
    assert (told["state"], words in told["cause"]) == (state, True), told
    assert {each["state"] for each in others} <= {"ok"}
    assert content(tmp_path) == before


@contextmanager
def closed_to_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let nobody write into a folder during the block, not even root, whom modes do not stop."""
    access = os.access

    def refuse(path: str | Path, mode: int, **options: bool) -> bool:
        return Path(path) != folder and access(path, mode, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "access", refuse)
        yield


def test_a_data_folder_that_may_not_be_made(
    quick: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    monkeypatch.setenv("DATA_DIR", str(closed / "var"))
    with closed_to_all(closed, monkeypatch):
        (told,) = findings(quick("doctor", "--json"))["data_folder"]
    assert told["state"] == "failed"
    assert "may not make it here" in told["cause"]
    assert told["file"] == str(closed)


@OF_BACKUPS
def test_the_folder_of_backups(quick: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def look() -> tuple[str, str]:
        (told,) = findings(quick("doctor", "--json"))["backups"]
        return told["state"], told["cause"]

    assert look() == ("skipped", "BACKUP_DIR is empty: the bot makes no backups by itself.")
    folder = tmp_path / "disk" / "backups"
    monkeypatch.setenv("BACKUP_DIR", str(folder))
    assert look() == ("failed", "The folder of BACKUP_DIR is not there, and the bot cannot make it.")
    folder.parent.mkdir()
    assert look() == ("warning", "The folder of BACKUP_DIR is not there: the next backup makes it.")
    assert not folder.exists()
    folder.touch()
    assert look() == ("failed", "BACKUP_DIR names no folder.")
    folder.unlink()
    folder.mkdir()
    with closed_to_all(folder, monkeypatch):
        assert look() == ("failed", "This program may not read and write the folder of BACKUP_DIR.")
    assert look() == ("warning", "There is no scheduled backup yet.")


@OF_BACKUPS
@pytest.mark.parametrize(("hours", "state"), [(1, "ok"), (47, "ok"), (50, "warning")])
def test_the_age_of_the_newest_backup(
    quick: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int, state: str
) -> None:
    made_at = datetime.now(UTC) - timedelta(hours=hours)
    (tmp_path / f"herosmith-{made_at:%Y%m%d-%H%M%S}.tar.gz").touch()
    monkeypatch.setenv("BACKUP_DIR", str(tmp_path))
    (told,) = findings(quick("doctor", "--json"))["backups"]
    assert told["cause"].startswith("The newest scheduled backup is ")
    assert told["state"] == state


@pytest.mark.parametrize(("at_once", "state"), [("16", "ok"), ("17", "warning")])
def test_more_heroes_at_once_than_the_engine_writes(
    quick: RunCommand, monkeypatch: pytest.MonkeyPatch, at_once: str, state: str
) -> None:
    monkeypatch.setenv("HEROES_AT_ONCE", at_once)
    (told,) = findings(quick("doctor", "--json"))["settings"]
    assert told["state"] == state


def test_an_interrupted_restore_is_told(quick: RunCommand, installed: Settings) -> None:
    mark_unfinished(installed.data_dir)
    told = findings(quick("doctor", "--json"))["data_folder"][-1]
    assert told["state"] == "failed"
    assert told["cause"] == quick("models", "list").stderr.strip()
    assert "herosmith restore PATH" in told["cause"]


@pytest.mark.parametrize("name", ["engine", "engine/models"])
def test_a_file_in_the_place_of_a_folder_of_the_engine(
    quick: RunCommand, installed: Settings, name: str
) -> None:
    path = installed.data_dir / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    told = findings(quick("doctor", "--json"))["data_folder"][-1]
    assert (told["state"], told["file"]) == ("failed", str(path))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql//olga:hunter22@host/hero", "is no address of a database"),
        ("://hunter22", "is no address of a database"),
        ("postgresql+asyncpg://olga:hunter22@host:54x/hero", "is no address of a database"),
        ("mysql://olga:hunter22@host/hero?password=hunter22", "stores in SQLite and PostgreSQL alone"),
        ("oracel://olga:hunter22@host/hero", "cannot be used"),
        ("sqlite:///hero.db", "cannot be used"),
        ("sqlite+aiosqlite:////proc/hunter/hero.db", "none can be made there"),
    ],
)
def test_an_address_of_no_database(
    quick: RunCommand, monkeypatch: pytest.MonkeyPatch, url: str, words: str
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)  # the playground has a database of its own
    monkeypatch.setenv("DATABASE_URL", url)
    (told,) = findings(quick("doctor", "--json"))["database"]
    assert (told["state"], words in told["cause"]) == ("failed", True), told
    opened = quick("models", "list")
    assert opened.exit_code == 1
    assert opened.exception is None or isinstance(opened.exception, SystemExit)
    assert "hunter22" not in whole_output(quick) + opened.output


def test_before_the_schema_changes_a_backup_is_the_cure(quick: RunCommand, installed: Settings) -> None:
    older(installed)
    (told,) = findings(quick("doctor", "--json"))["database"]
    assert "herosmith backup" in told["cure"]


@OF_FILES
def test_a_folder_that_cannot_be_looked_at(
    quick: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with one of another user's, which this test's user, who may be root, could read."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / ("x" * 300)))
    monkeypatch.delenv("ENGINE_URL")
    done = quick("doctor", "--json")
    (told,) = findings(done)["database"]
    assert told["state"] == "failed"
    assert "cannot be looked at" in told["cause"]
    assert "broke off" not in done.stdout


@OF_FILES
def test_another_program_that_holds_the_database_is_named(quick: RunCommand, installed: Settings) -> None:
    with closing(sqlite3.connect(installed.data_dir / "hero.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        (told,) = findings(quick("doctor", "--json"))["database_lock"]
    assert told["state"] in ("failed", "skipped")  # where the system does not tell
    assert told["state"] == "skipped" or "holds the database" in told["cause"]
