"""`herosmith db` in the terminal; tests/store/copying/ has what is copied, and what is refused."""

import json
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from bot.store.schema import metadata
from bot.store.use_lock import in_use
from tests.cli.conftest import RunCommand
from tests.support.copies import Places, execute, interrupt
from tests.support.filled_tables import fill

SECRET = "hunter22"  # noqa: S105 (of no server)


@pytest.fixture
def data(
    terminal: RunCommand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, migrated_database: Path
) -> Path:
    """Return the data folder of an installation with rows in every table of an SQLite file."""
    assert callable(terminal)  # its settings are changed here
    for name in ("DATABASE_URL", "DISCORD_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "var" / "playground"
    folder.mkdir(parents=True)
    (folder / "hero.db").write_bytes(migrated_database.read_bytes())
    engine = create_engine(f"sqlite:///{folder / 'hero.db'}")
    with engine.begin() as connection:
        fill(connection)
    engine.dispose()
    with in_use(folder):  # as a bot has it
        (folder / "voters.key").write_text("secret")
        (folder / "reports").mkdir()
    return folder


def test_a_copy_is_told_by_table_and_says_what_comes_next(
    terminal: RunCommand, data: Path, tmp_path: Path
) -> None:
    done = terminal("db", "copy", str(data / "hero.db"), "moved/hero.db")

    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()  # how far it is goes to standard error
    assert lines[0].split() == ["table", "rows", "equal"]
    assert ["description", "3", "yes"] in [line.split() for line in lines]
    assert f"{3 * len(metadata.tables)} rows were copied in " in done.output
    assert "All tables of moved/hero.db are equal to those of " in done.output
    assert f"DATABASE_URL=sqlite+aiosqlite:///{tmp_path / 'moved' / 'hero.db'}" in done.output
    assert "DATABASE_URL counts once DISCORD_TOKEN is set" in done.output
    assert "The rest stays where it is: var/playground/voters.key, var/playground/reports." in done.output
    again = terminal("db", "copy", str(data / "hero.db"), "moved/hero.db")
    assert again.exit_code == 0
    assert "rows were copied" not in again.output


def test_back_to_the_installations_own_file_no_address_is_needed(terminal: RunCommand, data: Path) -> None:
    (data / "hero.db").rename("elsewhere.db")
    done = json.loads(terminal("db", "copy", "elsewhere.db", str(data / "hero.db"), "--json").stdout)
    assert (done["equal"], done["env"]) == (True, "DATABASE_URL=")
    assert done["by_hand"] == [str(data / "voters.key"), str(data / "reports")]


def test_a_check_is_of_the_installations_database_by_default(terminal: RunCommand, data: Path) -> None:
    named, default = (
        terminal("db", "check", str(data / "hero.db"), "--json"),
        terminal("db", "check", "--json"),
    )
    assert named.stdout.replace(str(data), "") == default.stdout.replace(str(data), "")
    assert json.loads(default.stdout)["rows"] == 3 * len(metadata.tables)
    printed = terminal("db", "check").stdout
    assert f"has {3 * len(metadata.tables)} rows in {len(metadata.tables)} tables" in printed


def test_a_bot_that_runs_is_named(terminal: RunCommand, data: Path) -> None:
    with in_use(data):
        done = terminal("db", "copy", str(data / "hero.db"), "copy.db")
    assert done.exit_code == 1
    assert "is in use by " in done.output
    assert not Path("copy.db").exists()


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        (
            f"postgresql://olga:{SECRET}@host/hero",
            "Write postgresql+asyncpg:// in its place",
        ),
        (f"postgresql+asyncpg://olga:{SECRET}@127.0.0.1:1/hero", "cannot be reached"),
        (f"postgresql+asyncpg://olga:{SECRET}@h:x/hero", "is no address of a database"),
        (f"olga:{SECRET}@host/hero", "neither an address nor a path"),
        ("sqlite+aiosqlite://", "in memory cannot be copied"),
        ("var/playground/hero.db", "is both the source and the target"),
    ],
)
def test_an_unusable_target_is_told_without_its_secret(
    terminal: RunCommand, address: str, sentence: str
) -> None:
    done = terminal("db", "copy", "var/playground/hero.db", address)
    assert (done.exit_code, sentence in done.output) == (1, True), done.output
    assert SECRET not in done.output


def test_a_source_that_is_not_there(terminal: RunCommand) -> None:
    done = terminal("db", "copy", "nowhere.db", "copy.db")
    assert (done.exit_code, "There is no database nowhere.db" in done.output) == (1, True)
    assert not Path("nowhere.db").exists()


def test_a_copy_that_differs_ends_with_1(terminal: RunCommand, data: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"

    interrupt(str(data / "hero.db"), str(target), "comparing", metadata.sorted_tables[0].name)
    execute(f"sqlite+aiosqlite:///{target}", "UPDATE description SET text = 'Another.' WHERE id = 1")

    done = terminal("db", "copy", str(data / "hero.db"), str(target))

    assert done.exit_code == 1
    assert ["description", "3", "no"] in [line.split() for line in done.output.splitlines()]
    assert "Start the same command again: it copies all anew" in done.output
    assert terminal("db", "copy", str(data / "hero.db"), str(target)).exit_code == 0


def test_a_text_that_postgresql_cannot_store_is_told(
    terminal: RunCommand, places: Places, data: Path
) -> None:
    target = places.empty("postgresql")
    source = f"sqlite+aiosqlite:///{data / 'hero.db'}"
    execute(source, "UPDATE description SET text = 'a' || char(0) || 'b' WHERE id = 1")

    done = terminal("db", "copy", str(data / "hero.db"), target)

    assert done.exit_code == 0, done.output
    assert "PostgreSQL stores no U+0000: this sign was taken out of texts in 1 row of desc" in done.output
    assert "DATABASE_URL=postgresql+asyncpg://" in done.output


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        (
            "UPDATE reaction SET emoji = '0123456789' || emoji || replace(hex(zeroblob(30)), '0', 'x')",
            "too long",
        ),
        ("UPDATE job SET result = 'NaN' WHERE id = 1", "invalid input syntax for type json"),
        ("UPDATE description SET age = 3000000000 WHERE id = 2", "out of"),
    ],
)
def test_a_row_that_postgresql_refuses_is_named(
    terminal: RunCommand, places: Places, data: Path, statement: str, sentence: str
) -> None:
    execute(f"sqlite+aiosqlite:///{data / 'hero.db'}", statement)
    done = terminal("db", "copy", str(data / "hero.db"), places.empty("postgresql"))
    assert done.exit_code == 1
    assert "refuses the row of " in done.output, done.output
    assert sentence in done.output
    assert "Traceback" not in done.output
