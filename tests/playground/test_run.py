"""`herosmith run` without a Discord token: what it prints, and when it opens a browser."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from bot.playground.browser import has_screen
from bot.settings import ROOT
from tests.support.eventually import eventually
from tests.support.scripted_server import Script


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
