"""Replicas: several servers with the same models; a call goes to one that is in reach and has its model."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

import openai
from openai import AsyncOpenAI

log = logging.getLogger(__name__)

Restore = Callable[[str], Awaitable[bool]]
"""Loads a model, by the name that is asked for, where it is missing; returns whether it could."""


@dataclass(frozen=True, slots=True)
class ReplicaTiming:
    """Times in seconds.

    away: for which a server that failed is asked only if no other answers; lacking: the same for a model that
    it did not know; connect: for a connection to one of several servers.
    """

    away: float = 15.0
    lacking: float = 60.0
    connect: float = 5.0


class Replica:
    """One server, and what calls have shown of it."""

    def __init__(self, api: AsyncOpenAI) -> None:
        self.api = api
        self.in_flight = 0
        self.away_until = 0.0
        self.lacking_until: dict[str, float] = {}

    @contextmanager
    def use(self) -> Iterator[None]:
        """Count a call while it lasts."""
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1


class Replicas:
    """All servers that answer chats; often there is one, which is asked whatever it did before."""

    def __init__(self, apis: Sequence[AsyncOpenAI], timing: ReplicaTiming | None = None) -> None:
        self._replicas = [Replica(api) for api in apis]
        self._timing = timing or ReplicaTiming()
        self._turns = count()
        self._restore: Restore | None = None
        self._restoring: dict[str, asyncio.Task[None]] = {}

    @property
    def apis(self) -> list[AsyncOpenAI]:
        return [replica.api for replica in self._replicas]

    @property
    def connect_timeout(self) -> float | None:
        """Seconds for a connection, None if it has the time of the whole call: nobody else could answer."""
        return self._timing.connect if len(self._replicas) > 1 else None

    def restore_with(self, restore: Restore) -> None:
        """Load models where they are missing: a server that restarted has forgotten its adapters."""
        self._restore = restore

    def in_order(self, model: str) -> list[Replica]:
        """Return the servers in the order in which a call tries them.

        First those that are in reach and have the model, the least busy one before the others; equals take
        turns.
        """
        now, first = time.monotonic(), next(self._turns) % len(self._replicas)
        return sorted(
            self._replicas[first:] + self._replicas[:first],
            key=lambda each: (
                each.away_until > now,
                each.lacking_until.get(model, 0.0) > now,
                each.in_flight,
            ),
        )

    def may_pass_over(self, replica: Replica, model: str, error: openai.APIError) -> bool:
        """Note what a failed call shows of its server. Return whether another one may answer the call."""
        if len(self._replicas) == 1:
            return False
        status = error.status_code if isinstance(error, openai.APIStatusError) else 0
        if status == 404:
            replica.lacking_until[model] = time.monotonic() + self._timing.lacking
            log.warning("the model server %s does not know %s", address_of(replica.api), model)
            self._begin_restoring(model)
            return True
        if isinstance(error, openai.APIConnectionError) or status in (401, 403) or status >= 500:
            self.note_failure(replica, error)
            return True
        return False

    def note_failure(self, replica: Replica, error: Exception) -> None:
        """Ask the other servers first for a while: this one failed, or its answer broke off."""
        if len(self._replicas) > 1:
            replica.away_until = time.monotonic() + self._timing.away
            log.warning("the model server %s is passed over: %s", address_of(replica.api), error)

    def note_answer(self, replica: Replica, model: str) -> None:
        """Note that a server answered a call."""
        replica.away_until = 0.0
        replica.lacking_until.pop(model, None)

    def _begin_restoring(self, model: str) -> None:
        if self._restore is not None and model not in self._restoring:
            self._restoring[model] = asyncio.create_task(self._run_restoring(self._restore, model))

    async def _run_restoring(self, restore: Restore, model: str) -> None:
        try:
            if await restore(model):
                for replica in self._replicas:
                    replica.lacking_until.pop(model, None)
        except Exception:
            log.exception("%s could not be loaded again", model)
        finally:
            del self._restoring[model]

    async def close(self) -> None:
        """Stop loading models."""
        tasks = list(self._restoring.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def address_of(api: AsyncOpenAI) -> str:
    """Return the host of a server, with its port if its address has one."""
    url = api.base_url
    return f"{url.host}:{url.port}" if url.port else url.host
