"""Another program holds the database while the bot tells what happened: it tells everything once."""

import pytest

from bot.app import App, Timing
from bot.i18n.message import LocalizedMessage
from bot.store import notifications
from tests.conftest import Stage
from tests.support.locked_database import TIMING, held


@pytest.fixture
def timing() -> Timing:
    return TIMING


async def test_the_end_of_a_job(stage: Stage, app: App) -> None:
    await stage.build(limit=16)
    job = (await app.jobs.unnotified())[-1]
    assert await app.worker.run_next()

    async with held(app.settings):
        await stage.env.advance_time(20)
    await stage.env.advance_time(40)

    ends = [each for each in stage.channel.history() if "Dataset v1 is ready" in each.content]
    assert len(ends) == 1
    assert (await app.jobs.get(job.id)).announced


async def test_a_notification(stage: Stage, app: App) -> None:
    async with app.db.write() as tx:
        text = LocalizedMessage("Look at this.")
        await notifications.add(tx, "k", text, at=1.0, channel_id=stage.channel.id)

    async with held(app.settings):
        await stage.env.advance_time(60)
    await stage.env.advance_time(120)

    assert [each.content for each in stage.channel.history()] == ["Look at this."]
    assert await app.notifications.pending() == []
