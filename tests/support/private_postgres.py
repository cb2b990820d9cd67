"""A PostgreSQL server that a test may stop and kill, and a way to it that may break."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import make_url

from scripts.postgres import NoServer, PrivateServer, private_server


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateServer]:
    """Return a running server; skip the test if none can be started here."""
    try:
        with private_server(install=False) as started:
            yield started
    except NoServer as error:
        pytest.skip(str(error))


class Way:
    """A connection of TCP in front of a server, which can lose a statement or the answer to it."""

    def __init__(self, url: str) -> None:
        self._there = make_url(url)
        self._lost: bytes | None = None
        self._instead: Callable[[], Awaitable[None]] | None = None
        self.losses = 0

    def lose_answer_to(self, statement: bytes) -> None:
        """Let the server execute a statement, and drop the connection before its answer; once."""
        self._lost = statement

    def lose(self, statement: bytes, instead: Callable[[], Awaitable[None]]) -> None:
        """Do something else in place of sending a statement, then drop the connection; once."""
        self._lost, self._instead = statement, instead

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[str]:
        """Yield the address at which the server is reached."""
        listening = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        try:
            yield self._there.set(port=port).render_as_string(hide_password=False)
        finally:
            listening.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering, asking = await asyncio.open_connection(self._there.host, self._there.port)
        is_lost = False

        async def answer() -> None:
            while (received := await answering.read(65536)) and not is_lost:
                writer.write(received)
            writer.close()

        answers = asyncio.create_task(answer())
        while not is_lost and (sent := await reader.read(65536)):
            if self._lost and self._lost in sent:
                self._lost, is_lost = None, True
                self.losses += 1
                if self._instead:
                    instead, self._instead = self._instead, None
                    await instead()
                    break
            asking.write(sent)
        if is_lost:
            await answers  # it is done
        answers.cancel()
        asking.close()
