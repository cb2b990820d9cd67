"""The first loop of a new installation: the default dataset written, a model tuned on it, checked and asked.

The bot, its worker and its engine run as they do by default, on a folder of their own.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from openai import AsyncOpenAI
from rich.table import Table

from bench.common.errors import BenchError
from bench.common.report import log_progress
from bot.app import App, open_app
from bot.llm.stream import Stream
from bot.processes import run_engine, run_worker
from bot.settings import Settings
from bot.shipped_files import shipped
from bot.store.job_schema import BuildResult, FinetuneResult

Result = TypeVar("Result", BuildResult, FinetuneResult)

_JOB_SECONDS = 3600.0
_FIRST_FORECAST = 5  # the step from which on the time left is to be right


@dataclass(frozen=True)
class Forecast:
    """What a training said of the time left, and how long it really took from then on, in seconds."""

    step: int
    said: float
    took: float


@dataclass(frozen=True, kw_only=True)
class FirstLoop:
    """The seconds of each part of the loop, and what the training forecast.

    examples: of the dataset. start: of engine, worker and bot. build: until the dataset is ready. first_step:
    from the order to the end of the first step. training: from the order until the new model is live or held
    back, its check among it. answer: the first answer of `/hero`.
    """

    examples: int
    start: float
    build: float
    first_step: float
    training: float
    answer: float
    forecasts: Sequence[Forecast]

    @property
    def minutes(self) -> float:
        """From the start to the first answer."""
        return (self.start + self.build + self.training + self.answer) / 60

    @property
    def forecast_error(self) -> float | None:
        """By which share the forecasts from the fifth step on were wrong at most, if there were any.

        Left out: the last tenth of the time, where a second is a large share of what is left.
        """
        whole = max((each.took for each in self.forecasts), default=0.0)
        errors = [
            abs(each.said / each.took - 1)
            for each in self.forecasts
            if each.step >= _FIRST_FORECAST and each.took > whole / 10
        ]
        return max(errors, default=None)

    def summary(self) -> dict[str, Any]:
        """Return the figures by name."""
        return {
            "first_loop_minutes": self.minutes,
            "build_seconds": self.build,
            "first_step_seconds": self.first_step,
            "training_seconds": self.training,
            "forecast_error": self.forecast_error,
        }

    def add_rows(self, table: Table) -> None:
        """Add one row for each part and its share of the whole."""
        seconds = 60 * self.minutes
        whole = f"the whole loop: {seconds:.0f} s"
        for what, part in (
            ("start of engine, worker and bot", self.start),
            (f"{self.examples} examples written", self.build),
            ("tuned and checked", self.training),
            ("the first answer", self.answer),
        ):
            table.add_row(what, f"{part:.1f} s", whole, f"{part / seconds:.2f}")
        table.add_row("the first step, from the order on", f"{self.first_step:.1f} s", "", "")
        if self.forecast_error is not None:
            table.add_row(
                "time left, from the fifth step on", "", "wrong by at most", f"{self.forecast_error:.2f}"
            )


async def measure(folder: Path) -> FirstLoop:
    """Run the loop once, on an empty folder. Raises BenchError if a part of it fails."""
    settings = Settings.model_construct(data_dir=folder, heroes_file=shipped("data/heroes.toml"))
    log_progress("the first loop: starting ...")
    started = time.perf_counter()
    async with run_engine(settings) as reachable, run_worker(reachable), open_app(reachable) as app:
        ready = time.perf_counter()
        log_progress("the first loop: writing the dataset ...")
        build, _ = await app.builds.submit(app.planner.spec())
        dataset = await _until_done(app, build.id, BuildResult)
        built = time.perf_counter()
        log_progress("the first loop: tuning ...")
        async with _timeline(reachable) as timeline:
            job, _ = await app.finetunes.submit()
            await _until_done(app, job.id, FinetuneResult)
        tuned = time.perf_counter()
        if not timeline:
            raise BenchError("The training told no steps.")
        (hero,) = app.heroes.vocabulary.sample(1, limit=1)
        await app.describer.generate(hero, Stream())
        answered = time.perf_counter()
    forecasts = _forecasts(timeline)
    for each in forecasts:
        log_progress(f"  step {each.step}: {each.said:.0f} s left were told, {each.took:.0f} s it took")
    return FirstLoop(
        examples=sum(dataset.counts[split] for split in ("train", "valid")),
        start=ready - started,
        build=built - ready,
        first_step=timeline[0][0] - built,
        training=tuned - built,
        answer=answered - tuned,
        forecasts=forecasts,
    )


Timeline = list[tuple[float, dict[str, Any]]]
"""When each step of a training was first seen, and what it told."""


def _forecasts(timeline: Timeline) -> list[Forecast]:
    end = timeline[-1][0]
    return [
        Forecast(int(data["step"]), float(data["seconds_left"]), end - at)
        for at, data in timeline
        if data.get("seconds_left") is not None and at < end
    ]


async def _until_done(app: App, job_id: int, result: type[Result]) -> Result:
    deadline = time.monotonic() + _JOB_SECONDS
    while (job := await app.jobs.get(job_id)).finished_at is None:  # in another process
        if time.monotonic() > deadline:
            raise BenchError(f"The {job.kind} has not ended in {_JOB_SECONDS:.0f} s")
        await asyncio.sleep(0.1)
    if job.state != "succeeded":
        raise BenchError(f"The {job.kind} {job.state}: {job.error}")
    return job.result_as(result)


@asynccontextmanager
async def _timeline(settings: Settings) -> AsyncIterator[Timeline]:
    """Note during the block when the engine's training does which step."""
    timeline: Timeline = []
    key = settings.engine_api_key.get_secret_value() if settings.engine_api_key else "none"
    async with AsyncOpenAI(base_url=settings.engine_url, api_key=key, max_retries=0) as client:
        watch = asyncio.create_task(_watch(client, timeline))
        try:
            yield timeline
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch  # passes on what it failed for


async def _watch(client: AsyncOpenAI, timeline: Timeline) -> None:
    known: set[int] = set()
    while True:
        for job in (await client.fine_tuning.jobs.list()).data:
            for event in reversed((await client.fine_tuning.jobs.list_events(job.id, limit=20)).data):
                # `data` has no type in the package
                if (
                    isinstance(event.data, dict)
                    and "train_loss" in event.data
                    and event.data["step"] not in known
                ):
                    known.add(event.data["step"])
                    timeline.append((time.perf_counter(), event.data))
        await asyncio.sleep(0.5)
