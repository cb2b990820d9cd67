"""The process that trainers start from."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from bot.settings import ROOT
from engine.jobs.trainer_template import NotStarted, TrainerTemplate
from tests.support.engine_jobs import has_exited, start, trainer_of, until_step
from tests.support.engine_process import EngineProcess
from tests.support.eventually import eventually

SHORT = {"n_epochs": 1}


def template_of(engine: EngineProcess) -> psutil.Process:
    """Return the template process, once a trainer has started from it."""
    template = trainer_of(engine).parent()
    assert template is not None
    return template


async def test_one_serves_many_trainings_and_is_replaced_if_it_died(tiny_base: Path, tmp_path: Path) -> None:
    with EngineProcess(tmp_path, tiny_base) as engine:
        templates = []
        for _ in range(2):
            job = await start(engine.client())
            await until_step(engine, job.id, 1)
            templates.append(template_of(engine))
            await engine.client().fine_tuning.jobs.cancel(job.id)
            await engine.until(job.id, {"cancelled"})
        assert templates[0] == templates[1]
        templates[0].kill()
        assert has_exited(templates[0])
        await engine.until((await start(engine.client(), hyperparameters=SHORT)).id, {"succeeded"})


async def test_a_training_goes_on_without_it(tiny_base: Path, tmp_path: Path) -> None:
    with EngineProcess(tmp_path, tiny_base) as engine:
        job = await start(engine.client(), hyperparameters={"n_epochs": 10})
        await until_step(engine, job.id, 1)
        template_of(engine).kill()
        await engine.until(job.id, {"succeeded"})
        await engine.until((await start(engine.client(), hyperparameters=SHORT)).id, {"succeeded"})


async def test_it_ends_when_it_is_idle(tmp_path: Path) -> None:
    template = TrainerTemplate(idle_seconds=0.0)
    before = {child.pid for child in psutil.Process().children()}
    async with template.trainer(tmp_path) as trainer:  # fails: there is no request in the folder
        assert await trainer.messages.read() == b""
        assert await trainer.wait() == 1
    assert "order.json" in (tmp_path / "trainer.log").read_text()

    def is_alone() -> bool:
        return {child.pid for child in psutil.Process().children()} <= before

    await eventually(is_alone, what="the template has ended")


async def test_it_stays_while_a_trainer_runs(tmp_path: Path) -> None:
    """Else the exit code would be lost: a trainer that was killed for its memory would have no reason."""
    template = TrainerTemplate(idle_seconds=0.1)
    async with template.trainer(tmp_path) as trainer:
        await template.warm_up()  # as the files of the next job are checked meanwhile
        await asyncio.sleep(0.5)
        assert template.private_bytes > 2**26
        assert await trainer.wait() == 1
    await eventually(lambda: template.private_bytes == 0, what="the template has ended")


async def test_an_order_that_comes_as_it_ends_is_carried_out(tmp_path: Path) -> None:
    template = TrainerTemplate(idle_seconds=0.0)
    for turns in range(5):  # of the event loop, until the order comes
        await template.warm_up()
        for _ in range(turns):
            await asyncio.sleep(0)
        async with template.trainer(tmp_path) as trainer:  # there is no request in the folder
            assert await trainer.wait() == 1
    await eventually(lambda: template.private_bytes == 0, what="the template has ended")


async def test_one_that_does_not_start_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotStarted, match="ended with 1"):
        async with TrainerTemplate(python="/bin/false").trainer(tmp_path):
            pass


def test_where_processes_are_not_copied_each_trainer_starts_anew(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    code = "from engine.training import template; template.main(copies=False)"
    command = [sys.executable, "-c", code, str(theirs.fileno())]
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=ROOT)
    with theirs, (tmp_path / "trainer.log").open("wb") as log, Path(os.devnull).open("r+b") as nothing:
        socket.send_fds(ours, [os.fsencode(tmp_path)], [nothing.fileno(), nothing.fileno(), log.fileno()])
    with ours, ours.makefile() as answers:
        started, ended = (json.loads(answers.readline()) for _ in range(2))
    assert started["pid"] != process.pid
    assert ended["code"] != 0
    assert process.wait(timeout=60) == 0
