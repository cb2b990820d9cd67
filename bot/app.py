"""The composition root: every service, opened in order and closed in reverse, on one screen."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.dataset.build import Builder
from bot.dataset.freeze import Freezer
from bot.dataset.job import BuildJobs
from bot.dataset.plan import Planner
from bot.describer import Describer
from bot.heroes_file import HeroesFile, read_heroes
from bot.jobs import JobBoard
from bot.llm.client import ModelClient, open_client
from bot.rating.voters import load_voters
from bot.rating.votes import Votes
from bot.settings import Settings
from bot.store.database import Database, open_database
from bot.tuning.finetune import FinetuneJobs
from bot.tuning.registry import Registry
from bot.worker import Worker

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class App:
    """What cogs, worker and terminal work with."""

    settings: Settings
    heroes: HeroesFile
    db: Database
    client: ModelClient
    votes: Votes
    registry: Registry
    describer: Describer
    board: JobBoard
    builds: BuildJobs
    finetunes: FinetuneJobs
    worker: Worker


@asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[App]:
    """Open everything that the settings describe.

    Raises SettingsError or StoreError, whose texts tell the operator what to mend.
    """
    heroes = read_heroes(settings.heroes_file)
    small = not settings.hosted  # the engine's own model is small: it is asked with the profile
    url = settings.openai_base_url if settings.hosted else settings.engine_url
    secret = settings.openai_api_key if settings.hosted else settings.engine_api_key
    key = secret.get_secret_value() if secret else "none"
    async with (
        open_database(settings.database) as db,
        open_client(url, key, extensions=small) as client,
    ):
        voters = load_voters(settings.data_dir / "voters.key")
        votes = Votes(db, voters)
        registry = Registry(db)
        board = JobBoard(db)
        planner = Planner(heroes.vocabulary, heroes.prompts)
        builder = Builder(db, client, planner, heroes.curation)
        freezer = Freezer(db, votes, heroes, min_voters=settings.min_voters)
        builds = BuildJobs(db, board, planner, builder, freezer)
        finetunes = FinetuneJobs(db, board, client, registry)
        describer = Describer(db, client, registry, heroes, voters, author=settings.author_model, small=small)
        worker = Worker(db, {"build": builds.run, "finetune": finetunes.run})
        yield App(settings, heroes, db, client, votes, registry, describer, board, builds, finetunes, worker)
