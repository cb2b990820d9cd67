"""Build the default dataset, tune a model on it, and measure the model's raw answers for unseen heroes."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.common.answers import ask_for_each
from bench.common.errors import BenchError
from bench.common.report import log_progress
from bot.app import App, open_app
from bot.chat import ChatRequest
from bot.heroes.adherence import Answer, evaluate, pass_rates
from bot.heroes.curation import Curation
from bot.heroes.hero import Hero
from bot.heroes.unseen_heroes import unseen_heroes
from bot.processes import run_engine
from bot.settings import Settings
from bot.store.job_schema import JobResult
from bot.store.jobs import Job


@dataclass(frozen=True, slots=True)
class Size:
    """How much is built and asked. examples is None for all that /build-dataset makes by default."""

    examples: int | None
    heroes: int
    base_heroes: int


@dataclass(frozen=True, slots=True)
class Source:
    """Where the model comes from.

    data: a folder to keep, or one that was kept; None for a temporary one. url: an engine that runs already;
    None to start one. model: a tuned model that it serves; None to build and tune one.
    """

    data: Path | None = None
    url: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """The figures by name, and the tuned model's answers."""

    figures: dict[str, Any]
    answers: Sequence[Answer]


FULL = Size(examples=None, heroes=500, base_heroes=100)
QUICK = Size(examples=84, heroes=100, base_heroes=20)


async def measure(
    size: Size, sampling: dict[str, float], source: Source, texts_file: Path | None = None
) -> Measurement:
    """Measure a tuned model and the base. Raises BenchError if a job fails.

    sampling: replaces the defaults of data/heroes.toml. texts_file: for all texts and their metrics, as
    JSONL.
    """
    started = time.monotonic()
    async with _open(source) as app:
        model = source.model or await _tuned_model(app, size)
        prompts, curation = app.heroes.prompts, app.heroes.curation
        heroes = unseen_heroes(app.heroes.vocabulary, size.heroes)

        def tuned_request(hero: Hero) -> ChatRequest:
            request = prompts.tuned_request(hero)
            return replace(request, sampling=request.sampling.model_copy(update=sampling))

        def base_request(hero: Hero) -> ChatRequest:
            return prompts.author_request(hero, small=False, seed=hero.age)

        await ask_for_each(app, model, heroes[:1], tuned_request)  # loads the model
        minutes = (time.monotonic() - started) / 60
        log_progress(f"asking for {len(heroes)} heroes ...")
        tuned = await ask_for_each(app, model, heroes, tuned_request)
        base = await ask_for_each(app, app.settings.base_model, heroes[: size.base_heroes], base_request)
    if texts_file:
        await asyncio.to_thread(_write_texts, texts_file, tuned + base, curation)
    figures = {
        **pass_rates(tuned, curation),
        "heroes": len(tuned),
        "minutes": round(minutes, 2),
        "sampling": prompts.sampling.tuned.model_dump() | sampling,
        "base": {**pass_rates(base, curation), "heroes": len(base)},
    }
    return Measurement(figures, tuned)


@asynccontextmanager
async def _open(source: Source) -> AsyncIterator[App]:
    """Open the app with its engine, with default settings: the environment is ignored.

    Every model goes live, since whatever it writes is to be measured.
    """
    with TemporaryDirectory(prefix="adherence-") as temporary:
        data = source.data or Path(temporary)
        defaults = Settings.model_construct(data_dir=data, engine_url=source.url, check_heroes=0)
        async with run_engine(defaults) as settings, open_app(settings) as app:
            yield app


async def _tuned_model(app: App, size: Size) -> str:
    """Return the live model's name; build and tune one with the commands' defaults if there is none."""
    live = await app.registry.live()
    if live is None:
        spec = app.planner.spec(limit=size.examples)
        log_progress("building the dataset ...")
        built = await _job_result(app, (await app.builds.submit(spec))[0])
        log_progress(f"dataset: {built.to_json()}; tuning ...")
        tuned = await _job_result(app, (await app.finetunes.submit())[0])
        log_progress(f"model: {tuned.to_json()}")
        live = await app.registry.live()
    if live is None:
        raise BenchError("The training left no live model.")
    return live.name


async def _job_result(app: App, job: Job) -> JobResult:
    await app.worker.run_next()
    job = await app.jobs.get(job.id)
    if job.result is None:
        raise BenchError(f"The {job.kind} job failed: {job.error}")
    return job.result


def _write_texts(path: Path, answers: Sequence[Answer], curation: Curation) -> None:
    rows = ({**asdict(answer), "held": evaluate(answer, curation)} for answer in answers)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
