"""Kill -9 while people vote: no vote is lost that was acknowledged."""

import asyncio
import sys

from sqlalchemy import select

from bot.app import App
from bot.community.accounts import Pseudonyms
from bot.heroes.hero import Hero
from bot.settings import ROOT, Settings
from bot.store.database import open_database
from bot.store.schema import reaction, vote
from tests.support.killed_voters import SECRET

_MIN_VOTES = 1_000


async def test_acknowledged_votes_outlive_their_process(app: App, settings: Settings) -> None:
    described = await app.describer.describe(Hero(40, "woman", "healing"), requester="nobody")
    await app.describer.set_message(described, 7, 77)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.killed_voters", settings.database),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    acknowledged = [await process.stdout.readline() for _ in range(_MIN_VOTES)]
    process.kill()
    acknowledged += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()

    pseudonyms = Pseudonyms(SECRET)
    expected = {pseudonyms.of(int(line)) for line in acknowledged if line.endswith(b"\n")}
    assert len(expected) >= _MIN_VOTES
    async with open_database(settings.database) as db, db.read() as tx:
        assert expected <= set((await tx.execute(select(reaction.c.voter))).scalars())
        assert expected <= set((await tx.execute(select(vote.c.voter))).scalars())
