"""Follow a training at the model server until it ends, and report its progress."""

import asyncio
import logging
import math
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from statistics import fmean

from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

from bot.errors import ServerError, Unavailable, UnknownModel, UserError
from bot.i18n.message import LocalizedMessage, mark
from bot.jobs.worker import Run
from bot.tuning.losses import event_data, losses_from_events
from bot.tuning.providers import Provider
from bot.tuning.remote_api import FineTuningApi
from bot.tuning.step_rate import StepRate

log = logging.getLogger(__name__)

HELD = LocalizedMessage("the training stands still")

_PHASES = {
    "validating_files": mark("checking the texts"),
    "queued": mark("waiting for its turn"),
    "running": mark("loading the base model and testing it before the training"),
}

# what the engine says when a training was interrupted and goes on from its last saved state
_RESUMED = re.compile(r"^Resuming after step (?P<step>\d+) of (?P<total>\d+)")

_ENDED = frozenset({"succeeded", "failed", "cancelled"})
_LEAST_STEPS = 3  # before a speed is told: polls see the first steps in leaps

_MISSING = {
    "engine": mark(
        "The engine does not know the training {remote_id}. Did it start another one for this? Look at its "
        "list of jobs, then answer: give the job's id, or say that there is none, and it is started anew."
    ),
    "server": mark(
        "The model server does not know the training {remote_id}. Did it start another one for this? Look "
        "at its list of jobs, then answer: give the job's id, or say that there is none, and it is started "
        "anew."
    ),
}
_LOOKING = {
    "engine": mark("the engine does not find the training; looking again"),
    "server": mark("the model server does not find the training; looking again"),
}
_LOSS_STEPS = 20  # that are averaged: the loss of one batch leaps from step to step


def out_of_reach(provider: Provider) -> LocalizedMessage:
    """Return what a training waits for while its server does not answer."""
    return LocalizedMessage(
        provider.wording(
            engine=mark("the engine is out of reach; waiting for it"),
            server=mark("the model server is out of reach; waiting for it"),
        )
    )


@dataclass(frozen=True, slots=True)
class TrainingTiming:
    """Intervals and limits of a fine-tuning job, in seconds."""

    poll: float = 1.0  # between two polls of the server's job, at first
    slowest_poll: float = 15.0
    start_pauses: tuple[float, ...] = (2.0, 10.0, 30.0, 60.0)  # before checking whether a training started
    listed_within: float = 60.0  # after which a training that was started is certainly in the server's list
    missing_limit: float = 120.0  # for which a server may answer that it has no such training

    def poll_after(self, followed: float) -> float:
        """Return the pause before the next poll of a training that was followed for so long."""
        return min(max(self.poll, followed / 60), self.slowest_poll)

    def retry_after(self, failures: int) -> float:
        """Return the pause after so many polls in a row that the server did not answer."""
        return min(self.poll * 2.0 ** min(failures, 16), self.slowest_poll)


class TrainingFollower:
    """Polls a server's training until it ends, and writes its progress into the job's row."""

    def __init__(self, api: FineTuningApi, timing: TrainingTiming) -> None:
        self._api = api
        self._timing = timing

    async def follow(self, run: Run, remote_id: str) -> FineTuningJob:
        """Return the training once it succeeded.

        An unknown status counts as running, and so does a server out of reach: it trains on, and an hour's
        outage must not lose the model. Raises UserError with the server's reason if the training failed.
        """
        speed, started, seen = StepRate(_LEAST_STEPS), time.monotonic(), time.monotonic()
        first, failures = True, 0
        while True:
            try:
                remote = await self._api.get(remote_id)
            except UnknownModel:
                if time.monotonic() - seen > self._timing.missing_limit:  # a single 404 may be a gateway's
                    question = self._api.provider.wording(**_MISSING)
                    await run.ask(LocalizedMessage(question, remote_id=remote_id))
                await run.update(phase=LocalizedMessage(self._api.provider.wording(**_LOOKING)))
            except (Unavailable, ServerError) as error:
                failures += 1
                if failures == 1:  # once an outage, which may last for hours
                    log.warning("job %d: %s", run.job.id, error, exc_info=error.__cause__)
                await run.update(phase=out_of_reach(self._api.provider))
            else:
                if failures:
                    log.info("job %d: the model server answers again", run.job.id)
                seen, failures = time.monotonic(), 0
                if has_succeeded(remote, self._api.provider):
                    return remote
                await self._report(run, remote, speed, first=first)
                first = False
            pause = self._timing.poll_after(time.monotonic() - started)
            await asyncio.sleep(max(pause, self._timing.retry_after(failures)) if failures else pause)

    async def _report(self, run: Run, remote: FineTuningJob, speed: StepRate, *, first: bool) -> None:
        """Write the training's progress, after resuming it if this job's own pause holds it."""
        status: str = remote.status or ""
        if status == "paused" and first:  # a later pause is somebody else's wish
            await self._api.resume(remote.id)
        events = await self._api.newest_events(remote.id)
        done, total, phase = progress_since_resumed(remote, events)
        seen = speed.rate(done)
        await run.progress(done, total, phase, estimated_rate(events) or seen)


async def poll_until(condition: Callable[[], Awaitable[bool]], timing: TrainingTiming) -> None:
    """Wait until a condition at the server is true; the pauses between two polls grow."""
    pause = timing.poll
    while not await condition():
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, timing.slowest_poll)


def estimated_rate(events: list[FineTuningJobEvent]) -> float | None:
    """Return the steps a second by which the engine estimates the training's end; None if it does not.

    It knows more than the steps of the past tell: how long the texts of the remaining ones are. events: the
    newest first.
    """
    for event in events:
        data = event_data(event)
        if _RESUMED.search(event.message or ""):  # what was estimated before counts no more
            return None
        if "train_loss" in data:
            with suppress(KeyError, TypeError, ValueError, ZeroDivisionError):
                rate = (int(data["total_steps"]) - int(data["step"])) / float(data["seconds_left"])
                return rate if rate > 0 else None
            return None
    return None


def has_ended(remote: FineTuningJob) -> bool:
    """Return whether a training goes on no more, and cannot be resumed."""
    return remote.status in _ENDED


def has_succeeded(remote: FineTuningJob, provider: Provider) -> bool:
    """Return whether a training succeeded. Raises UserError with the provider's reason if it failed."""
    status: str = remote.status or ""  # it may be one that the SDK does not know
    reason = remote.error.message if remote.error else None
    if status == "cancelled":
        if reason:
            raise UserError("Somebody else cancelled it: {reason}", reason=reason)
        raise UserError("Somebody else cancelled it.")
    if status == "failed":
        says = provider.wording(
            engine=mark("The engine says: {reason}"), server=mark("The model server says: {reason}")
        )
        silent = provider.wording(
            engine=mark("The engine gave no reason."), server=mark("The model server gave no reason.")
        )
        raise UserError(says, reason=reason) if reason else UserError(silent)
    return status == "succeeded"


def progress_since_resumed(
    remote: FineTuningJob, events: list[FineTuningJobEvent]
) -> tuple[int, int, LocalizedMessage]:
    """Return what progress_of() does, and say where the training went on if it was interrupted lately.

    events: the newest first. Steps after the last saved state are made again, so their old events do not
    count.
    """
    resumed = next(
        ((at, found) for at, event in enumerate(events) if (found := _RESUMED.search(event.message or ""))),
        None,
    )
    if resumed is None:
        return progress_of(remote, events)
    at, found = resumed
    done, total, phase = progress_of(remote, events[:at])
    step = int(found["step"])
    if not total:
        done, total, phase = step, int(found["total"]), LocalizedMessage("training")
    return done, total, LocalizedMessage("{phase}; went on from step {step:,}", phase=phase, step=step)


def progress_of(remote: FineTuningJob, events: list[FineTuningJobEvent]) -> tuple[int, int, LocalizedMessage]:
    """Return the steps done, the steps in all, and the phase; events are the newest ones, newest first."""
    status: str = remote.status or "?"
    done, total, training = _steps(remote, events)
    if status == "paused":
        return done, total, HELD
    if status != "running" and status in _PHASES:  # not what it did before an interruption
        return done, total, LocalizedMessage(_PHASES[status])
    if training:
        return done, total, training
    if status in _PHASES:
        return 0, 0, LocalizedMessage(_PHASES[status])
    return 0, 0, LocalizedMessage("waiting ({status})", status=status.replace("_", " "))


def _steps(
    remote: FineTuningJob, events: list[FineTuningJobEvent]
) -> tuple[int, int, LocalizedMessage | None]:
    """Return the steps done, the steps in all, and what the training does; 0, 0 and None if nothing tells."""
    for data in map(event_data, events):
        with suppress(KeyError, TypeError, ValueError):
            _, step, total = float(data["train_loss"]), int(data["step"]), int(data["total_steps"])
            return step, total, _loss_phase(losses_from_events(events).train)
    for data in map(event_data, events):  # step 0 is the model before its training
        with suppress(KeyError, TypeError, ValueError):
            loss, total = float(data["full_valid_loss"]), int(data["total_steps"])
            phase = LocalizedMessage(
                "loss (how badly the model guesses texts) {loss:.2f} before the training; the first step "
                "begins",
                loss=loss,
            )
            return 0, total, phase
    extra = remote.model_extra or {}
    with suppress(KeyError, TypeError, ValueError):
        return int(extra["trained_steps"]), int(extra["total_steps"]), LocalizedMessage("training")
    return 0, 0, None


def _loss_phase(losses: Mapping[int, float]) -> LocalizedMessage:
    """Return the mean loss of the newest steps, for a line that has little room.

    What a loss is, is said before the first step.
    """
    newest = max(losses, default=0)
    window = sorted(step for step in losses if step > newest - _LOSS_STEPS)
    if not window:  # none is finite
        return LocalizedMessage("training; loss {loss:.2f}", loss=math.nan)
    loss = fmean(losses[step] for step in window)
    if len(window) == 1:
        return LocalizedMessage("training; loss {loss:.2f}", loss=loss)
    return LocalizedMessage(
        "training; loss {loss:.2f}, the mean of the last {steps} steps",
        loss=loss,
        steps=newest - window[0] + 1,
    )
