"""A scripted model server in its own thread: the terminal's commands run their own event loops."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.app import open_app
from bot.command_line import cli
from bot.settings import ROOT, Settings
from tests.support import workflows
from tests.support.databases import ON_POSTGRES, Databases, database_variables
from tests.support.engine_process import EngineProcess
from tests.support.scripted_server import Script, scripted_server
from tests.support.threads import running_in_thread

RunCommand = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[Script]:
    """Run the server and return its script."""
    with running_in_thread(scripted_server()) as script:
        yield script


@pytest.fixture
def server_url(server: Script) -> str:
    return server.url


@pytest.fixture
def installation(tmp_path: Path, server_url: str, databases: Databases) -> Settings:
    """Return the settings on which `terminal` runs: with what is in the data folder, which may be nothing.

    It is the playground's, as without a Discord token. That is never on PostgreSQL: there it is the bot's.
    """
    return Settings(
        data_dir=tmp_path / "var" if ON_POSTGRES else tmp_path / "var" / "playground",
        database_url=databases.empty(tmp_path) if ON_POSTGRES else None,
        engine_url=server_url,
        heroes_file=ROOT / "data" / "heroes.toml",
        check_heroes=4,
    )


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installation: Settings, server_url: str
) -> RunCommand:
    """Return a function that runs a command on an installation with the scripted server."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "var"))
    if installation.database_url and "DATABASE_URL" not in os.environ:  # of a fixture before
        for name, value in database_variables(installation.database_url).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PRIVACY_URL", "https://example.org/privacy")  # the doctor misses it
    monkeypatch.setenv("ENGINE_URL", server_url)
    monkeypatch.setenv("CHECK_HEROES", "4")

    def run(*arguments: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(cli, list(arguments), input=typed)

    return run


@pytest.fixture
def at_engine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installation: Settings, engine: EngineProcess
) -> RunCommand:
    """Return a function that runs a command on an installation with the tests' engine."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "var"))
    for name, value in database_variables(installation.database_url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ENGINE_URL", engine.url)

    def run(*arguments: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(cli, list(arguments), input=typed)

    return run


@pytest.fixture
def built(installation: Settings) -> Settings:
    """Begin with a dataset of 16 texts, which this process writes: a worker takes seconds to start."""

    async def build() -> None:
        async with open_app(installation) as app:
            await workflows.build(app)

    asyncio.run(build())
    return installation


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
