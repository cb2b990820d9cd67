"""Shared writes: the write tasks of all current callers in one transaction, which waits for the disk once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import DatabaseBusy
from bot.store.fence import Claim, current_claim

T = TypeVar("T")


@dataclass(frozen=True)
class WriteTask(Generic[T]):
    """One item for work that takes many items at once and returns a result for each."""

    work: Callable[[AsyncConnection, Sequence[Any]], Awaitable[Sequence[T]]]
    item: Any


@dataclass(frozen=True, slots=True)
class _Waiting:
    """The tasks of one caller, and the future on which it waits unless it was cancelled.

    claim: on the job for which they write, None if it is for none.
    """

    tasks: tuple[WriteTask[Any], ...]
    done: "asyncio.Future[Any]"
    claim: Claim | None

    def end(self, result: Any) -> None:
        if not self.done.done():
            self.done.set_result(result)

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class SharedWrites:
    """Gathers the tasks of callers while a transaction runs, and writes them in the next one.

    write: begins a transaction that writes for these jobs. may_retry: pauses before the next attempt; it
    returns False if the database is closing.
    """

    def __init__(
        self,
        write: Callable[[Iterable[Claim]], AbstractAsyncContextManager[AsyncConnection]],
        may_retry: Callable[[DatabaseBusy], Awaitable[bool]],
    ) -> None:
        self._write = write
        self._may_retry = may_retry
        self._waiting: list[_Waiting] = []
        self._running: asyncio.Task[None] | None = None

    async def run(self, task: "WriteTask[T]", *others: "WriteTask[Any]") -> T:
        """Run write tasks in a transaction that all current callers share.

        Many writers then wait for the disk once, and tasks with the same work are written by the same
        statements. Return the result of the first task once all tasks of this call are on the disk. If any
        fails, none of the call's is written. A failure does not affect other callers: the tasks of each are
        run again in a transaction of its own, so they must have no effects outside the database. While
        another program holds the database, all wait, in order, until it is free or this one is closing.
        """
        done = asyncio.get_running_loop().create_future()
        waiting = _Waiting((task, *others), done, current_claim())
        self._waiting.append(waiting)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._share())
        result: T = await waiting.done
        return result

    async def _share(self) -> None:
        while self._waiting:
            callers, self._waiting = self._waiting, []
            try:
                results = await self._run(callers)
            except DatabaseBusy as error:
                await self._put_back(callers, error)
            except Exception as error:  # noqa: BLE001 (running the callers one by one shows whose it is)
                if len(callers) == 1:
                    callers[0].fail(error)
                else:
                    await self._run_one_by_one(callers)
            else:
                for caller, result in zip(callers, results, strict=True):
                    caller.end(result)

    async def _put_back(self, callers: "list[_Waiting]", error: DatabaseBusy) -> None:
        """Let callers wait in front of those who came meanwhile; if the database is closing, fail them."""
        if await self._may_retry(error):
            self._waiting[:0] = callers
            return
        for caller in callers:
            caller.fail(error)

    async def _run_one_by_one(self, callers: "list[_Waiting]") -> None:
        for number, caller in enumerate(callers):
            try:
                (result,) = await self._run([caller])
            except DatabaseBusy as error:
                await self._put_back(callers[number:], error)
                return
            except Exception as error:  # noqa: BLE001 (it is raised to the caller)
                caller.fail(error)
            else:
                caller.end(result)

    async def _run(self, callers: "list[_Waiting]") -> list[Any]:
        """Run all tasks in one transaction, grouped by work. Return the result of each caller's first."""
        by_work: dict[Callable[..., Any], list[WriteTask[Any]]] = {}
        for caller in callers:
            for task in caller.tasks:
                by_work.setdefault(task.work, []).append(task)
        results: dict[int, Any] = {}
        async with self._write({each.claim for each in callers if each.claim}) as tx:
            for work, tasks in by_work.items():
                done = await work(tx, [task.item for task in tasks])
                results |= {id(task): result for task, result in zip(tasks, done, strict=True)}
        return [results[id(caller.tasks[0])] for caller in callers]

    async def settle(self) -> None:
        """Wait for shared transactions to end."""
        if self._running:
            await self._running
