"""The queue of batches: validates their files, answers one batch at a time, and survives restarts.

A batch is answered in the slots that people leave free. Each answer is on disk before the next begins, and a
restart answers only the requests that have none.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from engine.batches import input_file
from engine.batches.batch_folder import BatchFolder, BatchStore, Results
from engine.batches.schema import (
    Batch,
    BatchError,
    BatchErrors,
    InputLine,
    Status,
    expired_line,
    result_line,
)
from engine.concurrency import run_all
from engine.errors import NO_REPLICA, REPLICA_LOST, ApiError, from_validation
from engine.inference.answer import ModelRequest
from engine.inference.service import Endpoint, InferenceService
from engine.limits import OPENVINO_SLOTS
from engine.logs import under_request_id
from engine.storage.files import FileStore

log = logging.getLogger(__name__)

_LOST = frozenset({REPLICA_LOST, NO_REPLICA})
_LOST_TRIES = 10
_RETRY_SECONDS = 30.0  # after a full disk
_PURPOSE_OF_RESULTS = "batch_output"
_TO_ANSWER: tuple[Status, ...] = ("in_progress", "finalizing")


class BatchQueue:
    """Answers the batches of a store. Use as `async with`; leaving it interrupts the running batch."""

    def __init__(
        self,
        store: BatchStore,
        files: FileStore,
        inference: InferenceService,
        *,
        at_once: int = OPENVINO_SLOTS,
    ) -> None:
        """Prepare; `async with` starts it.

        at_once: how many requests are asked at once; those that find no free slot wait.
        """
        self._at_once = at_once
        self._store = store
        self._files = files
        self._inference = inference
        self._wake = asyncio.Event()
        self._validating = asyncio.Lock()  # one file after the other, for each takes memory
        self._work: dict[str, asyncio.Task[None]] = {}
        """What validates or answers a batch, by id."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Go on with the batches that the last shutdown or crash interrupted."""
        for batch in self._store.batches.values():
            if batch.status == "validating":
                self.validate(batch)
            elif batch.status == "cancelling":
                self.cancel(batch)
        self._start(self._run_batches())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop working. The next start goes on where this one stops."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def validate(self, batch: Batch) -> None:
        """Start validating a batch's file; afterwards the batch is answered or fails."""
        self._begin(batch, partial(self._validate, batch))

    def cancel(self, batch: Batch) -> None:
        """Interrupt a batch that is being cancelled, and publish the answers that it has."""
        interrupted = self._work.get(batch.id)
        if interrupted:
            interrupted.cancel()
        self._start(self._finish_cancelled(batch, interrupted))

    async def _finish_cancelled(self, batch: Batch, interrupted: asyncio.Task[None] | None) -> None:
        if interrupted:
            await asyncio.wait([interrupted])
        await self._persevere(batch, lambda: self._publish(batch, "cancelled"))

    async def _run_batches(self) -> None:
        while True:
            self._wake.clear()
            unfinished = (each for each in self._store.batches.values() if each.has_status(*_TO_ANSWER))
            if batch := next(unfinished, None):
                await asyncio.wait([self._begin(batch, partial(self._answer, batch))])
            else:
                await self._wake.wait()

    async def _persevere(self, batch: Batch, step: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Take a step, and again after a while if the disk is full; an unexpected error fails the batch."""
        with under_request_id(batch.request_id):
            await self._take(batch, step)

    async def _take(self, batch: Batch, step: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                return await step()
            except OSError:
                log.exception("batch %s goes on in %.0f s", batch.id, _RETRY_SECONDS)
            except Exception:
                log.exception("batch %s failed", batch.id)
                error = BatchError(code="internal_error", message="The engine could not answer the batch.")
                step = partial(self._fail, batch, [error])
            await asyncio.sleep(_RETRY_SECONDS)

    async def _validate(self, batch: Batch) -> None:
        try:
            async with self._validating:
                path = self._files.path(batch.input_file_id)
                summary = await asyncio.to_thread(input_file.validate, path, batch.endpoint)
            if summary.model is not None:
                self._inference.require(summary.model)
        except input_file.InputFileError as error:
            await self._fail(batch, error.errors)
        except ApiError as error:
            await self._fail(batch, [BatchError.of(error)])
        else:
            batch.model = summary.model
            batch.request_counts.total = len(summary.ids)
            batch.change("in_progress")
            self._store.save(batch)
            self._wake.set()

    async def _answer(self, batch: Batch) -> None:
        """Answer a batch, and publish the results."""
        try:
            path = self._files.path(batch.input_file_id)
        except ApiError as error:  # it was deleted
            await self._fail(batch, [BatchError.of(error)])
            return
        with ExitStack() as stack:
            results = await asyncio.to_thread(stack.enter_context, Results.open(self._store.folder(batch)))
            expired = await self._answer_in_time(_Run(batch, results, path))
        if not expired:
            batch.change("finalizing")
            self._store.save(batch)
        await self._publish(batch, "expired" if expired else "completed")

    async def _answer_in_time(self, run: "_Run") -> bool:
        """Answer what is open, and return whether the batch expired before the end."""
        try:
            async with asyncio.timeout(run.batch.expires_at - time.time()) as window:
                await run_all(self._answer_requests(run) for _ in range(self._at_once))
        except TimeoutError:
            if not window.expired():
                raise
            log.warning("batch %s expired", run.batch.id)
            return await asyncio.to_thread(run.expire)
        return False

    async def _answer_requests(self, run: "_Run") -> None:
        while line := await run.next_open():
            status, body = await self._response(run.batch.endpoint, line.body)
            run.add(line.custom_id, status, body)

    async def _response(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return what the endpoint answers: the HTTP status and the body.

        What breaks off because its machine is gone is asked again: nobody has seen a part of it.
        """
        for _ in range(_LOST_TRIES):
            status, answer = await self._answer_of(path, body)
            if (answer.get("error") or {}).get("code") not in _LOST:
                break
        return status, answer

    async def _answer_of(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        endpoint = self._inference.endpoints[path]
        try:
            request = _parse(endpoint, body)
            async with self._inference.answer(endpoint, request, in_background=True) as answer:
                return 200, await answer.response()
        except ValidationError as invalid:
            error = from_validation(invalid)
        except ApiError as refused:
            error = refused
        except Exception:
            log.exception("a request of a batch failed")
            error = ApiError(500, "Something went wrong inside the engine.", code="internal_error")
        return error.status, error.body()

    async def _fail(self, batch: Batch, errors: list[BatchError]) -> None:
        batch.errors = BatchErrors(data=errors)
        await self._publish(batch, "failed")

    async def _publish(self, batch: Batch, status: Status) -> None:
        """End a batch: make files of its results. After a crash it is done again, to the same files."""
        folder, counts = self._store.folder(batch), batch.request_counts
        counts.completed, counts.failed = await asyncio.to_thread(_count, folder)
        if counts.completed:
            batch.output_file_id = await self._publish_file(batch, folder.output)
        if counts.failed:
            batch.error_file_id = await self._publish_file(batch, folder.errors)
        batch.change(status)
        self._store.save(batch)
        folder.delete_results()

    async def _publish_file(self, batch: Batch, results: Path) -> str:
        """Make a file of some results, and return its id, which follows from the batch's."""
        file_id = f"file-{batch.id.removeprefix('batch-')}-{results.stem}"
        await self._files.copy(results, file_id, f"{batch.id}_{results.name}", _PURPOSE_OF_RESULTS)
        return file_id

    def _begin(self, batch: Batch, step: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """Start what a cancellation of the batch interrupts."""

        def ended(task: asyncio.Task[None]) -> None:
            if self._work.get(batch.id) is task:  # else the next step has begun
                del self._work[batch.id]

        task = self._work[batch.id] = self._start(self._persevere(batch, step))
        task.add_done_callback(ended)
        return task

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class _Run:
    """A batch that is being answered by several workers: its open requests, and its results."""

    def __init__(self, batch: Batch, results: Results, path: Path) -> None:
        self.batch = batch
        self._results = results
        self._path = path
        self._lines = self._open_lines()
        self._reading = asyncio.Lock()
        self._count()

    async def next_open(self) -> InputLine | None:
        """Return the next request that no worker has taken; None at the end. Raises OSError."""
        async with self._reading:  # in a thread: after a restart, thousands may be answered already
            return await asyncio.to_thread(next, self._lines, None)

    def add(self, custom_id: str, status: int, body: dict[str, Any]) -> None:
        """Write a result. Raises OSError."""
        line = result_line(custom_id, status, body)
        if status == HTTPStatus.OK:
            self._results.add_answer(line)
        else:
            self._results.add_error(line)
        self._count()

    def expire(self) -> bool:
        """Write that the requests without a result expired, and return whether there were any."""
        expired = False
        for line in self._open_lines():
            self._results.add_error(expired_line(line.custom_id))
            expired = True
        return expired

    def _open_lines(self) -> Iterator[InputLine]:
        return (line for line in input_file.read(self._path) if line.custom_id not in self._results)

    def _count(self) -> None:
        self.batch.request_counts.completed = self._results.completed
        self.batch.request_counts.failed = self._results.failed


def _count(folder: BatchFolder) -> tuple[int, int]:
    with Results.open(folder) as results:
        return results.completed, results.failed


def _parse(endpoint: Endpoint, body: dict[str, Any]) -> ModelRequest:
    """Read a request as its endpoint does. Raises ApiError or ValidationError."""
    request = endpoint.parse(json.dumps(body).encode())
    if request.stream:
        message = "The answers of a batch are not streamed: leave 'stream' out."
        raise ApiError(400, message, code="invalid_value", param="stream")
    return request
