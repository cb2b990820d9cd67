"""`herosmith dashboard`: what it prints, beside a running app, and how it ends."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE

import aiohttp

from bot.app import App
from bot.settings import ROOT, Settings
from tests.support.workflows import build


async def test_it_opens_beside_a_running_app_and_ends_on_sigterm(app: App, settings: Settings) -> None:
    environment = os.environ | {
        "DISCORD_TOKEN": "a-token-that-nobody-is-asked-about",
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database,
        "ENGINE_URL": str(settings.engine_url),
        "PYTHONPATH": str(ROOT),
        "HEROES_FILE": str(ROOT / "data" / "heroes.toml"),
    }
    command = (sys.executable, "-m", "bot", "dashboard", "--no-open")
    running = await asyncio.create_subprocess_exec(*command, env=environment, stderr=PIPE)
    assert running.stderr
    printed = ""
    try:
        async with asyncio.timeout(60):
            while not (found := re.search(r"Open: (http://127\.0\.0\.1:\d+/\?token=\S+)\n$", printed)):
                line = await running.stderr.readline()
                assert line, printed
                printed += line.decode()
            await build(app)  # what the app does is on the page of the other process
            jar = aiohttp.CookieJar(unsafe=True)
            async with aiohttp.ClientSession(cookie_jar=jar) as session:
                async with session.get(found[1]) as answer:
                    assert answer.status == 200
                origin = found[1].partition("/?")[0]
                async with session.get(f"{origin}/sections/datasets") as answer:
                    listed = (await answer.json())["blocks"][0]
            running.send_signal(signal.SIGTERM)
            assert await running.wait() == 0
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()
    assert [row[0] for row in listed["rows"]] == ["v1"]
    assert "a-token-that" not in printed
