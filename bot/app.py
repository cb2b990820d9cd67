"""The composition root: every service, opened in order and closed in reverse, on one screen."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bot.dataset.attachments import Attachments
from bot.dataset.batch import BatchBuilder
from bot.dataset.build import ENGINE_WORKERS, HOSTED_WORKERS, Builder
from bot.dataset.choose import Chooser
from bot.dataset.forecast import Forecaster
from bot.dataset.freeze import Freezer
from bot.dataset.job import BuildJobs
from bot.dataset.moderate import Moderation
from bot.dataset.plan import Planner
from bot.dataset.review import Reviews
from bot.dataset.transfer import Transfer
from bot.describer import Describer
from bot.heroes_file import HeroesFile, read_heroes
from bot.jobs import JobBoard
from bot.llm.budget import Budget
from bot.llm.client import ModelClient, open_client
from bot.llm.prices import read_prices
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
    budget: Budget
    planner: Planner
    chooser: Chooser
    transfer: Transfer
    reviews: Reviews
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
    prices = read_prices(settings.prices_file, free=small)
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(open_database(settings.database))
        budget = Budget(db, prices, daily=settings.daily_budget)
        client = await stack.enter_async_context(open_client(url, key, db, budget, extensions=small))
        voters = load_voters(settings.data_dir / "voters.key")
        votes = Votes(db, voters)
        registry = Registry(db)
        board = JobBoard(db)
        planner = Planner(
            heroes.vocabulary,
            heroes.prompts,
            author=settings.author_model,
            small=small,
            batch_from=settings.batch_from,
            prices=prices,
        )
        chooser = Chooser(db, planner, heroes.prompts, heroes.curation)
        workers = ENGINE_WORKERS if small else HOSTED_WORKERS
        moderation = Moderation(db, client, wanted=settings.moderate)
        builder = Builder(db, client, planner, chooser, moderation, workers=workers)
        batches = BatchBuilder(db, client, budget, planner, chooser, moderation)
        freezer = Freezer(db, votes, heroes, planner, chooser, min_voters=settings.min_voters)
        transfer = Transfer(db, heroes.prompts, freezer)
        attachments = Attachments(settings.data_dir, transfer)
        forecaster = Forecaster(db, planner, prices)
        builds = BuildJobs(db, board, budget, forecaster, builder, batches, freezer, attachments)
        finetunes = FinetuneJobs(db, board, client, budget, registry)
        describer = Describer(db, client, registry, heroes, voters, author=settings.author_model, small=small)
        worker = Worker(db, {"build": builds, "finetune": finetunes})
        yield App(
            settings,
            heroes,
            db,
            client,
            budget,
            planner,
            chooser,
            transfer,
            Reviews(db, heroes.curation),
            votes,
            registry,
            describer,
            board,
            builds,
            finetunes,
            worker,
        )
