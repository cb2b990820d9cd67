"""SIGKILL between every two steps of a fine-tuning: always one remote job and one model.

The worker is a real process on a real database. It dies just before each of its transactions is committed,
before each of its requests reaches the model server, and after the server has handled one but not answered.
"""

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Sequence
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from aiohttp import web

from bot.app import open_app
from bot.settings import Settings
from bot.store import model_answers
from bot.store.jobs import Job
from tests.support import killed_worker
from tests.support.databases import Databases
from tests.support.eventually import eventually
from tests.support.provider_quirks import QUIRKS
from tests.support.scripted_server import Script
from tests.support.scripted_trainings import ProviderQuirks, ScriptedTrainings
from tests.support.workflows import build

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600), pytest.mark.settings(check_heroes=2)]

_MOST_STEPS = 80
_PRELOADED = ["bot.app", "aiosqlite", "aiohttp", "alembic.command", "matplotlib.figure", "openai.resources"]


class Workers:
    """Starts workers, one at a time, and kills each at a given step."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(_PRELOADED)
        self._process: BaseProcess | None = None
        self._requests: Counter[str] = Counter()
        self._deadly: tuple[str, int] | None = None
        script.on_request = self._count

    async def run(self, settings: Settings, where: str = "", number: int = 0) -> bool:
        """Run a worker until it ends. Return whether it was killed."""
        self._requests.clear()
        self._deadly = (where, number) if where in ("before", "after") else None
        kill_at = number if where == "commit" else None
        self._process = self._context.Process(target=killed_worker.work, args=(settings, kill_at))
        self._process.start()
        process = self._process
        await eventually(lambda: not process.is_alive(), what="the worker ends", timeout=120)
        assert self._process.exitcode in (0, -signal.SIGKILL)
        return self._process.exitcode != 0

    def _count(self, stage: str, _request: web.Request) -> None:
        self._requests[stage] += 1
        if self._deadly == (stage, self._requests[stage]) and self._process:
            os.kill(self._process.pid or 0, signal.SIGKILL)
            raise web.HTTPServiceUnavailable  # nobody receives it


@pytest.fixture
async def ordered(hosted: Settings, request: pytest.FixtureRequest) -> Settings:
    """Return an installation with a dataset and a fine-tuning that waits for a worker.

    A test's parameter names the provider: workers of another one would leave the job to others.
    """
    settings = hosted.model_copy(update={"provider": getattr(request, "param", hosted.provider)})
    async with open_app(settings) as app:
        await build(app)
        await app.finetunes.submit()
    return settings


def fresh(
    ordered: Settings, script: Script, folder: Path, ways: ProviderQuirks, databases: Databases
) -> Settings:
    """Return a copy of the installation, and reset the server."""
    copy = ordered.model_copy(update={"data_dir": folder, "database_url": databases.new(folder)})
    databases.copy(ordered, copy)
    script.files.clear()
    script.trainings.__init__(script)  # type: ignore[misc]
    script.trainings.quirks = ways
    return copy


async def outcome(settings: Settings) -> tuple[Job, Sequence[str], int]:
    """Return the training's job, the states of all models, and how many answers of the check are stored.

    On PostgreSQL the number of a model whose transaction ended with its worker is not given again.
    """
    async with open_app(settings) as app, app.db.read() as tx:
        models = await app.registry.all()
        answers = [len(await model_answers.list_of(tx, model.id)) for model in models]
        return await app.jobs.get(2), [model.state for model in models], sum(answers)


def once(trainings: ScriptedTrainings) -> tuple[int, int]:
    """Return how many trainings were started, and how many files were uploaded more than once."""
    return len(trainings.created), len(trainings.uploads) - len({name for name, _ in trainings.uploads})


@pytest.mark.parametrize("where", ["commit", "before", "after"])
async def test_a_worker_killed_at_any_step_leaves_one_training_and_one_model(
    ordered: Settings, script: Script, databases: Databases, tmp_path: Path, where: str
) -> None:
    workers = Workers(script)
    steps = 0
    for steps in count(1):
        settings = fresh(ordered, script, tmp_path / f"{where}-{steps}", ProviderQuirks(), databases)
        killed = await workers.run(settings, where, steps)
        if killed:
            assert not await workers.run(settings)
        job, states, texts_read = await outcome(settings)
        assert (job.state, job.error) == ("succeeded", None), steps
        assert states == ["live"], steps
        assert once(script.trainings) == (1, 0), steps
        assert texts_read == settings.check_heroes, steps
        assert 10 <= job.cost < 11, steps  # the training's ten dollars were booked once
        if not killed:
            break
        assert steps < _MOST_STEPS
    assert steps > (8 if where == "commit" else 12)  # every step was there


@pytest.mark.parametrize("ordered", ["azure", "nebius", "crusoe"], indirect=True)
async def test_a_worker_killed_again_and_again_finds_its_training_at_every_kind_of_server(
    ordered: Settings, script: Script, databases: Databases, tmp_path: Path
) -> None:
    """The n-th worker dies at its n-th request, which the server handles; the answer is lost."""
    workers = Workers(script)
    key = ordered.provider or ""
    settings = fresh(ordered, script, tmp_path / key, QUIRKS[key], databases)
    for step in count(1):
        if not await workers.run(settings, "after", step):
            break
        assert step < _MOST_STEPS
    job, states, _ = await outcome(settings)
    assert (job.state, job.error) == ("succeeded", None)
    assert states == ["unchecked"]  # until it is deployed
    assert once(script.trainings) == (1, 0)
