"""Another take, and picks between it and the text before: the real bot in a simulated Discord."""

import time

import discord
import pytest
import simcord
from sqlalchemy import literal, select, update

from bot.app import App
from bot.client import HeroBot
from bot.errors import UserError
from bot.store import descriptions, duels
from bot.store.descriptions import Description
from bot.store.schema import description, pick
from tests.conftest import Stage
from tests.support.duels import vote
from tests.support.scripted_server import Script, describe
from tests.support.streaming import embed_text

PARENT = describe("40", "woman", "healing")
FIRST = f"{PARENT.split('. ')[0]}."
OTHER = describe("40", "woman", "healing", 9).removeprefix(FIRST)
_YOUNG = (int(time.time() * 1000) - 1_420_070_400_000) << 22  # the Discord id of an account made now

pytestmark = pytest.mark.usefixtures("two_models")


async def hero(stage: Stage, script: Script) -> discord.Message:
    script.texts = [PARENT]
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    return stage.channel.history()[-1]


async def take(
    stage: Stage, who: simcord.MemberActor, of: discord.Message, label: str = "The same opening idea"
) -> discord.Message:
    """Ask for another take and return its message."""
    asked = await who.click(of, label="Another take")
    assert asked.ephemeral
    assert asked.response is not None
    await who.click(asked.response.message, label=label)
    return stage.channel.history()[-1]


async def stored(app: App, description_id: int) -> Description:
    async with app.db.read() as tx:
        found = await descriptions.get(tx, description_id)
    assert found is not None
    return found


async def picks(app: App) -> list[tuple[int, str]]:
    async with app.db.read() as tx:
        rows = await tx.execute(pick.select().order_by(pick.c.at))
        return [(row.take_id, row.prefers) for row in rows]


async def test_takes_begin_as_the_text_before_and_remember_it(stage: Stage, app: App, script: Script) -> None:
    shown = await hero(stage, script)
    await stage.env.restart_bot(HeroBot(app))
    script.texts = [OTHER]
    second = await take(stage, stage.ben, shown)

    asked = script.asked[-1]
    assert asked["messages"] == [
        {"role": "user", "content": "40, woman, healing ->"},
        {"role": "assistant", "content": FIRST},
    ]
    before, new = second.embeds
    assert (before.description, before.author.url) == (PARENT, shown.jump_url)
    assert new.description == FIRST + OTHER
    assert new.author.name == "Another take: The same opening idea"
    assert "Should the bot learn from this text?" in (new.footer.text or "")
    assert [str(each.emoji) for each in second.reactions] == ["👍", "👎"]

    script.texts = [" climbs down and heals it. It thanks her with a song about the moon and the sea."]
    third = await take(stage, stage.ana, second, "Funny")
    told = script.asked[-1]["messages"][-1]["content"]
    tone = app.heroes.prompts.profile.tones["funny"]
    assert told.startswith(f"{FIRST} ")
    assert told.endswith(", she")
    assert any(scene[5:] in told for scene in tone.phrases["scene"])
    assert third.embeds[0].description == FIRST + OTHER

    chain = [await stored(app, number) for number in (1, 2, 3)]
    assert [(each.kind, each.parent_id) for each in chain] == [("hero", None), ("take", 1), ("take", 2)]
    assert chain[2].sampling["tone"] == "funny"
    assert chain[1].sampling["seed"] == asked["seed"]
    assert chain[1].hero == chain[0].hero


@pytest.mark.settings(daily_per_user=1)
async def test_a_take_counts_as_a_hero_of_the_day(stage: Stage, script: Script) -> None:
    shown = await hero(stage, script)
    number = len(stage.channel.history())
    asked = await stage.ana.click(shown, label="Another take")
    assert asked.response is not None
    refused = await stage.ana.click(asked.response.message, label="Funny")
    assert "used up your heroes for today (1)" in stage.ephemeral_reply(refused)
    assert len(stage.channel.history()) == number


async def test_each_person_has_one_pick_which_no_trial_counts(stage: Stage, app: App, script: Script) -> None:
    await vote(app, "somebody", "candidate")  # the texts 1 and 2 are of a duel
    trial = await app.trials.running()
    assert trial
    script.texts = []
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    second = await take(stage, stage.ana, stage.channel.history()[-1])
    async with app.db.read() as tx:
        before = await duels.get_tally(tx, trial.id), await app.votes.by_model()
    await stage.env.restart_bot(HeroBot(app))

    answer = await stage.ben.click(second, label="I like this take better")
    assert answer.followups[-1].content.startswith("Noted: you like this take better. The bot may learn")
    await stage.ana.click(second, label="I like this take better")  # her own, as in a duel
    again = await stage.ben.click(second, label="I like the one before better")
    assert again.followups[-1].content.startswith("You changed your mind")
    young = await app.picks.pick(4, _YOUNG, "parent")
    assert "younger than" in str(young.not_counted)

    assert sorted(await picks(app)) == [(4, "parent"), (4, "parent"), (4, "take")]
    async with app.db.read() as tx:
        after = await duels.get_tally(tx, trial.id), await app.votes.by_model()
    assert after == before
    shown = await stage.ben.slash(stage.channel, "privacy show")
    assert shown.response is not None
    assert "- 1 pick of yours between two texts about a hero" in shown.response.content
    await app.privacy.delete(stage.ben.id)
    assert len(await picks(app)) == 2


@pytest.mark.settings(reports_to_hide=1)
async def test_what_is_hidden_or_deleted_is_neither_quoted_nor_picked(
    stage: Stage, app: App, script: Script
) -> None:
    shown = await hero(stage, script)
    script.texts = [OTHER]
    second = await take(stage, stage.ben, shown)
    form = await stage.olga.click(shown, label="Report")
    await stage.olga.submit_modal(form, {"reason": ["other"]})

    quoting = stage.channel.history()[-1]
    assert quoting.id == second.id
    assert quoting.embeds[0].description == "*This description is hidden: people have reported it.*"
    assert embed_text(quoting) == quoting.embeds[0].description
    assert "I like this take better" not in str(quoting.components)
    with pytest.raises(UserError, match="One of the two texts is hidden now"):
        await app.picks.pick(2, stage.ana.id, "take")  # as a click that was on its way
    with pytest.raises(UserError, match="This text is hidden"):
        await app.takes.parent(1)

    await app.privacy.delete(stage.ana.id)
    answer = await stage.ben.click(second, custom_id="hero:take:2")  # the take itself is still there
    assert answer.response is not None
    with pytest.raises(UserError, match="One of the two texts is gone"):
        await app.picks.pick(2, stage.ben.id, "take")
    with pytest.raises(UserError, match="This text is gone"):
        await app.takes.parent(1)
    assert await picks(app) == []


@pytest.mark.parametrize("command", ["privacy delete", "heroes mine"])
async def test_takes_of_others_quote_no_text_that_its_person_deletes(
    stage: Stage, script: Script, command: str
) -> None:
    shown = await hero(stage, script)
    script.texts = [OTHER]
    second = await take(stage, stage.ben, shown)
    asked = await stage.ana.slash(stage.channel, command)
    assert asked.response is not None
    if command == "heroes mine":
        await stage.ana.select(asked.response.message, ["1"])
        await stage.ana.click(asked.response.message, label="Delete it")
    else:
        await stage.ana.click(asked.response.message, label="Delete everything")

    quoting = stage.channel.history()[-1]
    assert quoting.id == second.id
    before, new = quoting.embeds
    assert before.description == "*The person who asked for it had it deleted.*"
    assert new.description == FIRST + OTHER
    assert "I like this take better" not in str(quoting.components)
    assert "Another take" in str(quoting.components)


async def test_all_takes_that_quote_a_text_are_found_however_many(
    stage: Stage, app: App, script: Script
) -> None:
    await hero(stage, script)
    columns = [
        column for column in description.c if column.name not in ("id", "kind", "parent_id", "message_id")
    ]
    async with app.db.write() as tx:
        for number in range(205):
            row = select(*columns, literal("take"), literal(1), literal(10**18 + number)).where(
                description.c.id == 1
            )
            names = [*(column.name for column in columns), "kind", "parent_id", "message_id"]
            await tx.execute(description.insert().from_select(names, row))
    found = [each.id async for each in app.takes.of_parent(1)]
    assert found == list(range(206, 1, -1))


async def test_what_cannot_be_written_anew_is_said(stage: Stage, app: App, script: Script) -> None:
    await hero(stage, script)
    with pytest.raises(UserError, match="Press Another take once more"):
        app.takes.plan(await stored(app, 1), "gloomy")
    for number, said in ((999, "This text is gone"), (1, "Only a text about a single hero")):
        async with app.db.write() as tx:
            await tx.execute(update(description).values(kind="scene"))
        with pytest.raises(UserError, match=said):
            await app.takes.parent(number)
