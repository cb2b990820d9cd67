"""What the tests share: settings in a fresh folder, a scripted model server, the app over a real database."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import discord
import pytest
import simcord
from sqlalchemy import create_engine

from bot.app import App, Timing, open_app
from bot.client import HeroBot
from bot.errors import UserError
from bot.settings import ROOT, Settings
from bot.store.jobs import Job
from bot.store.migrate import migrate
from tests.support.scripted_server import Script, scripted_server

pytest_plugins = ["tests.support.tiny_engine", "tests.support.streaming"]

HOME = 424_242_424_242_424_242
SETTLE = 60.0  # seconds that one action may take: enough for a real model on a busy machine


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run at once: the long ones first, and those that share an engine one after another."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if shared := [name for name in ("folders", "engine") if name in fixtures]:
            item.add_marker(pytest.mark.xdist_group(shared[0]))
    items.sort(key=lambda item: not any(item.iter_markers("real")) and not any(item.iter_markers("kill")))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the developer's own .env and environment out of the tests."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    async with scripted_server() as running:
        yield running


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of the newest schema, to copy: to migrate one anew takes four times as long."""
    path = tmp_path_factory.mktemp("migrated") / "hero.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        migrate(connection)
    engine.dispose()
    return path


@pytest.fixture
def settings(tmp_path: Path, script: Script, migrated: Path, request: pytest.FixtureRequest) -> Settings:
    """Return settings for a fresh data folder, with those of the test's mark `settings` on top."""
    data_dir = tmp_path / "var"
    data_dir.mkdir()
    shutil.copy(migrated, data_dir)
    mark = request.node.get_closest_marker("settings")
    return Settings(
        data_dir=data_dir,
        engine_url=script.url,
        home_guilds=frozenset({HOME}),
        heroes_file=ROOT / "data" / "heroes.toml",
        cooldown=0,
        duel_share=0,  # tests of duels ask for them
    ).model_copy(update=mark.kwargs if mark else {})


@pytest.fixture
def hosted(settings: Settings, script: Script, tmp_path: Path, migrated: Path) -> Settings:
    """An installation on a paid API: a thousand tokens cost a dollar, in a batch half of that."""
    data_dir = settings.data_dir / "hosted"
    data_dir.mkdir()
    shutil.copy(migrated, data_dir)
    prices = tmp_path / "prices.toml"
    prices.write_text("[models.dear]\ninput = 1000\noutput = 1000\nbatch = 0.5\ntraining = 1000\n")
    return settings.model_copy(
        update={
            "openai_base_url": script.url,
            "author_model": "dear",
            "base_model": "dear",
            "prices_file": prices,
            "data_dir": data_dir,
        }
    )


@pytest.fixture
def timing() -> Timing:
    """Return the intervals and limits that `app` runs with; a module overrides it with shorter ones."""
    return Timing()


@pytest.fixture
async def app(settings: Settings, timing: Timing) -> AsyncIterator[App]:
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
        """The sentence of the one UserError that the bot raised since the last look."""
        errors = [getattr(error, "original", error) for error in self.env.errors[self._seen :]]
        self._seen = len(self.env.errors)
        assert [type(error) for error in errors if not isinstance(error, UserError)] == []
        assert len(errors) == 1
        return str(errors[0])

    @staticmethod
    def told_alone(result: simcord.InteractionResult) -> str:
        """What the asker alone was told: at once, or when the "is thinking" that everyone saw was gone."""
        (answer,) = result.followups if result.response is None else [result.response]
        assert answer.ephemeral
        return answer.content

    _seen: int = 0

    async def build(self, **options: int) -> None:
        """Order a build and confirm its plan."""
        await self.olga.slash(self.channel, "build-dataset", **options)
        await self.olga.click(self.channel.history()[-1], label="Confirm")

    async def finetune(self, **options: int | str) -> None:
        """Order a fine-tuning and confirm its plan."""
        await self.olga.slash(self.channel, "finetune", **options)
        await self.olga.click(self.channel.history()[-1], label="Confirm")

    async def until_told(self, app: App, job_id: int, seconds: float = 60) -> Job:
        """Let time pass, real and simulated, until the job's end stands in the channel."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await asyncio.sleep(0.05)
            await self.env.advance_time(2)
            job = await app.jobs.get(job_id)
            if job.announced:
                return job
        raise AssertionError(f"job {job_id} did not end within {seconds} s")


@pytest.fixture
async def env(app: App) -> AsyncIterator[simcord.Env]:
    """A simulated Discord around the real bot. Every error it raises must be looked at, or the test fails."""
    simulated = simcord.Env(HeroBot(app), settle_timeout=SETTLE)
    await simulated.start()
    yield simulated
    await simulated.shutdown()
    simulated._raise_errors_since(simulated._errors_acknowledged)  # as simcord.run does in the end


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
async def working(app: App) -> AsyncIterator[None]:
    """A worker beside the test, outside the bot's own tasks, as its own process is."""
    work = asyncio.create_task(app.worker.run_forever())
    yield
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


@pytest.fixture
def heroes_toml(tmp_path: Path) -> Path:
    """A copy of data/heroes.toml that a test may spoil."""
    copy = tmp_path / "heroes.toml"
    copy.write_text((ROOT / "data" / "heroes.toml").read_text())
    return copy
