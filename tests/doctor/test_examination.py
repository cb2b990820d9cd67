"""An examination beside a bot that answers people: it does not hold up the event loop, and leaves nothing."""

import asyncio
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from bot.doctor.configuration import check_files
from bot.doctor.examination import examine
from bot.doctor.finding import Finding
from bot.doctor.installation import Installation
from bot.doctor.machine import check_resources
from bot.settings import Settings
from tests.support.eventually import eventually


def installation(settings: Settings) -> Installation:
    return Installation(settings=settings, online=False, now=time.time())


@pytest.mark.parametrize("setting", ["heroes_file", "blocklist", "prices_file"])
async def test_a_file_on_a_slow_disk_does_not_hold_up_the_loop(setting: str, settings: Settings) -> None:
    """The file is a pipe, into which a thread writes once the event loop has run while it was being read."""
    content = getattr(settings, setting).read_bytes()
    pipe = settings.data_dir / "slow"
    os.mkfifo(pipe)
    loop = asyncio.get_running_loop()
    has_run = threading.Event()

    def write() -> bool:
        with pipe.open("wb") as stream:  # waits until somebody reads
            loop.call_soon_threadsafe(has_run.set)
            in_time = has_run.wait(20)
            stream.write(content)
        return in_time

    writing = loop.run_in_executor(None, write)  # begins at once
    slow = settings.model_copy(update={setting: pipe, "engine_url": "http://192.0.2.1/v1"})
    findings = await examine(installation(slow))
    assert await writing, "the event loop stood still while the file was read"
    check = "prices" if setting == "prices_file" else "files"
    (found,) = [each for each in findings if each.check == check]
    assert found.state == "ok", str(found.cause)


async def test_a_cancelled_examination_leaves_no_process(settings: Settings) -> None:
    here = settings.model_copy(update={"engine_url": None})
    checking: asyncio.Task[list[Finding]] = asyncio.create_task(check_resources(installation(here)))
    started: list[psutil.Process] = []

    async def has_started() -> bool:
        started[:] = [each for each in psutil.Process().children() if "engine.requirements" in each.cmdline()]
        return bool(started)

    await eventually(has_started, interval=0.005, what="the engine is asked")
    checking.cancel()
    with suppress(asyncio.CancelledError):
        await checking
    assert [each for each in started if each.is_running()] == []


def test_plots_of_a_misspelt_power_are_a_warning(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "heroes.toml"
    text = settings.heroes_file.read_text(encoding="utf-8")
    path.write_text(text.replace('    "flight",', '    "soaring",'), encoding="utf-8")
    (found,) = check_files(installation(settings.model_copy(update={"heroes_file": path})))
    assert found.state == "warning"
    assert "“flight”" in str(found.cause)
