"""/story and the button Next scene: the real bot in a simulated Discord."""

from typing import Any

import discord
import pytest
from sqlalchemy import select, update

from bot.app import App, open_app
from bot.errors import UserError
from bot.settings import Settings
from bot.store import stories
from bot.store.schema import description
from tests.conftest import Stage
from tests.support.buttons import message_with
from tests.support.query_plans import QueryPlans
from tests.support.reports import hero
from tests.support.scripted_server import Script
from tests.support.streaming import labels


def last(stage: Stage) -> discord.Message:
    return stage.channel.history()[-1]


async def test_a_story_has_five_scenes_and_anyone_tells_it_on(stage: Stage, app: App, script: Script) -> None:
    await stage.ana.slash(stage.channel, "story")
    assert "not asked for a hero here yet" in stage.refusal()
    message, texts = await hero(stage), []
    for number in range(1, 6):
        if number % 2:
            await stage.ben.click(message, label="Next scene")
        else:
            await stage.ana.slash(stage.channel, "story")  # after the scene that Ben asked for
        message = last(stage)
        (embed,) = message.embeds
        assert embed.title == f"40-year-old woman, healing · Scene {number} of 5"
        assert "does not learn from scenes" in (embed.footer.text or "")
        assert [str(reaction.emoji) for reaction in message.reactions] == ["👍", "👎"]
        texts.append(embed.description or "")
        given = script.asked[-1]["messages"][-1]
        assert given["role"] == "assistant"
        assert " ".join(texts[:-1]) in given["content"]
    assert "Next scene" not in labels(message)
    assert len({text.split(",")[0] for text in texts}) == 5  # no time comes twice
    async with app.db.read() as tx:
        told = await stories.until(tx, 6)
    assert [(each.kind, each.parent_id) for each in told] == [("hero", None)] + [
        ("scene", number) for number in range(1, 6)
    ]
    assert told[0].requester != told[1].requester == told[3].requester
    await stage.ben.slash(stage.channel, "story")
    assert "has all of its 5 scenes" in stage.refusal()
    await stage.ben.click(stage.channel.history()[0], label="Next scene")  # another way to tell it on
    assert (last(stage).embeds[0].title or "").endswith("Scene 1 of 5")


async def test_one_scene_is_written_at_a_time_after_a_text(stage: Stage, app: App) -> None:
    message = await hero(stage)
    async with app.stories.going_on(1):
        assert "is being written already" in await refused(stage, message, "hero:scene:1")
    await stage.ben.click(message, label="Next scene")
    assert "Scene 1 of 5" in (last(stage).embeds[0].title or "")


async def test_a_story_goes_on_from_what_is_still_there_to_read(stage: Stage) -> None:
    message = await hero(stage)
    await stage.ben.click(message, label="Next scene")
    await stage.ben.click(last(stage), label="Next scene")
    _, first, second = stage.channel.history()
    await stage.olga.delete(second)
    await stage.ana.slash(stage.channel, "story")
    assert (last(stage).embeds[0].title or "").endswith("Scene 2 of 5")
    for scene in (first, last(stage)):
        await stage.olga.delete(scene)
    await stage.ana.slash(stage.channel, "story")
    assert (last(stage).embeds[0].title or "").endswith("Scene 1 of 5")
    for each in stage.channel.history():
        await stage.olga.delete(each)
    await stage.ana.slash(stage.channel, "story")
    assert "not asked for a hero here yet" in stage.refusal()


async def test_a_story_ends_where_a_text_is_gone(stage: Stage, app: App) -> None:
    message = await hero(stage)
    await stage.ben.click(message, label="Next scene")
    scene = last(stage)
    async with app.db.write() as tx:
        await tx.execute(update(description).where(description.c.id == 1).values(removed_at=1.0))
    assert "Part of this story is hidden" in await refused(stage, scene, "hero:scene:2")
    await app.privacy.delete(stage.ana.id)
    assert "deleted by the person who asked" in await refused(stage, scene, "hero:scene:2")
    await stage.ben.slash(stage.channel, "story")
    assert "deleted by the person who asked" in stage.refusal()
    await stage.ben.slash(stage.channel, "team")
    old = await message_with(stage, "hero:scene:3", "hero:scene:999")
    assert "A team has one scene only" in await refused(stage, old, "hero:scene:3")
    assert "This description is gone" in await refused(stage, old, "hero:scene:999")


async def test_no_scene_of_a_hero_whose_power_is_blocked_by_now(
    stage: Stage, app: App, script: Script
) -> None:
    message = await hero(stage)
    asked = len(script.asked)
    async with app.db.write() as tx:
        await tx.execute(update(description).values(power="fuck"))
    assert "rather not write about" in await refused(stage, message, "hero:scene:1")
    assert len(script.asked) == asked


async def refused(stage: Stage, message: Any, custom_id: str) -> str:
    """Return what Ben is told who presses a button."""
    return stage.ephemeral_reply(await stage.ben.click(message, custom_id=custom_id))


@pytest.mark.usefixtures("two_models")
@pytest.mark.settings(train_scenes=True, draws=1, duel_share=0)
async def test_who_votes_on_a_scene_is_told_if_it_may_train(stage: Stage, app: App, script: Script) -> None:
    message = await hero(stage)
    script.texts = [" mends the rope of the bell. The town hears it at noon. A dog barks."]
    await stage.ben.click(message, label="Next scene")
    assert "whether the bot may learn from it" in (last(stage).embeds[0].footer.text or "")
    async with app.db.read() as tx:
        fit = (await tx.execute(select(description.c.id).where(description.c.kind == "scene"))).scalar_one()
    shown = await message_with(stage, f"vote:up:{fit}")
    vote = await stage.ana.click(shown, custom_id=f"vote:up:{fit}")
    assert "the bot may learn from this text after" in vote.followups[-1].content
    async with app.db.write() as tx:
        await tx.execute(update(description).where(description.c.id == fit).values(text="It ends."))
    vote = await stage.olga.click(shown, custom_id=f"vote:up:{fit}")
    assert "does not learn from this scene" in vote.followups[-1].content


async def test_no_scene_is_kept_after_a_text_that_was_deleted_while_it_was_written(app: App) -> None:
    first = await app.describer.describe(app.hero_parser.parse("40 woman healing"), requester=1)
    async with app.stories.going_on(first.id) as told:
        await app.privacy.delete(1)
        with pytest.raises(UserError, match="deleted by the person who asked"):
            await app.stories.tell(told, requester=2)
    async with app.db.read() as tx:
        assert (await tx.execute(select(description.c.kind))).scalars().all() == ["hero"]


@pytest.mark.usefixtures("two_models")
@pytest.mark.settings(draws=4)
async def test_a_scene_that_drifts_is_drawn_again(app: App, script: Script) -> None:
    first = await app.describer.describe(app.hero_parser.parse("40 woman healing"), requester=1)
    good = " mends the rope of the bell. The town hears it at noon. A dog barks. Rain falls. It is too much"
    script.texts = [
        " is a 19-year-old woman. She waits.",
        " calls Bartholomew. Bartholomew lives in the tower and he is a man with a hat. He never leaves.",
        f" sighs. {first.text}",
        good,
    ]
    async with app.stories.going_on(first.id) as told:
        scene = await app.stories.tell(told, requester=2)
    assert scene.text.endswith(
        "Robin mends the rope of the bell. The town hears it at noon. A dog barks. Rain falls."
    )
    assert (scene.sampling["draws"], scene.tuned, scene.hero) == (4, True, first.hero)
    assert [body["messages"][0]["content"] for body in script.asked[-4:]] == ["40, woman, healing ->"] * 4
    script.texts = [" mends the clock."]  # an answer of one sentence gets an ending
    async with app.stories.going_on(scene.id) as told:
        ended = await app.stories.tell(told, requester=2)
    assert "Robin mends the clock. " in ended.text


async def test_a_hosted_model_is_told_to_go_on(hosted: Settings, script: Script) -> None:
    async with open_app(hosted) as app:
        first = await app.describer.describe(app.hero_parser.parse("40 woman healing"), requester=1)
        script.texts = ["She mends a bell. It rings. The dogs come. They stay. They eat. They sl"]
        async with app.stories.going_on(first.id) as told:
            scene = await app.stories.tell(told, requester=2)
    assert scene.text == "She mends a bell. It rings. The dogs come. They stay."
    turns = script.asked[-1]["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert turns[1]["content"] == first.text
    assert "next scene of this story" in turns[2]["content"]


@pytest.mark.sqlite("the plan is its own")
async def test_finding_the_newest_story_reads_no_whole_table(app: App, query_plans: QueryPlans) -> None:
    async with query_plans.recorded(app.db), app.db.read() as tx:
        await stories.newest_id(tx, "somebody", 1)
        await stories.last_id(tx, 1)
        await stories.until(tx, 1)
    assert query_plans.scans == []
    assert query_plans.sorts == []
