"""The composition root: opens every service in order, and closes them in reverse."""

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from openai import AsyncOpenAI

from bot.backup.schedule import BackupSchedule
from bot.community.about import About, open_about
from bot.community.accounts import Pseudonyms, load_pseudonyms
from bot.community.activity import Activity
from bot.community.card_posts import CardPosts
from bot.community.content_reports import ContentReports
from bot.community.guild_settings import GuildSettings
from bot.community.hero_cards import HeroCards
from bot.community.hero_lists import HeroLists
from bot.community.member_settings import MemberSettings
from bot.community.notifications import Notifications
from bot.community.onboarding import Onboarding
from bot.community.people import People
from bot.community.powers import Powers
from bot.community.privacy import Privacy
from bot.dataset.browsing.provenance import Provenances
from bot.dataset.browsing.texts import DatasetTexts
from bot.dataset.build.attachments import Attachments
from bot.dataset.build.batch_builder import BatchBuilder
from bot.dataset.build.builder import ENGINE_WORKERS, HOSTED_WORKERS, Builder, BuildTiming
from bot.dataset.build.estimate import BuildEstimator
from bot.dataset.build.example_selector import ExampleSelector
from bot.dataset.build.first_texts import FirstTexts
from bot.dataset.build.job import BuildJobs
from bot.dataset.build.moderation import Moderation
from bot.dataset.build.plan import Planner
from bot.dataset.build.ranked_texts import RankedTexts
from bot.dataset.files.transfer import Transfer
from bot.dataset.versions.admission import Admission
from bot.dataset.versions.admission_counts import open_admission_counter
from bot.dataset.versions.best_rated import BestRated
from bot.dataset.versions.contents import DatasetContents
from bot.dataset.versions.freeze import Freezer
from bot.dataset.versions.judged_texts import JudgedTexts
from bot.dataset.versions.kept_verdicts import KeptVerdicts
from bot.dataset.versions.preference_pairs import PreferencePairs
from bot.dataset.versions.review import Reviews
from bot.dataset.versions.scenes import TrainableScenes
from bot.dataset.versions.status import DatasetStatuses
from bot.gallery.gallery import Gallery
from bot.heroes.blocklist import Blocklist
from bot.heroes.config import HeroesConfig, read_heroes
from bot.heroes.first_dataset import FirstDataset
from bot.heroes.hero_parser import HeroParser
from bot.heroes.scenes import ScenePrompts
from bot.i18n.catalogues import Catalogues
from bot.jobs.queue import JobQueue, WorkerTiming
from bot.jobs.worker import Worker
from bot.leases import LEADER, Leases, LeaseTiming
from bot.llm.batch_api import BatchLimits
from bot.llm.bookings import Bookings
from bot.llm.budget import Budget
from bot.llm.client import ClientTiming, ModelClient, open_api, open_client
from bot.llm.model_parameters import ENGINE, HOSTED, SERVING, Extensions
from bot.llm.prices import read_prices
from bot.llm.replicas import Replicas, ReplicaTiming
from bot.llm.text_scores import TextScorer
from bot.ranking.candidates import Candidates
from bot.ranking.log_probs import LogProbs
from bot.ranking.ranker import Ranker
from bot.rating.backfill import VoteBackfill
from bot.rating.duels import Duels
from bot.rating.periods import Periods
from bot.rating.picks import Picks
from bot.rating.scores import Scores, open_scores
from bot.rating.seasons import Seasons
from bot.rating.thresholds import Thresholds
from bot.rating.trials import TrialRules, Trials
from bot.rating.vote_filter import VoteFilter
from bot.rating.votes import Votes
from bot.rating.weekly_posts import WeeklyPosts
from bot.registry.adapter_download import AdapterDownload
from bot.registry.adapter_folder import AdapterFolder
from bot.registry.availability import ModelAvailability
from bot.registry.lora_deployment import LoraDeployment
from bot.registry.registry import Registry
from bot.serving.comparison import Comparer
from bot.serving.describer import Describer
from bot.serving.draws import DrawLimit
from bot.serving.generator import Generator
from bot.serving.rate_limits import UserRateLimits
from bot.serving.redraws import Redraws
from bot.serving.shared_use import SharedUse
from bot.serving.stories import Stories
from bot.serving.takes import Takes
from bot.serving.teams import Teams
from bot.serving.waiting_queue import WaitingQueue
from bot.settings import Settings
from bot.store.database import Database, open_database
from bot.store.first_use import warn_of_file_left_behind
from bot.store.timing import DatabaseTiming
from bot.store.use_lock import in_use
from bot.tuning.best_texts import BestTexts
from bot.tuning.estimate import TuningEstimator
from bot.tuning.follow import TrainingTiming
from bot.tuning.gate import Gate
from bot.tuning.gate_rules import GateRules
from bot.tuning.job import FinetuneRunner
from bot.tuning.model_reader import ModelReader
from bot.tuning.orders import FinetuneJobs
from bot.tuning.providers import SERVING_HINT, provider_of, server_name
from bot.tuning.pruning import Pruner
from bot.tuning.remote_api import FineTuningApi
from bot.tuning.remote_calls import FineTuningApiTiming
from bot.tuning.report_files import ReportFiles
from bot.tuning.results import TrainingResults

log = logging.getLogger(__name__)

# Given while no engine runs: without a base URL the SDK would call OpenAI.
_NO_SERVER = "http://127.0.0.1:1/v1"


@dataclass(frozen=True, slots=True)
class JobMessageTiming:
    """Intervals between edits of a job's message that show nothing but progress, in seconds."""

    edit_interval: float = 5.0
    old_after: float = 3000.0  # Discord rations edits of messages older than an hour
    old_edit_interval: float = 60.0


@dataclass(frozen=True, slots=True)
class Timing:
    """The clock, and every interval, pause and time limit: what tests move or shorten.

    clock returns the time in seconds since 1970; weeks, months and seasons go by it. Each class is defined
    beside its user. Those of cogs are defined here, because this module imports no cog.
    """

    clock: Callable[[], float] = time.time
    database: DatabaseTiming = field(default_factory=DatabaseTiming)
    worker: WorkerTiming = field(default_factory=WorkerTiming)
    client: ClientTiming = field(default_factory=ClientTiming)
    replicas: ReplicaTiming = field(default_factory=ReplicaTiming)
    edit_interval: float = 1.0  # seconds between edits of a text in progress: what a channel bears
    leases: LeaseTiming = field(default_factory=LeaseTiming)
    people_refresh: float = 1.0  # seconds until a block or reset by another process is seen
    backfill_pause: float = 0.2  # seconds between messages, so that what people do goes first
    training: TrainingTiming = field(default_factory=TrainingTiming)
    fine_tuning_api: FineTuningApiTiming = field(default_factory=FineTuningApiTiming)
    job_messages: JobMessageTiming = field(default_factory=JobMessageTiming)
    build: BuildTiming = field(default_factory=BuildTiming)
    batches: BatchLimits = field(default_factory=BatchLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The services that cogs, worker and terminal call."""

    settings: Settings
    timing: Timing
    heroes: HeroesConfig
    db: Database
    leases: Leases
    client: ModelClient
    budget: Budget
    pseudonyms: Pseudonyms
    planner: Planner
    selector: ExampleSelector
    transfer: Transfer
    reviews: Reviews
    votes: Votes
    vote_backfill: VoteBackfill
    scores: Scores
    seasons: Seasons
    periods: Periods
    weekly_posts: WeeklyPosts
    powers: Powers
    admission: Admission
    trainable_scenes: TrainableScenes
    pairs: PreferencePairs
    judged_texts: JudgedTexts
    dataset_statuses: DatasetStatuses
    dataset_contents: DatasetContents
    dataset_texts: DatasetTexts
    registry: Registry
    availability: ModelAvailability
    comparer: Comparer
    notifications: Notifications
    about: About
    hero_parser: HeroParser
    guild_settings: GuildSettings
    onboarding: Onboarding
    privacy: Privacy
    hero_lists: HeroLists
    member_settings: MemberSettings
    gallery: Gallery
    activity: Activity
    describer: Describer
    teams: Teams
    stories: Stories
    trials: Trials
    duels: Duels
    takes: Takes
    picks: Picks
    provenance: Provenances
    people: People
    rate_limits: UserRateLimits
    waiting_queue: WaitingQueue
    content_reports: ContentReports
    cards: HeroCards
    card_posts: CardPosts
    backups: BackupSchedule
    pruner: Pruner
    jobs: JobQueue
    builds: BuildJobs
    finetunes: FinetuneJobs
    worker: Worker


@asynccontextmanager
async def open_app(settings: Settings, timing: Timing | None = None) -> AsyncIterator[App]:
    """Open every service with these settings, and close them at the end.

    Raises SettingsError or StoreError, with texts that tell the operator what to correct.
    """
    timing = timing or Timing()
    heroes = _heroes(settings)
    small = not settings.hosted  # the engine's model is small: its prompts carry the profile of examples
    provider = provider_of(
        settings.openai_base_url,
        hosted=settings.hosted,
        key=settings.provider,
        weights=settings.trained_weights,
    )
    prices = read_prices(settings.prices_file, free=small)
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(_database(settings, timing))
        budget = Budget(db, prices, daily=settings.daily_budget)
        bookings = Bookings(db, prices)
        training_api = await stack.enter_async_context(open_training_api(settings))
        replicas = await stack.enter_async_context(_replicas(settings, training_api, timing))
        client = await stack.enter_async_context(
            open_client(
                replicas, db, budget, bookings, extensions=_extensions(settings), timing=timing.client
            )
        )
        pseudonyms = load_pseudonyms(settings.data_dir / "voters.key")
        leases = Leases(db, timing.leases)
        stack.push_async_callback(leases.release)
        scores = await stack.enter_async_context(
            open_scores(db, VoteFilter(account_days=settings.account_days, daily=settings.daily_votes))
        )
        blocklist = Blocklist(settings.blocklist, heroes.vocabulary.powers)
        powers = Powers(db, heroes.vocabulary, blocklist)
        admission = Admission(
            db, pseudonyms, scores, powers, heroes, KeptVerdicts(db, heroes.curation), _thresholds(settings)
        )
        registry = Registry(db, gated=settings.check_heroes > 0)
        jobs = JobQueue(
            db,
            timing.worker,
            at_once=settings.jobs_at_once,
            server=server_name(provider, settings.openai_base_url),
        )
        planner = Planner(
            heroes.vocabulary,
            heroes.prompts,
            author=settings.author_model,
            small=small,
            batch_from=settings.batch_from,
            prices=prices,
        )
        selector = ExampleSelector(db, planner, heroes.prompts, heroes.curation)
        workers = ENGINE_WORKERS if small else HOSTED_WORKERS
        moderation = Moderation(db, client, enabled=settings.moderate)
        freezer = Freezer(db, admission, heroes)
        trainable_scenes = TrainableScenes(
            db,
            scores,
            powers,
            heroes,
            _scene_prompts(settings, heroes),
            _thresholds(settings),
            enabled=settings.train_scenes,
        )
        transfer = Transfer(db, heroes, blocklist, freezer)
        languages = Catalogues(settings.languages_dir)
        first_dataset = FirstDataset(settings.first_dataset, heroes, blocklist)
        first_texts = FirstTexts(db, first_dataset, heroes.prompts)
        builds = BuildJobs(
            db,
            jobs,
            budget,
            bookings,
            BuildEstimator(db, planner, prices, first_texts),
            Builder(db, client, budget, planner, selector, moderation, workers=workers, timing=timing.build),
            BatchBuilder(db, client, budget, bookings, planner, selector, moderation, timing.batches),
            freezer,
            RankedTexts(
                db,
                registry,
                Ranker(
                    db,
                    scores,
                    LogProbs(db, _scorer(settings, training_api), heroes.prompts, workers=workers),
                    heroes,
                ),
                Candidates(db, client, heroes.prompts, workers=workers),
                planner,
                selector,
                moderation,
                first_texts,
                heroes.prompts,
                prices,
                most_heroes=settings.ranked_heroes,
            ),
            Attachments(settings.data_dir, transfer, languages),
            trainable_scenes,
        )
        generator = Generator(
            client,
            heroes,
            base=settings.author_model,
            small=small,
            limit=DrawLimit(prices, settings.draws),
        )
        comparer = Comparer(generator, heroes.vocabulary)
        lora_deployment = _lora_deployment(settings, training_api, replicas)
        availability = ModelAvailability(db, replicas.apis, training_api, lora_deployment)
        replicas.restore_with(availability.reload_served)
        gate = Gate(
            registry,
            ModelReader(
                db,
                client,
                heroes,
                leases,
                number=settings.check_heroes,
                workers=workers,
                drain=timing.build.drain,
            ),
            BestTexts(BestRated(db, admission).comparable, _scorer(settings, training_api), workers=workers),
            heroes,
            GateRules(),
            leases,
        )
        fine_tuning_api = FineTuningApi(
            training_api, provider, extra=settings.tuning_extra, timing=timing.fine_tuning_api
        )
        training_results = TrainingResults(
            registry,
            provider,
            lora_deployment,
            gate if settings.check_heroes else None,
            first_dataset.held_out_examples,
            comparer,
            heroes.vocabulary,
            ReportFiles(settings.data_dir, languages),
        )
        finetunes = FinetuneJobs(
            jobs,
            budget,
            registry,
            TuningEstimator(
                db,
                fine_tuning_api,
                prices,
                registry,
                availability,
                gate if settings.check_heroes else None,
                base=settings.base_model,
                serves_adapters=settings.serving_url is not None,
            ),
            training_results,
        )
        guild_settings = GuildSettings(db, languages, settings.limits, settings.shards)
        people = People(db, pseudonyms, refresh=timing.people_refresh)
        # each process has its part: the model server bears so many from all of them
        waiting_queue = WaitingQueue(
            settings.shards.share(settings.heroes_at_once),
            max_length=settings.shards.share(settings.longest_line),
        )
        describer = Describer(
            db,
            registry,
            availability,
            generator,
            pseudonyms,
            waiting_queue,
            prompt_version=heroes.prompts.version,
        )
        cards = HeroCards(heroes, fonts=settings.card_fonts)
        trials = Trials(
            db,
            registry,
            TrialRules(
                settings.trial_duels, settings.trial_days, settings.rematch_days, auto=settings.auto_promote
            ),
        )
        yield App(
            settings=settings,
            timing=timing,
            heroes=heroes,
            db=db,
            leases=leases,
            client=client,
            budget=budget,
            pseudonyms=pseudonyms,
            planner=planner,
            selector=selector,
            transfer=transfer,
            reviews=Reviews(db, heroes.curation),
            votes=Votes(db, pseudonyms),
            vote_backfill=VoteBackfill(
                db,
                pseudonyms,
                max_age_days=settings.reconcile_days,
                max_messages=settings.reconcile_messages,
            ),
            scores=scores,
            seasons=Seasons(db, timing.clock),
            periods=Periods(guild_settings, Seasons(db, timing.clock), timing.clock),
            weekly_posts=WeeklyPosts(db, scores, guild_settings, timing.clock),
            powers=powers,
            admission=admission,
            trainable_scenes=trainable_scenes,
            pairs=PreferencePairs(db, admission, freezer),
            judged_texts=JudgedTexts(admission, freezer),
            dataset_statuses=DatasetStatuses(
                db,
                await stack.enter_async_context(
                    open_admission_counter(db, scores, powers, admission.verdicts)
                ),
                trainable_scenes,
                _thresholds(settings),
            ),
            dataset_contents=DatasetContents(db),
            dataset_texts=DatasetTexts(db, scores, selector, heroes.prompts),
            registry=registry,
            availability=availability,
            comparer=comparer,
            notifications=Notifications(
                db, admin_channel=settings.admin_channel, sends=partial(leases.has, LEADER)
            ),
            about=await stack.enter_async_context(open_about(db, base=settings.author_model)),
            hero_parser=HeroParser(heroes.vocabulary, blocklist),
            guild_settings=guild_settings,
            onboarding=Onboarding(db, timing.clock),
            privacy=Privacy(db, pseudonyms, cards),
            hero_lists=HeroLists(db, pseudonyms),
            member_settings=MemberSettings(db, pseudonyms),
            gallery=Gallery(db, scores, pseudonyms, heroes),
            activity=Activity(db),
            describer=describer,
            teams=Teams(
                db,
                describer,
                Redraws(client, DrawLimit(prices, settings.draws)),
                _scene_prompts(settings, heroes),
                HeroParser(heroes.vocabulary, blocklist),
                heroes,
            ),
            stories=Stories(
                db,
                describer,
                Redraws(client, DrawLimit(prices, settings.draws)),
                _scene_prompts(settings, heroes),
                heroes.curation,
                pseudonyms,
            ),
            trials=trials,
            duels=Duels(
                db,
                trials,
                describer,
                pseudonyms,
                share=settings.duel_share,
                account_days=settings.account_days,
            ),
            takes=Takes(db, heroes),
            picks=Picks(db, pseudonyms, account_days=settings.account_days),
            provenance=Provenances(db, heroes, small=small),
            people=people,
            rate_limits=UserRateLimits(
                db,
                pseudonyms,
                people,
                guild_settings.limits,
                None if settings.shards.are_all else SharedUse(db),
            ),
            waiting_queue=waiting_queue,
            content_reports=ContentReports(
                db,
                pseudonyms,
                heroes.vocabulary,
                reports_to_hide=settings.reports_to_hide,
                account_days=settings.account_days,
                daily=settings.daily_reports,
            ),
            cards=cards,
            card_posts=CardPosts(db, pseudonyms),
            backups=BackupSchedule(db, settings),
            pruner=Pruner(
                db,
                training_api,
                fine_tuning_api,
                AdapterDownload(training_api, AdapterFolder(settings.adapters)),
                kept=settings.keep_models,
                enabled=not settings.hosted,
            ),
            jobs=jobs,
            builds=builds,
            finetunes=finetunes,
            worker=Worker(
                db,
                {
                    "build": builds,
                    "finetune": FinetuneRunner(
                        db, fine_tuning_api, budget, bookings, registry, training_results, timing.training
                    ),
                },
                timing.worker,
                server=jobs.server,
                at_once=settings.jobs_at_once,
                drain=partial(client.drain, timing.build.drain),
            ),
        )


@asynccontextmanager
async def _database(settings: Settings, timing: Timing) -> AsyncIterator[Database]:
    """Open the database; no restore can begin in the data folder meanwhile."""
    with in_use(settings.data_dir):
        async with open_database(settings.database, timing.database) as db:
            if settings.on_postgres:
                await warn_of_file_left_behind(db, settings.data_dir / "hero.db")
            yield db


@asynccontextmanager
async def _replicas(settings: Settings, training_api: AsyncOpenAI, timing: Timing) -> AsyncIterator[Replicas]:
    """Open the servers that answer: those at SERVING_URL, or the one that trains."""
    async with AsyncExitStack() as stack:
        apis = [
            await stack.enter_async_context(open_serving_api(settings, address))
            for address in settings.serving_url or ()
        ]
        replicas = Replicas(apis or [training_api], timing.replicas)
        stack.push_async_callback(replicas.close)
        yield replicas


def _lora_deployment(
    settings: Settings, training_api: AsyncOpenAI, replicas: Replicas
) -> LoraDeployment | None:
    if settings.serving_url is None:
        return None
    return LoraDeployment(
        training_api,
        replicas.apis,
        here=settings.adapters,
        there=settings.adapters_on_server,
        hint=SERVING_HINT,
    )


def _heroes(settings: Settings) -> HeroesConfig:
    """Read the heroes file; tuned models are sampled as the server that answers knows best."""
    heroes = read_heroes(settings.heroes_file)
    return replace(heroes, prompts=heroes.prompts.for_min_p()) if _extensions(settings).min_p else heroes


def _scene_prompts(settings: Settings, heroes: HeroesConfig) -> ScenePrompts:
    small = not settings.hosted
    continues = small or settings.serving_url is not None  # servers of open models continue a text
    return ScenePrompts(heroes.prompts, small=small, continues=continues)


def _extensions(settings: Settings) -> Extensions:
    """Return what the server that answers takes beyond OpenAI's API."""
    if settings.serving_url:
        return SERVING
    return HOSTED if settings.hosted else ENGINE


def _thresholds(settings: Settings) -> Thresholds:
    return Thresholds(settings.min_voters, settings.admit_above, settings.vote_confidence)


def _scorer(settings: Settings, api: AsyncOpenAI) -> TextScorer | None:
    """Return what scores texts by the models that answer; None if their server tells no log-probabilities."""
    return TextScorer(api) if _extensions(settings).log_probs else None


def open_training_api(settings: Settings) -> AsyncOpenAI:
    """Return the API that trains, and that answers unless SERVING_URL names another server."""
    url = settings.openai_base_url if settings.hosted else settings.engine_url or _NO_SERVER
    secret = settings.openai_api_key if settings.hosted else settings.engine_api_key
    return open_api(url, secret.get_secret_value() if secret else "none")


def open_serving_api(settings: Settings, url: str) -> AsyncOpenAI:
    """Return the API at an address of SERVING_URL, which answers in place of the one that trains."""
    secret = settings.serving_api_key
    return open_api(url, secret.get_secret_value() if secret else "none")
