"""Fixtures of the engine's tests, besides those of tests/support/tiny_engine.py."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from tests.support import tiny_folder
from tests.support.engine_process import EngineProcess


@pytest.fixture(scope="session")
def folders(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which `tests.support.tiny_folder` wrote its models."""
    return tiny_folder.write(tmp_path_factory.mktemp("folders"), tiny_base)


@pytest.fixture(autouse=True)
async def _close_clients() -> AsyncIterator[None]:
    """Close the clients that a test opened, while its event loop exists."""
    yield
    while EngineProcess.clients:
        await EngineProcess.clients.pop().close()


@pytest.fixture
async def client(engine: EngineProcess) -> AsyncOpenAI:
    """Return a client of the shared engine."""
    return engine.client()
