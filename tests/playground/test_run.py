"""`herosmith run` without a Discord token: what it prints, and when it opens a browser."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.app import App
from bot.local_page.browser import has_screen
from bot.playground.run import open_channel
from bot.playground.server import open_page
from bot.playground.simulated_discord import SimulatedDiscord
from bot.settings import ROOT
from tests.playground.conftest import visiting
from tests.support.eventually import eventually
from tests.support.scripted_server import Script
from tests.support.streaming import labels


@pytest.mark.parametrize(
    ("environment", "platform", "seen"),
    [
        ({}, "darwin", True),
        ({}, "win32", True),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({"DISPLAY": ":0", "CI": "true"}, "linux", False),
        ({"CI": "1"}, "darwin", False),
        ({"DISPLAY": ":10", "SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}, "linux", False),
        ({"SSH_TTY": "/dev/pts/1"}, "darwin", False),
    ],
)
def test_a_browser_is_opened_only_where_somebody_sees_it(
    environment: dict[str, str], platform: str, seen: bool
) -> None:
    assert has_screen(environment, platform) is seen


async def test_the_address_is_the_last_line_and_the_browser_opens_it(tmp_path: Path, script: Script) -> None:
    """A fake screen, and a browser that writes down what it is told to open."""
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n')
    browser.chmod(0o755)
    unset = ("CI", "SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")
    environment = {name: value for name, value in os.environ.items() if name not in unset} | {
        "DISPLAY": ":0",
        "BROWSER": str(browser),
        "DATA_DIR": str(tmp_path / "var"),
        "ENGINE_URL": script.url,
        "PYTHONPATH": str(ROOT),
        "HEROES_FILE": str(ROOT / "data" / "heroes.toml"),
    }
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "run"), env=environment, stderr=PIPE, cwd=tmp_path
    )
    assert running.stderr
    printed = ""
    async with asyncio.timeout(60):
        while not (found := re.search(r"Open: (http://127\.0\.0\.1:\d+/\?token=\S+)\n$", printed)):
            line = await running.stderr.readline()
            assert line, printed
            printed += line.decode()
        await eventually(lambda: opened.exists() and opened.read_text(), what="the browser is called")
        running.terminate()
        assert await running.stderr.read() == b""
        await running.wait()
    assert opened.read_text() == found[1]
    assert "ready as" not in printed


@asynccontextmanager
async def running_channel(app: App) -> AsyncIterator[SimulatedDiscord]:
    async with open_channel(app) as world:
        clock = asyncio.create_task(world.follow_real_time())
        yield world
        clock.cancel()
        await asyncio.gather(clock, return_exceptions=True)


def buttons(world: SimulatedDiscord) -> list[str | None]:
    """Return the labels of all buttons in the channel."""
    return [label for message in world.channel.history() for label in labels(message)]


async def order_build(world: SimulatedDiscord) -> None:
    olga = world.people["olga"]
    await world.act(olga.slash(world.channel, "build-dataset", limit=16))
    await eventually(lambda: "Confirm" in buttons(world), what="the plan is shown")
    await world.act(olga.click(world.message(world.channel.history()[-1].id), label="Confirm"))
    await eventually(lambda: "Pause" in buttons(world), what="the plan is confirmed")


async def test_a_job_is_followed_in_the_channel_after_a_restart(app: App) -> None:
    async with running_channel(app) as world:
        await order_build(world)
    async with running_channel(app) as world:
        await eventually(lambda: buttons(world) == ["Pause", "Cancel"], what="its progress is shown again")
        (shown,) = world.channel.history()
        assert "Waiting to start." in shown.content
        assert await app.worker.run_next()
        await eventually(lambda: len(world.channel.history()) == 2, what="its end is announced")
        assert "Dataset v1 is ready" in world.channel.history()[-1].content


async def test_the_end_of_a_job_that_ended_while_the_playground_was_closed_is_announced(app: App) -> None:
    async with running_channel(app) as world:
        await order_build(world)
    assert await app.worker.run_next()
    async with running_channel(app) as world:
        await eventually(world.channel.history, what="its end is announced")
        (end,) = world.channel.history()
        assert "Dataset v1 is ready" in end.content


@pytest.mark.parametrize(
    ("locale", "hello", "button"),
    [("en", "Hello! I describe superheroes", "Check permissions"), ("de", "Hallo!", "Rechte prüfen")],
)
async def test_each_start_greets_the_channel_once_in_the_language_of_its_first_page(
    app: App, locale: str, hello: str, button: str
) -> None:
    for _ in range(2):
        async with running_channel(app) as world, open_page(world, app, 0) as page:
            async with visiting(page, "olga", locale=locale) as olga:
                greeting = await olga.wait_for_message(lambda message: message["content"].startswith(hello))
                check = greeting["components"][0]["components"][0]
                assert check["label"] == button
                await olga.ask(do="click", message=greeting["id"], custom_id=check["custom_id"])
                await olga.wait_for_message(lambda message: message["content"].count("✅") == 7)
            async with visiting(page, "ben", locale="fr") as ben:
                await ben.wait_for_message(lambda message: message["content"].startswith(hello))
                await ben.ask(do="click", message=greeting["id"], custom_id=check["custom_id"])
                await ben.wait_for_message(lambda message: message["content"].startswith("Seuls les membres"))
                assert len(ben.messages) == 2
