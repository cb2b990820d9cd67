"""Shared fixtures: settings in a fresh folder, a scripted model server, the app on a real database."""

import ast
import asyncio
import gc
import logging
import os
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord
import hypothesis
import pytest
import simcord
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, Pool, PoolProxiedConnection

from bot.app import App, Timing, open_app
from bot.client import HeroBot
from bot.errors import UserError
from bot.playground.simulated_discord import PatientEnv
from bot.settings import ROOT, Settings
from bot.store.jobs import Job
from tests.support.databases import ON_POSTGRES, Databases
from tests.support.eventually import eventually
from tests.support.local_cluster import CLUSTER
from tests.support.log_guard import OURS, LogGuard
from tests.support.scripted_server import Script, scripted_server

pytest_plugins = [
    "tests.support.copies",
    "tests.support.database_fixtures",
    "tests.support.query_plans",
    "tests.support.streaming",
    "tests.support.tiny_engine",
    "tests.support.two_models",
]

HOME = 424_242_424_242_424_242

# A busy machine makes inputs slowly, and runs each test slowly: neither is a fault.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")
_OWN_TARGET = ("release", "chaos", "cluster", "package", "slow", "vllm")
SETTLE_TIMEOUT = 60.0  # seconds for one action: enough for a real model on a busy machine


def pytest_xdist_auto_num_workers() -> int:
    """Return how many test processes run: they wait a third of the time, for other processes and clocks."""
    return min(4, (os.cpu_count() or 1) + 1)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among what stays until the end: modules and tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order parallel runs: long tests first, and tests that share an engine in one process.

    Tests with a target of their own run if `-m` names their mark. On a cluster run those that ask the shared
    engine over HTTP.
    """
    unasked = [mark for mark in _OWN_TARGET if mark not in config.option.markexpr]
    left_out = {item for item in items if any(map(item.get_closest_marker, unasked))}
    if CLUSTER:
        left_out |= {item for item in items if "engine" not in getattr(item, "fixturenames", ())}
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if shared := [name for name in ("folders", "engine") if name in fixtures]:
            item.add_marker(pytest.mark.xdist_group(shared[0]))
        if ON_POSTGRES and (about := item.get_closest_marker("sqlite")):
            item.add_marker(pytest.mark.skip(reason=f"about SQLite: {about.args[0]}"))
    items.sort(key=lambda item: not any(item.iter_markers("real")))


def _without_fsync(
    connection: DBAPIConnection, record: ConnectionPoolEntry, _: PoolProxiedConnection
) -> None:
    if "sqlite" in type(connection).__module__ and "fsync" not in record.info:
        record.info["fsync"] = False
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous=OFF")
        cursor.close()


@pytest.fixture(scope="session", autouse=True)
def _databases_without_fsync() -> Iterator[None]:
    """Let SQLite not wait for the disk: fsync guards against power cuts, which no test causes."""
    event.listen(Pool, "checkout", _without_fsync)
    yield
    event.remove(Pool, "checkout", _without_fsync)


@pytest.fixture(scope="session", autouse=True)
def _no_garbage_collected_while_parsing() -> Iterator[None]:
    """Let ast.parse run to its end: tests read sources, and pytest reads those of a test that failed.

    CPython 3.11 fails ("AST constructor recursion depth mismatch") if a connection that is collected then
    changes greenlets.
    """
    parse = ast.parse

    def undisturbed(*arguments: Any, **options: Any) -> Any:
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            return parse(*arguments, **options)
        finally:
            if was_enabled:
                gc.enable()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ast, "parse", undisturbed)
        yield


@pytest.fixture
def databases_with_fsync() -> Iterator[None]:
    """Let SQLite wait for the disk, as the product does."""
    event.remove(Pool, "checkout", _without_fsync)
    yield
    event.listen(Pool, "checkout", _without_fsync)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the developer's own .env and environment out of the tests."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("ENGINE_RUNTIME", "llama.cpp")  # the other one takes seconds to load
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def log_guard() -> Iterator[LogGuard]:
    """Collect all log lines of a test, and fail it if one holds what it must not."""
    guard = LogGuard()
    levels = {name: logging.getLogger(name).level for name in OURS}
    logging.getLogger().addHandler(guard)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        yield guard
    finally:
        logging.getLogger().removeHandler(guard)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    assert guard.leaks() == []


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    async with scripted_server() as running:
        yield running


@pytest.fixture
def settings(
    tmp_path: Path, script: Script, databases: Databases, request: pytest.FixtureRequest
) -> Settings:
    """Return settings for a fresh data folder, with those of the test's mark `settings` on top."""
    mark = request.node.get_closest_marker("settings")
    return scripted_settings(tmp_path / "var", script, databases).model_copy(
        update=mark.kwargs if mark else {}
    )


def scripted_settings(data_dir: Path, script: Script, databases: Databases) -> Settings:
    """Return the settings of a fresh installation whose models are answered by a script."""
    data_dir.mkdir(exist_ok=True)
    return Settings(
        data_dir=data_dir,
        database_url=databases.new(data_dir),
        engine_url=script.url,
        home_guilds=frozenset({HOME}),
        heroes_file=ROOT / "data" / "heroes.toml",
        cooldown=0,
        duel_share=0,  # tests of duels set it
        draws=1,  # tests of draws set it
        check_heroes=4,  # as many texts of each new model are read; tests of the check read more
    )


@pytest.fixture
def hosted(settings: Settings, script: Script, tmp_path: Path, databases: Databases) -> Settings:
    """Return settings with a paid API: a thousand tokens cost a dollar, in a batch half of that."""
    data_dir = settings.data_dir / "hosted"
    data_dir.mkdir()
    prices = tmp_path / "prices.toml"
    prices.write_text("[models.dear]\ninput = 1000\noutput = 1000\nbatch = 0.5\ntraining = 1000\n")
    return settings.model_copy(
        update={
            "openai_base_url": script.url,
            "author_model": "dear",
            "base_model": "dear",
            "prices_file": prices,
            "data_dir": data_dir,
            "database_url": databases.new(data_dir),
        }
    )


@pytest.fixture
def timing() -> Timing:
    """Return the intervals and limits that `app` runs with; a module overrides it with shorter ones."""
    return Timing()


@pytest.fixture
async def app(settings: Settings, timing: Timing, log_guard: LogGuard) -> AsyncIterator[App]:
    log_guard.forbid_secrets_of(settings)
    async with open_app(settings, timing) as opened:
        yield opened


@dataclass
class Stage:
    """A simulated Discord with the real bot in it: a home server, an operator and two members."""

    env: simcord.Env
    channel: simcord.ChannelHandle
    olga: simcord.MemberActor
    ana: simcord.MemberActor
    ben: simcord.MemberActor

    def refusal(self) -> str:
        """Return the text of the one UserError that the bot raised since the last call."""
        errors = [getattr(error, "original", error) for error in self.env.errors[self._seen :]]
        self._seen = len(self.env.errors)
        assert [type(error) for error in errors if not isinstance(error, UserError)] == []
        assert len(errors) == 1
        return str(errors[0])

    @staticmethod
    def ephemeral_reply(result: simcord.InteractionResult) -> str:
        """Return the ephemeral answer, the first one or the one after a public "is thinking" was deleted."""
        (answer,) = result.followups if result.response is None else [result.response]
        assert answer.ephemeral
        return answer.content

    _seen: int = 0

    async def build(self, **options: int) -> None:
        """Plan a build and confirm it."""
        await self.olga.slash(self.channel, "build-dataset", **options)
        await self.olga.click(self.channel.history()[-1], label="Confirm")

    async def finetune(self, **options: int | str) -> None:
        """Plan a fine-tuning and confirm it."""
        await self.olga.slash(self.channel, "finetune", **options)
        await self.olga.click(self.channel.history()[-1], label="Confirm")

    async def until_notified(self, app: App, job_id: int, seconds: float = 60) -> Job:
        """Let time pass, real and simulated, until the job's end was announced in the channel."""

        async def announced() -> bool:
            await self.env.advance_time(2)
            return (await app.jobs.get(job_id)).announced

        # what is asked seldom leaves a real training the processor
        await eventually(
            announced, what=f"job {job_id} is announced", timeout=seconds, interval=seconds / 1200
        )
        return await app.jobs.get(job_id)


@pytest.fixture
def reserved_ids() -> tuple[int, ...]:
    """Return ids that the simulated Discord gives to nothing, because a module gives them itself."""
    return ()


@pytest.fixture
async def env(app: App, reserved_ids: tuple[int, ...], log_guard: LogGuard) -> AsyncIterator[simcord.Env]:
    """Run the real bot in a simulated Discord. An error that it raised and no test checked fails the test."""
    bot = HeroBot(app)
    log_guard.watch(bot)
    # its first hour is over, as in most servers; tests/cogs/onboarding has others
    await app.onboarding.claim_greeting(HOME, joined_at=None)
    await app.onboarding.mark_explained(HOME)
    simulated = PatientEnv(bot, settle_timeout=SETTLE_TIMEOUT)
    for number in reserved_ids:
        simulated.backend.reserve_id(number)
    await simulated.start()
    yield simulated
    log_guard.forbid(*(user.id for user in simulated.backend.users.values() if not user.bot))
    await simulated.shutdown()
    simulated._raise_errors_since(simulated._errors_acknowledged)  # as simcord.run does


@pytest.fixture
def stage(env: simcord.Env) -> Stage:
    guild = env.create_guild(name="Home", id=HOME)
    channel = guild.create_text_channel("heroes")
    manager = guild.create_role(
        "operator", permissions=discord.Permissions(manage_guild=True, manage_messages=True)
    )
    olga = guild.add_member(env.create_user("olga"), roles=[manager])
    ana, ben = (guild.add_member(env.create_user(name)) for name in ("ana", "ben"))
    return Stage(env, channel, olga, ana, ben)


@pytest.fixture
async def running_worker(app: App) -> AsyncIterator[None]:
    """Run a worker beside the test, outside the bot's tasks, as the worker process does."""
    worker = asyncio.create_task(app.worker.run_forever())
    yield
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)


@pytest.fixture
def heroes_toml(tmp_path: Path) -> Path:
    """Return a copy of data/heroes.toml that a test may change."""
    copy = tmp_path / "heroes.toml"
    copy.write_text((ROOT / "data" / "heroes.toml").read_text())
    return copy


@pytest.fixture
def penalising(heroes_toml: Path) -> Path:
    """Return a copy of data/heroes.toml in which the author's repetitions are penalised by 1.1."""
    parameters = heroes_toml.read_text().replace(
        "[sampling.small]", "[sampling.small]\nrepeat_penalty = 1.1", 1
    )
    heroes_toml.write_text(parameters)
    return heroes_toml
