"""`herosmith doctor` on what is beside an installation (servers, jobs, Discord), and on secrets."""

import asyncio
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import discord
import pytest
from filelock import FileLock

from bot.app import open_app
from bot.connection.invite import PERMISSIONS
from bot.doctor.installation import Installation
from bot.doctor.machine import check_packages
from bot.heroes.hero import Hero
from bot.i18n.message import LocalizedMessage
from bot.settings import ROOT, Settings
from bot.store import descriptions, jobs
from tests.cli.conftest import RunCommand
from tests.support.databases import ON_POSTGRES
from tests.support.doctor import TOKEN, content, findings, states, whole_output
from tests.support.scripted_discord import ScriptedDiscord, scripted_discord
from tests.support.scripted_server import Script
from tests.support.threads import running_in_thread


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
    of_the_database = ["ok"] if ON_POSTGRES else []
    assert [each["state"] for each in broken["clock"]] == [*of_the_database, "ok", "failed"]

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
        "SERVING_URL": f"http://{host}?key=hunter22-query,http://{host}/v1?key=hunter22-second",
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
