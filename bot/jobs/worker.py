"""The worker: claims jobs, carries them out, and takes up again what a killed worker left."""

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn, Protocol

from bot.errors import UserError
from bot.i18n.message import LocalizedMessage
from bot.jobs.queue import WAITING_FOR_ANSWER, WorkerTiming
from bot.store import jobs, notifications
from bot.store.database import Database
from bot.store.job_schema import KINDS, JobResult, Kind
from bot.store.jobs import Job, State

log = logging.getLogger(__name__)


class JobTaken(Exception):
    """Another worker has the job by now: this one must leave it alone."""


class JobStopped(Exception):
    """Somebody has paused or cancelled the job: what is out comes home, nothing new begins."""


class Runner(Protocol):
    """Knows how jobs of one kind are done."""

    async def run(self, run: "Run") -> JobResult:
        """Carry a job out, or go on with it. Returns its result."""

    async def pause(self, run: "Run") -> None:
        """Tell whoever works for a job elsewhere to wait until it is resumed."""

    async def cancel(self, run: "Run") -> None:
        """Tell whoever works for a job elsewhere to stop."""


class Run:
    """One job in the hands of a worker."""

    def __init__(self, db: Database, job: Job, worker: str, timing: WorkerTiming) -> None:
        self.job = job
        self._db = db
        self._worker = worker
        self._timing = timing
        self._shown_at = 0.0
        self.stopped: State | None = None  # the state that a person has put the job into meanwhile

    async def progress(
        self, done: int, total: int, phase: LocalizedMessage, rate: float | None = None
    ) -> None:
        """Write how far the job is: at most twice a second, but always the start and the end."""
        now = time.monotonic()
        if 0 < done < total and now - self._shown_at < self._timing.progress:
            return
        self._shown_at = now
        await self.update(done=done, total=total, phase=phase, rate=rate)

    async def update(self, **columns: Any) -> None:
        """Write columns of the job's row at once: ids that a restart must find again.

        Raises JobTaken, with nothing written, where another worker has taken the job over, and JobStopped
        where the job was paused or cancelled.
        """
        async with self._db.write() as tx:
            state = await jobs.update_claimed(tx, self.job.id, worker=self._worker, **columns)
        if state is None:
            raise JobTaken(f"job {self.job.id} was taken over by another worker")
        if state != "running":
            self.stopped = state
            raise JobStopped(f"job {self.job.id} was {state}")

    async def update_even_if_stopped(self, **columns: Any) -> None:
        """Write columns also where the job is stopped."""
        with suppress(JobStopped):
            await self.update(**columns)

    async def ask(self, question: LocalizedMessage) -> NoReturn:
        """Pause the job until an operator has answered, and tell the one who ordered it.

        Raises JobStopped, or JobTaken where the job is another worker's.
        """
        job = self.job
        async with self._db.write() as tx:
            if await jobs.ask(tx, job.id, question, worker=self._worker):
                now = time.time()
                told = LocalizedMessage(WAITING_FOR_ANSWER, job_id=job.id, question=question)
                channel, person = job.channel_id, job.requester_id
                key = f"question:{job.id}:{now}"
                await notifications.add(tx, key, told, at=now, channel_id=channel, mention_id=person)
        await self.update(heartbeat=time.time())  # raises: it is paused by now, or another worker's
        raise AssertionError("unreachable: the job is paused, or another worker's")

    async def refresh(self) -> None:
        """Read the row anew."""
        async with self._db.read() as tx:
            self.job = await jobs.get(tx, self.job.id) or self.job

    async def end(
        self, state: State, *, result: JobResult | None = None, error: LocalizedMessage | None = None
    ) -> bool:
        """Write how the job ended.

        False where it is not this worker's any more, or was cancelled meanwhile.
        """
        async with self._db.write() as tx:
            return await jobs.end(
                tx,
                self.job.id,
                worker=self._worker,
                state=state,
                at=time.time(),
                result=result,
                error=error,
            )

    async def release(self) -> None:
        """Leave the stopped job to whoever resumes it."""
        async with self._db.write() as tx:
            await jobs.release(tx, self.job.id, worker=self._worker)


class Worker:
    """Carries out one job after another; runners say how, by kind."""

    def __init__(self, db: Database, runners: Mapping[Kind, Runner], timing: WorkerTiming) -> None:
        self._db = db
        self._runners = runners
        self._timing = timing
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"

    async def run_forever(self) -> None:
        """Look for work until cancelled, of each kind by itself: a training of hours keeps no build waiting.

        A job under way is then left for the next worker.
        """
        async with asyncio.TaskGroup() as each:
            for kind in self._runners:
                each.create_task(self._run_forever(kind))

    async def _run_forever(self, kind: Kind) -> None:
        while True:
            if not await self.run_next((kind,)):
                await asyncio.sleep(self._timing.poll)

    async def run_next(self, kinds: Sequence[Kind] = KINDS) -> bool:
        """Carry out the oldest job of these kinds that is free. Returns whether there was one."""
        now = time.time()
        async with self._db.write() as tx:
            stale_before = now - self._timing.stale_after
            job = await jobs.claim(tx, kinds, owner=self._owner, at=now, stale_before=stale_before)
        if job is None:
            return False
        log.info("job %d (%s) begins", job.id, job.kind)
        run = Run(self._db, job, self._owner, self._timing)
        runner = self._runners[job.kind]
        if job.state == "cancelling":
            await self._cancel(run, runner)
            return True
        if job.state == "paused":  # its worker died before it had told whoever works elsewhere
            await self._pause(run)
            return True
        work = asyncio.ensure_future(runner.run(run))
        heart = asyncio.create_task(self._send_heartbeats(run, work))
        told_to_end = False
        try:
            await self._end(run, work)
        except JobTaken as error:
            log.warning("%s", error)
        except asyncio.CancelledError:
            told_to_end = True
            raise
        finally:
            heart.cancel()
            work.cancel()
            await asyncio.gather(heart, work, return_exceptions=True)
            if told_to_end and not run.stopped:
                await run.release()  # the next worker need not wait until this one is known to be silent
        return True

    async def _end(self, run: Run, work: Awaitable[JobResult]) -> None:
        """Await the work and write how it ended, in words for people where it failed."""
        state: State = "failed"
        result: JobResult | None = None
        reason: LocalizedMessage | None = None
        try:
            result = await work
            state = "succeeded"
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current and current.cancelling():  # this worker is stopping: the next one resumes the job
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
        except UserError as error:
            log.warning("job %d failed: %s", run.job.id, error, exc_info=error.__cause__)
            reason = error.sentence
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("job %d failed, reference %s", run.job.id, reference)
            reason = LocalizedMessage(
                "Something went wrong. The log has it under {reference}.", reference=reference
            )
        if await run.end(state, result=result, error=reason):
            log.info("job %d ended: %s", run.job.id, state)
        else:
            log.warning("job %d ended, but it is not this worker's any more, or was cancelled", run.job.id)
            await run.release()

    async def _pause(self, run: Run) -> None:
        """Let go of a stopped job; one that is paused may need a word to whoever works for it elsewhere."""
        await run.refresh()
        if run.job.state == "paused":
            try:
                await self._runners[run.job.kind].pause(run)
            except JobTaken as error:
                log.warning("%s", error)
            except Exception:
                log.exception("job %d: what works for it elsewhere could not be told to wait", run.job.id)
        await run.release()

    async def _cancel(self, run: Run, runner: Runner) -> None:
        """End a job that somebody has cancelled; trouble on the way is for the log alone."""
        run.stopped = "cancelling"  # its heart beats on
        work = asyncio.ensure_future(runner.cancel(run))
        heart = asyncio.create_task(self._send_heartbeats(run, work))
        error: LocalizedMessage | None = None
        try:
            await work
        except UserError as told:
            log.warning("job %d: %s", run.job.id, told, exc_info=told.__cause__)
            error = told.sentence
        except Exception:
            log.exception("job %d: what works for it elsewhere could not be told to stop", run.job.id)
            error = LocalizedMessage(
                "What works for it elsewhere could not be told to stop; the log says why."
            )
        finally:
            heart.cancel()
        await run.end("cancelled", error=error)
        log.info("job %d ended: cancelled", run.job.id)

    async def _send_heartbeats(self, run: Run, work: "asyncio.Future[Any]") -> None:
        """Show that this worker lives; end the work where the job was stopped, or is not its own any more."""
        while True:
            await asyncio.sleep(self._timing.heartbeat)
            already = run.stopped is not None
            try:
                await run.update(heartbeat=time.time())
            except JobTaken as error:
                log.warning("%s", error)
                work.cancel()
                return
            except JobStopped:
                if not already:  # once: what is out is coming home meanwhile
                    work.cancel()
            except Exception:
                log.exception("job %d: no sign of life could be written", run.job.id)
