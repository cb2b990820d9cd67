"""Build a dataset and tune a model on it with each seed, and measure the answers for unseen heroes."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.adherence.copying import TrainingSet
from bench.adherence.figures import Asked, summary
from bench.common.answers import ask_for_each
from bench.common.errors import BenchError
from bench.common.report import log_progress
from bench.common.texts_file import BASE, require_writable, write_texts
from bot.app import App, open_app
from bot.chat import ChatRequest
from bot.dataset.build.builder import ENGINE_WORKERS
from bot.heroes.adherence import Answer, evaluate
from bot.heroes.curation import Curation
from bot.heroes.hero import Hero
from bot.heroes.unseen_heroes import unseen_heroes
from bot.llm.stream import Stream
from bot.processes import run_engine
from bot.settings import Settings, TunedWeights
from bot.store.job_schema import BuildSource, JobResult
from bot.store.jobs import Job
from bot.store.models import Model


@dataclass(frozen=True, slots=True)
class Size:
    """How much is written and asked. examples is None for all that a build by a model makes by default.

    seeds: of dataset and training, a model each. heroes: asked of each tuned model. drawn: how many of them
    are asked once more as /hero asks, which draws again when curation finds a fault. base_heroes: asked of
    the base.
    """

    seeds: Sequence[int]
    heroes: int
    drawn: int
    base_heroes: int
    examples: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where the models come from.

    data: a folder to keep, or one that was kept, with a folder for each seed; None for a temporary one.
    build and tune are the options of a build and of a training; by default those of the guided run. url: an
    engine that runs already; None to start one. model: a tuned model that it serves; None to build and tune
    one with each seed.
    """

    data: Path | None = None
    build: BuildSource = "shipped"
    tune: TunedWeights = "auto"
    extra: dict[str, Any] = field(default_factory=dict)
    """Further fields of the call that starts a training, as in the setting TUNING_EXTRA."""
    url: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """The figures by name, and the raw answers of the first seed's model and of the base."""

    figures: dict[str, Any]
    answers: Sequence[Answer]
    base: Sequence[Answer]


FULL = Size(seeds=(0, 1, 2), heroes=300, drawn=100, base_heroes=100)
QUICK = Size(seeds=(0,), heroes=150, drawn=20, base_heroes=20)


async def measure(
    size: Size, sampling: dict[str, float], source: Source, texts_file: Path | None = None
) -> Measurement:
    """Measure a tuned model of each seed, and the base.

    Raises BenchError if a job fails or the file of texts cannot be written.

    sampling: replaces the defaults of data/heroes.toml. texts_file: for all texts and their metrics, as
    JSONL.
    """
    if texts_file:
        await asyncio.to_thread(require_writable, texts_file)
    tuned: list[Asked] = []
    base = Asked(())
    for seed in size.seeds:
        started = time.monotonic()
        async with _open(source, seed) as app:
            model = source.model or await _tuned_model(app, size, source, seed)
            minutes = (time.monotonic() - started) / 60
            prompts, curation = app.heroes.prompts, app.heroes.curation
            learnt = await _training_set(app, model)
            if not tuned:
                base = _with_copies(Asked(await _ask_base(app, size.base_heroes)), learnt)
            asked = _with_copies(await _ask_tuned(app, model, size, sampling), learnt)
            tuned.append(replace(asked, seed=seed, minutes=minutes))
            applied = prompts.sampling.tuned.model_dump() | sampling
        if texts_file:
            rows = [*((f"seed {asked.seed}", asked) for asked in tuned), (BASE, base)]
            await asyncio.to_thread(write_texts, texts_file, _rows(rows, curation))
    figures = {**summary(tuned, base, curation), "source": source.build, "sampling": applied}
    return Measurement(figures, tuned[0].raw, base.raw)


async def _ask_tuned(app: App, model: Model | str, size: Size, sampling: dict[str, float]) -> Asked:
    """Ask a tuned model for raw answers, and as /hero does."""
    prompts, heroes = app.heroes.prompts, unseen_heroes(app.heroes.vocabulary, size.heroes)
    name = model if isinstance(model, str) else model.name

    def request(hero: Hero) -> ChatRequest:
        request = prompts.tuned_request(hero)
        return replace(request, sampling=request.sampling.model_copy(update=sampling))

    await ask_for_each(app, name, heroes[:1], request)  # loads the model
    log_progress(f"asking for {len(heroes)} heroes ...")
    raw = await ask_for_each(app, name, heroes, request)
    if isinstance(model, str):  # not a model of this installation: /hero does not know it
        return Asked(raw)
    slots = asyncio.Semaphore(ENGINE_WORKERS)

    async def draw(hero: Hero) -> tuple[Answer, int]:
        async with slots:
            text = await app.describer.generate(hero, Stream(), model)
        return Answer(hero, text.text, text.answer.finish_reason), text.draws

    log_progress(f"asking for {size.drawn} heroes as /hero does ...")
    drawn = await asyncio.gather(*map(draw, heroes[: size.drawn]))
    return Asked(raw, drawn=[answer for answer, _ in drawn], draws=[draws for _, draws in drawn])


async def _ask_base(app: App, number: int) -> list[Answer]:
    """Ask the base under the generation prompt, as the author of a build."""

    def request(hero: Hero) -> ChatRequest:
        return app.heroes.prompts.author_request(hero, small=False, seed=hero.age)

    heroes = unseen_heroes(app.heroes.vocabulary, number)
    return await ask_for_each(app, app.settings.base_model, heroes, request)


@asynccontextmanager
async def _open(source: Source, seed: int) -> AsyncIterator[App]:
    """Open the app with its engine, with default settings: the environment is ignored.

    Every model goes live, since whatever it writes is to be measured.
    """
    with TemporaryDirectory(prefix="adherence-") as temporary:
        defaults = Settings.model_construct(
            data_dir=source.data / f"seed-{seed}" if source.data else Path(temporary),
            engine_url=source.url,
            tune=source.tune,
            tuning_extra={**source.extra, "seed": seed},
            check_heroes=0,
        )
        async with run_engine(defaults) as settings, open_app(settings) as app:
            yield app


async def _tuned_model(app: App, size: Size, source: Source, seed: int) -> Model:
    """Return the live model; build and tune one with the commands' defaults if there is none.

    The seed chooses what a build by a model draws. The texts that come with the bot are the same for all.
    """
    live = await app.registry.live()
    if live is None:
        drawn: dict[str, Any] = {} if source.build == "shipped" else {"limit": size.examples, "seed": seed}
        spec = app.planner.spec(source.build, **drawn)
        log_progress("building the dataset ...")
        built = await _job_result(app, (await app.builds.submit(spec))[0])
        log_progress(f"dataset: {built.to_json()}; tuning ...")
        tuned = await _job_result(app, (await app.finetunes.submit())[0])
        log_progress(f"model: {tuned.to_json()}")
        live = await app.registry.live()
    if live is None:
        raise BenchError("The training left no live model.")
    return live


async def _job_result(app: App, job: Job) -> JobResult:
    await app.worker.run_next()
    job = await app.jobs.get(job.id)
    if job.result is None:
        raise BenchError(f"The {job.kind} job failed: {job.error}")
    return job.result


async def _training_set(app: App, model: Model | str) -> TrainingSet | None:
    """Return the texts that a model learnt from; None if it is not a model of this installation."""
    if isinstance(model, str):
        return None
    items = await app.dataset_contents.items(model.dataset_id)
    return TrainingSet(item.text for item in items if item.split == "train")


def _with_copies(asked: Asked, learnt: TrainingSet | None) -> Asked:
    if learnt is None:
        return asked
    return replace(asked, copied=[learnt.longest_copied(answer.text) for answer in asked.raw])


def _rows(
    models: Sequence[tuple[str, Asked]], curation: Curation
) -> Iterator[tuple[str, Answer, dict[str, Any]]]:
    """Yield each model's answers with the metrics of each."""
    for name, asked in models:
        for number, answer in enumerate(asked.raw):
            figures: dict[str, Any] = {"held": evaluate(answer, curation)}
            yield name, answer, figures | ({"copied": asked.copied[number]} if asked.copied else {})
