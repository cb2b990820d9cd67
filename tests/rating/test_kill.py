"""Kill -9 while people vote: no vote is lost that the store had taken."""

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

_ENOUGH = 1_000


async def test_votes_that_were_taken_outlive_their_process(app: App, settings: Settings) -> None:
    described = await app.describer.describe(Hero(40, "woman", "healing"), requester="nobody")
    await app.describer.set_message(described, 7, 77)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.killed_voters", settings.database),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    taken = [await process.stdout.readline() for _ in range(_ENOUGH)]
    process.kill()
    taken += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()

    voters = Pseudonyms(SECRET)
    wanted = {voters.of(int(each)) for each in taken if each.endswith(b"\n")}
    assert len(wanted) >= _ENOUGH
    async with open_database(settings.database) as db, db.read() as tx:
        assert wanted <= set((await tx.execute(select(reaction.c.voter))).scalars())
        assert wanted <= set((await tx.execute(select(vote.c.voter))).scalars())
