"""The worker: claims jobs and runs them, also those that a killed worker left."""

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn, Protocol

from bot.errors import DatabaseBusy, UserError
from bot.i18n.message import LocalizedMessage
from bot.jobs.queue import WAITING_FOR_ANSWER, WorkerTiming
from bot.logs import ensure_reference, under_reference
from bot.store import clock, job_claims, jobs, notifications
from bot.store.database import Database, Transaction
from bot.store.fence import Claim, JobTaken, fenced
from bot.store.job_schema import KINDS, JobResult, Kind
from bot.store.jobs import Job, State

log = logging.getLogger(__name__)

Check = Callable[[Transaction], Awaitable[None]]
"""Raises what keeps a transaction from being committed."""


async def _nothing() -> None:
    """Wait for nothing: no call is in flight."""


class JobStopped(Exception):
    """The job was paused or cancelled: calls in flight are awaited, no new ones are made."""


class Runner(Protocol):
    """Runs the jobs of one kind."""

    async def run(self, run: "Run") -> JobResult:
        """Run a job, or continue it, and return its result."""

    async def pause(self, run: "Run") -> None:
        """Tell the server that works for a job to wait until it is resumed."""

    async def cancel(self, run: "Run") -> None:
        """Tell the server that works for a job to stop."""


class Run:
    """One job while a worker runs it. Its claim is this run's alone, not one of all runs of the worker."""

    def __init__(self, db: Database, job: Job, worker: str, timing: WorkerTiming) -> None:
        self.job = job
        self.claim = Claim(job.id, worker)
        self._db = db
        self._worker = worker
        self._timing = timing
        self._progress_at = 0.0
        self.stopped: State | None = None  # "paused" or "cancelling", once a person asked for it

    async def progress(
        self, done: int, total: int, phase: LocalizedMessage, rate: float | None = None
    ) -> None:
        """Write the progress: the first and the last at once, others at most every timing.progress."""
        now = time.monotonic()
        if 0 < done < total and now - self._progress_at < self._timing.progress:
            return
        self._progress_at = now
        await self.update(done=done, total=total, phase=phase, rate=rate)

    async def update(self, check: Check | None = None, **columns: Any) -> None:
        """Write columns of the job's row, such as ids that a restart must find again.

        check: made in the same transaction; what it raises leaves nothing written. Raises JobTaken, with
        nothing written, if another worker has taken the job over, and JobStopped if the job was paused or
        cancelled.
        """

        async def write(tx: Transaction) -> State | None:
            if check:
                await check(tx)
            return await job_claims.update_claimed(tx, self.job.id, worker=self._worker, **columns)

        state = await self._db.write_when_free(write)
        if state is None:
            raise JobTaken(self.job.id)
        if state != "running":
            self.stopped = state
            raise JobStopped(f"job {self.job.id} was {state}")

    async def update_even_if_stopped(self, **columns: Any) -> None:
        """Write columns of a job that may be paused or cancelled."""
        with suppress(JobStopped):
            await self.update(**columns)

    async def ask(self, question: LocalizedMessage) -> NoReturn:
        """Pause the job until an operator has answered, and notify the person who ordered it.

        Raises JobStopped, or JobTaken if the job is another worker's.
        """
        job = self.job
        async with self._db.write() as tx:
            if await job_claims.ask(tx, job.id, question, worker=self._worker):
                now = time.time()
                text = LocalizedMessage(WAITING_FOR_ANSWER, job_id=job.id, question=question)
                key = f"question:{job.id}:{now}"
                await notifications.add(
                    tx, key, text, at=now, channel_id=job.channel_id, mention_id=job.requester_id
                )
        await self.update(heartbeat=clock.now())  # raises: it is paused by now, or another worker's
        raise AssertionError("unreachable: the job is paused, or another worker's")

    async def refresh(self) -> None:
        """Read the row again."""
        async with self._db.read() as tx:
            self.job = await jobs.get(tx, self.job.id) or self.job

    async def end(
        self, state: State, *, result: JobResult | None = None, error: LocalizedMessage | None = None
    ) -> bool:
        """Write how the job ended.

        Return False if the job is no longer this worker's, or was cancelled meanwhile.
        """
        return await self._db.write_when_free(
            lambda tx: job_claims.end(
                tx,
                self.job.id,
                worker=self._worker,
                state=state,
                result=result,
                error=error,
            )
        )

    async def release(self) -> None:
        """Let another worker claim the job."""
        await self._db.write_when_free(lambda tx: job_claims.release(tx, self.job.id, worker=self._worker))

    async def hand_over(self) -> None:
        """Release the job if the database is free; else the next worker waits until this one is stale."""
        try:
            async with self._db.write() as tx:
                await job_claims.release(tx, self.job.id, worker=self._worker)
        except DatabaseBusy as error:
            log.warning("job %d could not be released: %s", self.job.id, error)


class Worker:
    """Claims jobs and runs each with the runner of its kind.

    server: the model server that it uses; jobs for another one are left to other workers. at_once: how many
    jobs of a kind it runs at the same time. drain: waits for the calls of models that are in flight; until
    then a job is not given back, or their answers could not be written.
    """

    def __init__(
        self,
        db: Database,
        runners: Mapping[Kind, Runner],
        timing: WorkerTiming,
        *,
        server: str = "",
        at_once: int = 1,
        drain: Callable[[], Awaitable[None]] = _nothing,
    ) -> None:
        self._db = db
        self._runners = runners
        self._drain = drain
        self._timing = timing
        self._server = server
        self._at_once = at_once
        self._name = f"{socket.gethostname()}:{os.getpid()}"

    async def run_forever(self, kinds: Sequence[Kind] = KINDS) -> None:
        """Run jobs until cancelled, each kind in tasks of its own: no build waits for a training of hours.

        Jobs that are running then are left for the next worker.
        """
        async with asyncio.TaskGroup() as tasks:
            for kind in self._runners:
                looking = asyncio.Lock()
                for _ in range(self._at_once if kind in kinds else 0):
                    tasks.create_task(self._run_forever(kind, looking))

    async def _run_forever(self, kind: Kind, looking: asyncio.Lock) -> None:
        """Run jobs of a kind. looking: one task looks for them at a time, however many may run."""
        busy = False
        while True:
            try:
                async with looking:
                    run = await self._claim((kind,))
                    if run is None:
                        await asyncio.sleep(self._timing.poll)
                if run is not None:
                    await self._run(run)
                busy = False
            except DatabaseBusy as error:
                if not busy:  # once: a disk that is full refuses at once, and a log would fill it further
                    log.warning("no job can be claimed now: %s", error)
                busy = True
                await asyncio.sleep(self._timing.poll)

    async def run_next(self, kinds: Sequence[Kind] = KINDS) -> bool:
        """Run the oldest free job of these kinds. Return whether there was one."""
        run = await self._claim(kinds)
        if run is None:
            return False
        await self._run(run)
        return True

    async def _claim(self, kinds: Sequence[Kind]) -> Run | None:
        owner = f"{self._name}:{secrets.token_hex(3)}"  # another one each time: see Run
        stale_after = self._timing.stale_after
        async with self._db.write() as tx:
            job = await job_claims.claim(tx, kinds, owner=owner, stale_after=stale_after, server=self._server)
        return Run(self._db, job, owner, self._timing) if job else None

    async def _run(self, run: Run) -> None:
        """Run a claimed job, until it ends or is stopped."""
        with under_reference(run.job.reference or ""):
            await self._run_referenced(run)

    async def _run_referenced(self, run: Run) -> None:
        job = run.job
        log.info("job %d (%s) starts", job.id, job.kind)
        runner = self._runners[job.kind]
        if job.state == "cancelling":
            await self._cancel(run, runner)
            return
        if job.state == "paused":  # its worker died before it told the server
            await self._pause(run)
            return
        with fenced(run.claim):
            work = asyncio.ensure_future(self._work(run, runner))
        heartbeats = asyncio.create_task(self._send_heartbeats(run, work))
        shut_down = False
        try:
            await self._end(run, work)
        except JobTaken as error:
            log.warning("%s", error)
        except asyncio.CancelledError:
            shut_down = True
            raise
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)  # calls in flight: its heartbeats go on
            heartbeats.cancel()
            await asyncio.gather(heartbeats, return_exceptions=True)
            if shut_down and not run.stopped:
                await run.hand_over()

    async def _work(self, run: Run, runner: Runner) -> JobResult:
        """Run a job until nothing that it began is in flight any more."""
        try:
            return await runner.run(run)
        finally:
            await self._drain()

    async def _end(self, run: Run, work: Awaitable[JobResult]) -> None:
        """Await the work and write how it ended; for a failure, with a sentence for people."""
        state: State = "failed"
        result: JobResult | None = None
        reason: LocalizedMessage | None = None
        try:
            result = await work
            state = "succeeded"
        except asyncio.CancelledError:
            if _shuts_down():  # the next worker continues the job
                raise
            if run.stopped:
                await self._pause(run)
            return  # else the job was taken over
        except JobTaken:
            raise
        except JobStopped as error:
            log.info("%s", error)
            await self._pause(run)
            return
        except DatabaseBusy as error:  # what was done is kept: the job goes on once the database is free
            log.warning("job %d is interrupted: %s", run.job.id, error)
            await run.release()
            return
        except UserError as error:
            log.warning("job %d failed: %s", run.job.id, error, exc_info=error.__cause__)
            reason = error.message
        except Exception:
            reference = ensure_reference()
            log.exception("job %d failed", run.job.id)
            reason = LocalizedMessage(
                "Something went wrong on our side; the log has the cause under {reference}.",
                reference=reference,
            )
        if await run.end(state, result=result, error=reason):
            log.info("job %d ended: %s", run.job.id, state)
        else:
            log.warning("job %d ended, but it is no longer this worker's, or was cancelled", run.job.id)
            await run.release()

    async def _pause(self, run: Run) -> None:
        """Release a stopped job. If it is paused, tell the server that works for it."""
        await run.refresh()
        if run.job.state == "paused":
            try:
                with fenced(run.claim):
                    await self._runners[run.job.kind].pause(run)
            except JobTaken as error:
                log.warning("%s", error)
            except Exception:
                log.exception("job %d: the server that works for it could not be told to wait", run.job.id)
        await run.release()

    async def _cancel(self, run: Run, runner: Runner) -> None:
        """Tell the server to stop, and end a cancelled job whatever the server answers."""
        run.stopped = "cancelling"  # its heartbeats go on
        with fenced(run.claim):
            work = asyncio.ensure_future(runner.cancel(run))
        heartbeats = asyncio.create_task(self._send_heartbeats(run, work))
        error: LocalizedMessage | None = None
        try:
            await work
        except asyncio.CancelledError:
            if _shuts_down():
                raise
            return  # another worker took the job over
        except JobTaken as taken:
            log.warning("%s", taken)
            return
        except UserError as refusal:
            log.warning("job %d: %s", run.job.id, refusal, exc_info=refusal.__cause__)
            error = refusal.message
        except Exception:
            log.exception("job %d: the server that works for it could not be told to stop", run.job.id)
            error = LocalizedMessage(
                "What runs for it elsewhere could not be stopped, and may go on; the log says why."
            )
        finally:
            heartbeats.cancel()
        await run.end("cancelled", error=error)
        log.info("job %d ended: cancelled", run.job.id)

    async def _send_heartbeats(self, run: Run, work: "asyncio.Future[Any]") -> None:
        """Write heartbeats. Cancel the work once the job was stopped or taken over."""
        while True:
            await asyncio.sleep(self._timing.heartbeat)
            was_stopped = run.stopped is not None
            try:
                await run.update(heartbeat=clock.now())
            except JobTaken as error:
                log.warning("%s", error)
                work.cancel()
                return
            except JobStopped:
                if not was_stopped:  # once: calls in flight are awaited meanwhile
                    work.cancel()
            except Exception:
                log.exception("job %d: the heartbeat could not be written", run.job.id)


def _shuts_down() -> bool:
    """Return whether the worker itself was cancelled, not only the job's work."""
    current = asyncio.current_task()
    return current is not None and current.cancelling() > 0
