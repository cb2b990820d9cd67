"""/dataset review: verdicts by buttons, which count from the next build on."""

import discord

from bot.app import App
from bot.i18n.message import ENGLISH
from bot.store import datasets
from bot.store.job_schema import BuildResult
from cogs.training.review import review_view
from tests.conftest import Stage
from tests.support.scripted_server import Script, describe
from tests.support.workflows import build

EDITED = describe("18", "man", "flight", 48)


async def test_without_a_dataset_it_says_what_to_do(stage: Stage) -> None:
    await stage.olga.slash(stage.channel, "dataset review")
    assert "Make one with `/build-dataset`" in stage.refusal()


async def test_members_may_not_judge(stage: Stage, app: App) -> None:
    await build(app)
    assert "dataset review" not in stage.ana.available_commands(stage.channel)
    page = await app.reviews.next()
    assert page is not None
    channel = stage.env.bot.get_channel(stage.channel.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.send("an example", view=review_view(ENGLISH, page) or discord.utils.MISSING)

    result = await stage.ana.click(stage.channel.history()[-1], label="Reject")

    assert result.response is not None
    assert "Only the operators" in result.response.content
    assert (await app.reviews.next()) == page


async def test_verdicts_change_the_next_dataset(stage: Stage, app: App, script: Script) -> None:
    await build(app)
    asked = len(script.asked)
    first = await app.reviews.next()
    assert first is not None
    shown = await stage.olga.slash(stage.channel, "dataset review")
    assert shown.ephemeral
    assert shown.response is not None
    assert "still to review: 16" in shown.response.content
    assert first.example.text[:40] in shown.response.content

    page = await stage.olga.click(shown.response, label="Reject")
    assert page.response is not None
    assert "still to review: 15" in page.response.content
    page = await stage.olga.click(page.response, label="Keep")
    assert page.response is not None
    form = await stage.olga.click(page.response, label="Edit")
    await stage.olga.submit_modal(form, {"text": EDITED})

    left = await app.reviews.next()
    assert left is not None
    assert left.remaining == 13

    job = await build(app)
    assert isinstance(job.result, BuildResult)
    assert job.result.new
    assert job.result.rejected == {"rejected in review": 1}
    assert len(script.asked) == asked + 1
    async with app.db.read() as tx:
        texts = {item.text for item in await datasets.list_items(tx, job.result.dataset)}
    assert EDITED in texts
    assert first.example.text not in texts
