"""What the engine's tests share beside tests/support/tiny_engine.py."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from tests.support import tiny_folder
from tests.support.engine_process import EngineProcess


@pytest.fixture(scope="session")
def folders(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where `tests.tiny_folder` has written its models of random weights."""
    return tiny_folder.write(tmp_path_factory.mktemp("folders"), tiny_base)


@pytest.fixture(autouse=True)
async def _close_clients() -> AsyncIterator[None]:
    """Close what a test has opened while its event loop is there."""
    yield
    while EngineProcess.clients:
        await EngineProcess.clients.pop().close()


@pytest.fixture
async def client(engine: EngineProcess) -> AsyncOpenAI:
    """Return a client of the shared engine."""
    return engine.client()
