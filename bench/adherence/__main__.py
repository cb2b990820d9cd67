"""Adherence: whether a described hero is the one that was asked for, and like no other.

    python -m bench.adherence [--quick] [--json] [--data FOLDER] [--url URL --model NAME]

Builds the default dataset, trains on it and serves the tuned model, all as an installation does it, in a
temporary folder; then asks for heroes that no training set holds, one answer each, and measures the raw
answers. --data keeps the folder: where it has a live model already, that model is asked.
"""

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.adherence.measures import MEASURES, Described, measured, shares
from bench.adherence.unseen import unseen
from bot.app import App, open_app
from bot.chat import ChatRequest
from bot.dataset.build.builder import ENGINE_WORKERS
from bot.heroes.hero import Hero
from bot.llm.budget import Account
from bot.llm.retry import BACKGROUND
from bot.processes import run_engine
from bot.settings import Settings
from bot.store.job_schema import JobResult
from bot.store.jobs import Job

SHOWN = 20  # texts printed: the first ones, unselected
SAMPLING = ("temperature", "top_p", "repeat_penalty")


@dataclass(frozen=True, slots=True)
class Size:
    """How much is built and asked. examples None: all that /build-dataset makes by default."""

    examples: int | None
    heroes: int
    base_heroes: int


@dataclass(frozen=True, slots=True)
class Server:
    """A model that serves already; neither given: one is made."""

    url: str | None
    model: str | None


FULL = Size(examples=None, heroes=500, base_heroes=100)
QUICK = Size(examples=84, heroes=100, base_heroes=20)


async def tuned(app: App, size: Size) -> str:
    """Build and train as /build-dataset and /finetune do where nothing is said. Returns the model's name.

    Raises RuntimeError with the job's own words where one fails.
    """
    live = await app.registry.live()
    if live is None:
        spec = app.planner.spec(limit=size.examples)
        print("dataset:", (await _result(app, (await app.builds.submit(spec))[0])).to_json())
        print("model:", (await _result(app, (await app.finetunes.submit())[0])).to_json())
        live = await app.registry.live()
    if live is None:
        raise RuntimeError("The training left no live model.")
    return live.name


async def _result(app: App, job: Job) -> JobResult:
    await app.worker.run_next()
    job = await app.jobs.get(job.id)
    if job.result is None:
        raise RuntimeError(f"The {job.kind} job failed: {job.error}")
    return job.result


async def described(
    app: App, model: str, heroes: Sequence[Hero], ask: Callable[[Hero], ChatRequest]
) -> list[Described]:
    """One raw answer for each hero, in their order."""
    free = asyncio.Semaphore(ENGINE_WORKERS)

    async def one(hero: Hero) -> Described:
        async with free:
            answer = await app.client.complete(
                ask(hero), model=model, account=Account("hero"), retry_policy=BACKGROUND
            )
        return Described(hero, answer.text, answer.finish_reason)

    return list(await asyncio.gather(*map(one, heroes)))


@asynccontextmanager
async def _opened(kept: Path | None, url: str | None) -> AsyncIterator[App]:
    """The app with its engine, in a folder of its own; whatever the environment sets, it has the defaults."""
    with TemporaryDirectory(prefix="adherence-") as made:
        plain = Settings.model_construct(data_dir=kept or Path(made), engine_url=url)
        async with run_engine(plain) as settings, open_app(settings) as app:
            yield app


async def run(
    size: Size, sampling: dict[str, float], *, data: Path | None, server: Server, kept: Path | None
) -> dict[str, Any]:
    """Measure a model that serves already, or one made here; keep all texts. Returns the figures."""
    started = time.monotonic()
    async with _opened(data, server.url) as app:
        name = server.model or await tuned(app, size)
        prompts, curation = app.heroes.prompts, app.heroes.curation
        heroes = unseen(app.heroes.vocabulary, size.heroes)

        def ask_tuned(hero: Hero) -> ChatRequest:
            ask = prompts.ask_tuned(hero)
            return replace(ask, sampling=ask.sampling.model_copy(update=sampling))

        def ask_base(hero: Hero) -> ChatRequest:
            return prompts.ask_author(hero, small=False, seed=hero.age)

        await described(app, name, heroes[:1], ask_tuned)  # loads the model
        minutes = (time.monotonic() - started) / 60
        texts = await described(app, name, heroes, ask_tuned)
        base = await described(app, app.settings.base_model, heroes[: size.base_heroes], ask_base)
    if kept:
        rows = ({**asdict(each), "held": measured(each, curation)} for each in texts + base)
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        await asyncio.to_thread(kept.write_text, lines, encoding="utf-8")
    for each in texts[:SHOWN]:
        print(f"\n[{each.hero}] {each.text}")
    return {
        **shares(texts, curation),
        "heroes": len(texts),
        "minutes": round(minutes, 2),
        "sampling": prompts.sampling.tuned.model_dump() | sampling,
        "base": {**shares(base, curation), "heroes": len(base)},
    }


def _show(figures: dict[str, Any]) -> None:
    print(f"\n{'':18}{'tuned':>8}{'base':>8}")
    for name in (*MEASURES, "distinct_openings", "heroes"):
        print(f"{name:18}{figures[name]:8.3g}{figures['base'][name]:8.3g}")
    print(f"dataset, training and serving took {figures['minutes']:.1f} minutes")


def main() -> None:
    """Read the command line, run, and print the figures; with --json also as the last line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer examples, 100 heroes")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON in the last line")
    parser.add_argument("--data", type=Path, help="a folder to keep, or one that was kept")
    parser.add_argument("--url", help="an engine that runs already, with --model")
    parser.add_argument("--model", help="a tuned model that it serves")
    parser.add_argument("--texts", type=Path, help="a file for all texts and what holds of each, as JSONL")
    parser.add_argument("--heroes", type=int, help="how many to ask for")
    parser.add_argument("--base-heroes", type=int, help="how many to ask the base model for")
    for name in SAMPLING:
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, help="in place of the default's")
    chosen = parser.parse_args()
    size = QUICK if chosen.quick else FULL
    size = replace(
        size, heroes=chosen.heroes or size.heroes, base_heroes=chosen.base_heroes or size.base_heroes
    )
    sampling = {name: value for name in SAMPLING if (value := getattr(chosen, name)) is not None}
    server = Server(chosen.url, chosen.model)
    figures = asyncio.run(run(size, sampling, data=chosen.data, server=server, kept=chosen.texts))
    _show(figures)
    if chosen.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
