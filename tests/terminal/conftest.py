"""A scripted model server in a thread of its own: the terminal's commands run event loops of theirs."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from tests.scripted_server import scripted_server


@pytest.fixture
def served() -> Iterator[str]:
    """The server's address."""
    loop = asyncio.new_event_loop()
    server = scripted_server()
    script = loop.run_until_complete(server.__aenter__())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield script.url
    asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
