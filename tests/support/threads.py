"""Scripted servers in a thread, for tests of commands, which run event loops of their own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

Script = TypeVar("Script")


@contextmanager
def running_in_thread(server: AbstractAsyncContextManager[Script]) -> Iterator[Script]:
    """Run a server in an event loop on another thread, and yield its script."""
    loop = asyncio.new_event_loop()
    script = loop.run_until_complete(server.__aenter__())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield script
    asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
