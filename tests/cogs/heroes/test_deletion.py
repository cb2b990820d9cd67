"""/heroes mine: delete one hero, and what others hold of it."""

import discord
import pytest
import simcord
from sqlalchemy import select

from bot.app import App
from bot.client import HeroBot
from bot.errors import UserError
from bot.store import datasets, descriptions
from bot.store.schema import description, duel, pick, reaction, vote
from tests.cogs.heroes.test_lists import Shown, describe, reply, show
from tests.conftest import Stage
from tests.support.workflows import build


def message_in(stage: Stage, message_id: int) -> discord.Message:
    return next(message for message in stage.channel.history() if message.id == message_id)


async def choose(stage: Stage, who: simcord.MemberActor, description_id: int) -> Shown:
    mine = await show(stage, who, "mine")
    await who.select(mine.message, [str(description_id)])
    return mine


async def test_one_hero_goes_everywhere_and_the_others_stay(stage: Stage, app: App) -> None:
    await stage.ana.slash(stage.channel, "hero", hero="40 woman yodelling backwards")
    other = stage.channel.history()[-1]
    await stage.ana.slash(stage.channel, "hero", hero="41 woman healing")
    message = stage.channel.history()[-1]
    for who in (stage.ana, stage.ben, stage.olga):
        await who.react(message, "👍")
    await build(app)
    take = await describe(app, stage.ben.id, "41 woman healing")
    async with app.db.write() as tx:
        found = await descriptions.get_by_message(tx, message.id)
        assert found is not None
        await tx.execute(description.update().where(description.c.id == take).values(parent_id=found.id))
        await tx.execute(pick.insert().values(take_id=take, voter="x", prefers="take", at=1.0))

    question = await choose(stage, stage.ana, found.id)
    assert "Delete this hero? This cannot be undone." in question.message.content
    assert found.text[:40] in question.text
    await stage.ana.click(question.message, label="Keep it")
    assert len(question.titles) == 2

    question = await choose(stage, stage.ana, found.id)
    await stage.env.restart_bot(HeroBot(app))
    await stage.ana.click(question.message, label="Delete it")

    assert "This hero is deleted." in question.message.content
    assert "taken out of these datasets, so no model is trained on them any more: v1." in (
        question.message.content
    )
    assert question.titles == ["1. 40-year-old woman, yodelling backwards"]
    emptied = message_in(stage, message.id)
    assert emptied.content == "The person who asked for it had it deleted."
    assert (emptied.embeds, emptied.components) == ([], [])
    assert message_in(stage, other.id).embeds
    async with app.db.read() as tx:
        gone = await descriptions.get(tx, found.id)
        assert gone is not None
        assert (gone.text, gone.requester, gone.hero.power, gone.message_id) == ("", "", "", None)
        dataset = await datasets.get(tx, 1)
        assert dataset is not None
        assert dataset.rebuild
        assert found.text not in {item.text for item in await datasets.list_items(tx, 1)}
        for table in (reaction, vote):  # her own went, others' stay theirs
            voters = list((await tx.execute(select(table.c.voter))).scalars())
            assert app.pseudonyms.of(stage.ana.id) not in voters
            assert app.pseudonyms.of(stage.ben.id) in voters
        assert (await tx.execute(select(pick))).all() == []


async def test_nobody_deletes_another_persons_or_one_that_is_gone(stage: Stage, app: App) -> None:
    mine = await describe(app, stage.ana.id, "40 woman healing")
    for_ben = await describe(app, stage.ben.id, "40 man healing")
    question = await choose(stage, stage.ana, mine)
    await app.privacy.delete(stage.ana.id)
    refusal = await stage.ana.click(question.message, label="Delete it")
    assert reply(refusal) == "This description is gone."
    with pytest.raises(UserError, match="Only the person who asked for a hero can delete it"):
        await app.privacy.delete_text(stage.ana.id, for_ben)


async def test_a_hidden_text_is_deleted_unread(stage: Stage, app: App) -> None:
    hidden = await describe(app, stage.ana.id, "40 woman healing")
    async with app.db.write() as tx:
        changed = {"removed_at": 1.0, "removed_by_operators": True, "text": "Foul words."}
        await tx.execute(description.update().values(changed))
    mine = await show(stage, stage.ana, "mine")
    assert "Foul" not in str([each.to_dict() for each in mine.message.components])
    await stage.ana.select(mine.message, [str(hidden)])
    assert "Operators have removed this text" in mine.text
    assert "Foul" not in mine.text
    await stage.ana.click(mine.message, label="Delete it")
    assert mine.titles == []


async def test_a_hero_whose_channel_is_gone_is_deleted_without_a_false_alarm(stage: Stage) -> None:
    guild = stage.env.guild
    place = guild.create_text_channel("for a while")
    await stage.ana.slash(place, "hero", hero="40 woman healing")
    stage.env.backend.delete_channel(place.id)
    await stage.env.settle()
    question = await choose(stage, stage.ana, 1)
    await stage.ana.click(question.message, label="Delete it")
    assert question.message.content == "This hero is deleted."  # and not: delete its message yourself


@pytest.mark.usefixtures("two_models")
async def test_both_texts_of_a_duel_go(stage: Stage, app: App) -> None:
    await stage.ana.slash(stage.channel, "duel", hero="40 woman healing")
    message = stage.channel.history()[-1]
    await stage.ben.click(message, label="A")

    question = await choose(stage, stage.ana, 1)
    assert "It is one of two texts of a duel: both go." in question.message.content
    await stage.ana.click(question.message, label="Delete it")

    assert question.titles == []
    assert message_in(stage, message.id).embeds == []
    async with app.db.read() as tx:
        assert (await tx.execute(select(duel.c.message_id))).scalar_one() is None
        assert set((await tx.execute(select(description.c.text))).scalars()) == {""}
    status = await app.trials.status()
    assert status is not None
    assert status.tally.votes == 1
