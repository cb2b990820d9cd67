"""`herosmith doctor`: it tells what is wrong with an installation in any state, and changes nothing."""

import asyncio
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import discord
import pytest
from filelock import FileLock
from typer.testing import Result

from bot.app import open_app
from bot.connection.invite import PERMISSIONS
from bot.doctor.installation import Installation
from bot.doctor.machine import check_packages
from bot.heroes.hero import Hero
from bot.i18n.message import LocalizedMessage
from bot.presentation.doctor import CHECKS
from bot.settings import ENGINE_MODEL, ROOT, Settings
from bot.store import descriptions, jobs
from bot.store.use_lock import mark_unfinished
from tests.cli.conftest import RunCommand
from tests.support.databases import ON_POSTGRES, execute
from tests.support.scripted_discord import ScriptedDiscord, scripted_discord
from tests.support.scripted_server import Script
from tests.support.threads import running_in_thread

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz0123"  # noqa: S105
OF_THE_MACHINE = {"python", "packages", "disk", "memory"}  # that the tests run on
Findings = dict[str, list[dict[str, Any]]]


def findings(done: Result) -> Findings:
    """Return the findings by check."""
    value = json.loads(done.stdout)
    found: Findings = {}
    for each in value["checks"]:
        assert list(each) == ["check", "state", "cause", "cure", "file"]
        assert each["check"] in CHECKS
        assert each["cause"]
        found.setdefault(each["check"], []).append(each)
    codes = {"ok": 0, "warning": 1, "failed": 2}
    assert done.exit_code == codes[value["state"]], done.output
    assert done.stderr == ""
    return found


def states(done: Result) -> dict[str, str]:
    """Return the worst state of each check."""
    order = ("failed", "warning", "ok", "skipped")
    return {
        check: min((each["state"] for each in found), key=order.index)
        for check, found in findings(done).items()
    }


def content(folder: Path) -> dict[str, str]:
    """Return every file below a folder, with a hash of its content."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
    }


OF_FILES = pytest.mark.sqlite("its database is a file")
OF_BACKUPS = pytest.mark.sqlite("backups copy its file")


@pytest.fixture
def installed(installation: Settings) -> Settings:
    """Begin with an installation that has run once."""

    async def start() -> None:
        async with open_app(installation):
            pass

    asyncio.run(start())
    return installation


@pytest.fixture
def quick(terminal: RunCommand, monkeypatch: pytest.MonkeyPatch) -> RunCommand:
    """Return `terminal` for a base that is not there: to read the packaged one takes a second each time."""
    monkeypatch.setenv("ENGINE_BASE", "none.gguf")
    monkeypatch.setenv("AUTHOR_MODEL", "none")
    monkeypatch.setenv("BASE_MODEL", "none")
    return terminal


def change(settings: Settings, statement: str, **values: object) -> None:
    asyncio.run(execute(settings.database, statement, **values))


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
    (told,) = findings(quick("doctor", "--json"))[check]
    assert (told["state"], words in told["cause"]) == (state, True), told
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


def test_an_engine_of_its_own_that_does_not_run(
    terminal: RunCommand, installed: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ENGINE_URL")
    (installed.data_dir / "engine").mkdir()
    (installed.data_dir / "engine" / "engine.lock").touch()  # left by one that has run
    before = content(tmp_path)
    found = findings(terminal("doctor", "--json"))
    assert "it starts with the bot" in found["engine"][0]["cause"]
    assert "of all weights takes" in found["memory"][0]["cause"]
    assert content(tmp_path) == before


@pytest.mark.usefixtures("installed")
def test_a_base_that_is_not_there(terminal: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENGINE_URL")
    for name in ("ENGINE_BASE", "AUTHOR_MODEL", "BASE_MODEL"):
        monkeypatch.setenv(name, "nobody/no-model")
    (told,) = findings(terminal("doctor", "--json"))["training_space"]
    assert "it is not in the Hugging Face cache" in told["cause"]


def test_an_engine_that_downloads_its_base(
    terminal: RunCommand, installed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ENGINE_URL")
    for name in ("ENGINE_BASE", "AUTHOR_MODEL", "BASE_MODEL"):
        monkeypatch.setenv(name, "nobody/no-model")
    folder = installed.data_dir / "engine"
    folder.mkdir()
    (folder / "download.json").write_text(
        '{"base": "nobody/no-model", "done": 120000000, "total": 386000000, "seconds_left": 32.4}'
    )
    with FileLock(folder / "engine.lock"):
        found = findings(terminal("doctor", "--json"))
    (told,) = found["engine"]
    assert told["state"] == "warning"
    assert told["cause"].endswith("120 of 386 MB so far; the rest takes about 32 s.")
    assert [each["state"] for each in found["training_space"]] == ["skipped"]


@pytest.mark.usefixtures("installed")
def test_a_server_that_does_not_answer(quick: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_URL", "http://127.0.0.1:1/v1")
    (told,) = findings(quick("doctor", "--json"))["engine"]
    assert told["state"] == "failed"
    assert "http://127.0.0.1:1 cannot be used" in told["cause"]


@pytest.mark.usefixtures("installed")
def test_nothing_leaves_the_machine_unless_asked_to(
    quick: RunCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the servers, which would be looked up in vain, nor Discord, which refuses this token."""
    monkeypatch.setenv("ENGINE_URL", "http://engine.invalid:8765")
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    monkeypatch.setenv("DATABASE_URL", "postgresql+asyncpg://hero:hunter22@db.invalid/hero")
    found = states(quick("doctor", "--json"))
    for check in ("engine", "login", "intents", "permissions"):
        assert found[check] == "skipped", check
    assert found["database"] == ("skipped" if find_spec("asyncpg") else "failed")  # no start without it


def test_the_end_of_a_providers_training_is_told(quick: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-abcdefghijklmnop")
    monkeypatch.setenv("AUTHOR_MODEL", "gpt-6-luna")
    monkeypatch.setenv("BASE_MODEL", "nobody-knows-it")
    found = findings(quick("doctor", "--json"))
    (told,) = found["training"]
    assert told["state"] in ("warning", "failed")  # before 2027-01-06, and since
    assert "2027-01-06" in told["cause"]
    assert found["api"][0]["state"] == "skipped"
    unpriced = next(each for each in found["prices"] if "nobody-knows-it" in each["cause"])
    assert unpriced["file"] == str(ROOT / "data" / "prices.toml")
    assert any("as of 20" in each["cause"] for each in found["prices"])


def test_a_refused_training_and_unknown_models(
    quick: RunCommand, server: Script, server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.trainings.lists = ["dear"]
    server.trainings.shutdown_dates["dear"] = "2020-01-02"
    monkeypatch.setenv("OPENAI_BASE_URL", server_url)
    monkeypatch.setenv("AUTHOR_MODEL", "dear")
    monkeypatch.setenv("BASE_MODEL", "dearer")
    found = findings(quick("doctor", "--json"))
    told = " ".join(each["cause"] for each in found["models"])
    assert "No server lists the model dearer of BASE_MODEL" in told
    assert "The model dear is shut down on 2020-01-02" in told
    assert found["training"][0]["state"] == "ok"


def test_jobs_that_are_stuck_or_wait_for_an_answer(quick: RunCommand, built: Settings) -> None:
    async def spoil() -> None:
        async with open_app(built) as app:
            job, _ = await app.finetunes.submit(epochs=1)
            async with app.db.write() as tx:
                await jobs.change(tx, job.id, state="running", owner="gone", heartbeat=time.time() - 1000)

    async def ask() -> None:
        async with open_app(built) as app:
            (job,) = [each for each in await app.jobs.recent() if not each.ended]
            question = LocalizedMessage("Has it begun?")
            async with app.db.write() as tx:
                await jobs.change(tx, job.id, state="paused", question=question, owner=None)

    asyncio.run(spoil())
    (told,) = findings(quick("doctor", "--json"))["worker"]
    assert told["state"] == "warning"
    assert "has not been heard of for 17 min" in told["cause"]

    asyncio.run(ask())
    found = findings(quick("doctor", "--json"))
    assert found["worker"][0]["state"] == "ok"
    assert "waits for an answer. Has it begun?" in found["waiting"][0]["cause"]


@pytest.fixture
def discord_() -> Iterator[ScriptedDiscord]:
    """Run a scripted Discord in a thread: the command has an event loop of its own."""
    with running_in_thread(scripted_discord()) as script:
        yield script


def posted(settings: Settings, guild_id: int, channel_id: int) -> None:
    """Let the bot have posted a text in a channel."""

    async def post() -> None:
        async with open_app(settings) as app:
            described = await app.describer.describe(
                Hero(40, "woman", "healing"), requester=1, guild_id=guild_id
            )
            async with app.db.write() as tx:
                await descriptions.set_message(tx, described.id, channel_id, 5)

    asyncio.run(post())


def test_discord_is_asked_online(
    quick: RunCommand,
    discord_: ScriptedDiscord,
    tmp_path: Path,
    server_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = Settings(data_dir=tmp_path / "var", engine_url=server_url)
    posted(settings, 7, 71)
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    monkeypatch.setenv("HOME_GUILDS", "7")
    monkeypatch.setenv("ADMIN_CHANNEL", "72")
    monkeypatch.setenv("PRIVACY_URL", "https://example.org/privacy")
    discord_.guilds[7] = PERMISSIONS.value
    discord_.channels |= {71: (7, 0), 72: (7, 0)}
    discord_.profile = {
        "terms_of_service_url": "https://example.org/terms",
        "privacy_policy_url": "https://example.org/privacy",
    }

    done = quick("doctor", "--online", "--json")
    found = states(done)
    for check in ("login", "clock", "intents", "permissions", "home_servers", "admin_channel", "policies"):
        assert found[check] == "ok", findings(done)[check]

    discord_.channels[71] = 7, discord.Permissions(add_reactions=True).value
    discord_.channels[72] = 7, discord.Permissions(send_messages=True).value
    discord_.profile = {}
    discord_.clock_skew = 1000
    monkeypatch.setenv("HOME_GUILDS", "7, 8")
    broken = findings(quick("doctor", "--online", "--json"))
    assert "In “heroes” (71) the bot lacks Add Reactions." in broken["permissions"][0]["cause"]
    assert "In ADMIN_CHANNEL the bot lacks Send Messages" in broken["admin_channel"][0]["cause"]
    assert broken["home_servers"][0]["cause"].endswith("HOME_GUILDS: 8.")
    assert [each["state"] for each in broken["policies"]] == ["ok", "warning", "warning"]
    assert [each["state"] for each in broken["clock"]] == ["ok", "failed"]

    del discord_.channels[72]
    discord_.login = (401, "application/json", '{"message": "401: Unauthorized", "code": 0}')
    refused = findings(quick("doctor", "--online", "--json"))
    assert "Discord refuses DISCORD_TOKEN" in refused["login"][0]["cause"]
    assert refused["admin_channel"][0]["state"] == "skipped"


@pytest.mark.parametrize("token", ["nonsense", '"quoted"'])
def test_what_is_no_token_is_told_without_asking(
    quick: RunCommand, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", token)
    (told,) = findings(quick("doctor", "--json"))["token"]
    assert told["state"] == "failed"
    assert token not in told["cause"]


def whole_output(run: Callable[..., Result], *options: str) -> str:
    """Return all that the command prints, in both forms."""
    done = [run("doctor", *options), run("doctor", "--json", *options)]
    assert all(each.exit_code in (0, 1, 2) for each in done)
    assert all(each.exception is None or isinstance(each.exception, SystemExit) for each in done)
    return "".join(each.stdout + each.stderr for each in done)


@pytest.mark.usefixtures("discord_")
def test_no_secret_of_a_healthy_installation_is_printed(
    quick: RunCommand, server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = server_url.removeprefix("http://")
    secrets = {
        "DISCORD_TOKEN": TOKEN,
        "ENGINE_API_KEY": "hunter22-engine",
        "SERVING_API_KEY": "hunter22-serving",
    }
    addresses = {
        "ENGINE_URL": f"http://{host}?key=hunter22-query",
        "SERVING_URL": f"http://{host}?key=hunter22-query",
        "PRIVACY_URL": "https://example.org/?token=hunter22-query",
        "SOURCE_URL": "https://olga:hunter22-user@example.org",
    }
    for name, value in (secrets | addresses).items():
        monkeypatch.setenv(name, value)
    printed = whole_output(quick) + whole_output(quick, "--online")
    assert "Discord knows the bot as" in printed
    assert TOKEN not in printed
    assert "hunter22" not in printed
    assert "cooldown" not in printed  # it is no list of all settings


def test_no_secret_of_a_hosted_installation_is_printed(
    quick: RunCommand, server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = server_url.removeprefix("http://")
    hosted = {
        "OPENAI_API_KEY": "hunter22-api",
        "OPENAI_BASE_URL": f"http://olga:hunter22-user@{host}/refused",
        "AUTHOR_MODEL": "dear",
        "BASE_MODEL": "dear",
        "TUNING_EXTRA": '{"account": "hunter22-extra"}',
        "DATABASE_URL": "postgresql+asyncpg://hero:hunter22-database@127.0.0.1:1/hero",
    }
    for name, value in hosted.items():
        monkeypatch.setenv(name, value)
    assert "hunter22" not in whole_output(quick) + whole_output(quick, "--online")


def test_no_secret_in_a_wrong_place_is_printed(
    quick: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), TOKEN)
    (tmp_path / ".env").write_text(f"{TOKEN}\nDISCORD_TOKEN {TOKEN}\nDISCORD_TOKN={TOKEN}\n")
    printed = whole_output(quick)
    assert "HOME_GUILDS: write the ids" in printed
    assert TOKEN not in printed
    assert TOKEN.rpartition(".")[2] not in printed


def test_a_secret_in_a_file_that_is_no_text_is_not_printed(quick: RunCommand, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"DISCORD_TOKEN=" + TOKEN.encode() + b"\xff\xfe\n")
    printed = whole_output(quick)
    assert "cannot be read as text" in printed
    assert TOKEN not in printed


def test_versions_that_were_not_tested_are_told(tmp_path: Path) -> None:
    constraints = tmp_path / "constraints.txt"
    installation = Installation(settings=Settings(), online=False, now=0.0)
    *_, skipped = check_packages(installation, constraints)
    assert skipped.state == "skipped"
    constraints.write_text("# tested\npydantic==0.0.1\nnobody-has-it==1.0\n")
    *_, told = check_packages(installation, constraints)
    assert told.state == "warning"
    assert "pydantic" in str(told.cause)
    assert "nobody" not in str(told.cause)
