"""An installation with a live model and a candidate: made once in each process, then copied for each test."""

from dataclasses import dataclass

import pytest

from bot.app import open_app
from bot.settings import Settings
from tests.conftest import scripted_settings
from tests.support import duels
from tests.support.databases import Databases
from tests.support.scripted_server import Script, scripted_server


@dataclass(frozen=True)
class _Installation:
    """Its settings, and the server at which its models were tuned."""

    settings: Settings
    script: Script


@pytest.fixture(scope="session")
def _made() -> list[_Installation]:
    """Return the one installation, as soon as a test has made it."""
    return []


@pytest.fixture
async def two_models(
    settings: Settings,
    script: Script,
    databases: Databases,
    session_databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
    _made: list[_Installation],
) -> None:
    """Begin with a dataset, a live model and a candidate. Name it before fixtures that open the app.

    To build and tune anew takes a second of CPU time.
    """
    if not _made:
        data = tmp_path_factory.mktemp("two_models")
        async with scripted_server() as server:
            made = scripted_settings(data, server, session_databases)
            async with open_app(made) as app:
                await duels.two_models(app)
        _made.append(_Installation(made, server))
    databases.copy(_made[0].settings, settings)
    script.continue_from(_made[0].script)
