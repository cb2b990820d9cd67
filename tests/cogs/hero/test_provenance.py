"""How was this made?, in the menu of a message: the real bot in a simulated Discord."""

from typing import cast

import discord
import pytest
import simcord
from simcord.backend import serializers
from simcord.interactions import base_payload
from sqlalchemy import update

from bot.app import App
from bot.client import HeroBot
from bot.errors import UserError
from bot.store import duels
from bot.store.schema import dataset_item, description, trial
from tests.conftest import HOME, Stage
from tests.support.scripted_server import Script, describe

NAME = "How was this made?"
GOOD = describe("40", "woman", "healing")

pytestmark = pytest.mark.usefixtures("two_models")


async def fields(result: simcord.InteractionResult) -> dict[str, str]:
    """Return the fields of the private answer."""
    assert result.ephemeral
    assert result.response is not None
    return {str(each.name): str(each.value) for each in result.response.embeds[0].fields}


async def test_it_says_all_that_is_known_of_a_text(stage: Stage, app: App, script: Script) -> None:
    script.texts = [GOOD]
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    shown = stage.channel.history()[-1]
    seed = script.asked[-1]["seed"]
    learnt = await app.describer.describe(
        app.hero_parser.parse("40 woman healing"), requester=1, guild_id=HOME
    )
    await _learn(app, (0, "example", GOOD, 99), (1, "description", f"{GOOD} So **it** is.", learnt.id))

    told = await fields(await stage.ben.context_menu(stage.channel, NAME, shown))

    assert told["By"].startswith("Model 1, `ft:tiny:1`, which was trained on dataset v1, from ")
    assert "tokens were read and" in told["When"]
    assert "`user` 40, woman, healing ->" in told["What the model was sent"]
    assert (
        f"`temperature` 1.0, `top_p` 1.0, `max_tokens` 250, `min_p` 0.15, `seed` {seed}. It was drawn once."
        == (told["How its words were drawn"])
    )
    liked, other, *_ = told["What it is nearest to, of what the model learnt"].split("\n")
    assert ", liked by people: Robin is a 40-year-old woman" in liked
    assert other.startswith("- 100%, of the dataset: Robin")

    asked = await stage.ben.click(shown, label="Another take")
    assert asked.response is not None
    await stage.ben.click(asked.response.message, label="Gentle")
    told = await fields(await stage.ana.context_menu(stage.channel, NAME, stage.channel.history()[-1]))
    assert told["Another take"].startswith("Gentle. It goes back to:\n1. Robin is")
    assert shown.jump_url in told["Another take"]
    assert "`assistant` Robin is" in told["What the model was sent"]

    async with app.db.write() as tx:
        await tx.execute(update(description).values(removed_at=1.0))
    hidden = await stage.ana.context_menu(stage.channel, NAME, shown)
    assert stage.ephemeral_reply(hidden) == "This text is hidden, and so is how it was made."
    assert stage.refusal()


async def _learn(app: App, *texts: tuple[int, str, str, int]) -> None:
    """Let the live model have learnt texts, each with its position, source, words and source's id."""
    async with app.db.write() as tx:
        for position, source, text, source_id in texts:
            at = (dataset_item.c.dataset_id == 1) & (dataset_item.c.position == position)
            values = {"split": "train", "source": source, "text": text, "source_id": source_id}
            await tx.execute(update(dataset_item).where(at).values(values))


async def test_texts_of_other_servers_are_quoted_only_if_all_may_see_them(
    stage: Stage, app: App, script: Script
) -> None:
    script.texts = [GOOD]
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    shown = stage.channel.history()[-1]
    hero, elsewhere = app.hero_parser.parse("40 woman healing"), 5
    foreign = await app.describer.describe(hero, requester=1, guild_id=elsewhere)
    direct = await app.describer.describe(hero, requester=1, guild_id=None)
    await _learn(
        app,
        (0, "description", f"{GOOD} Elsewhere.", foreign.id),
        (1, "description", f"{GOOD} In private.", direct.id),
    )

    async def liked() -> str:
        told = await fields(await stage.ben.context_menu(stage.channel, NAME, shown))
        nearest = told["What it is nearest to, of what the model learnt"]
        return "\n".join(line for line in nearest.split("\n") if "liked by people" in line)

    assert await liked() == ""
    await app.member_settings.change(1, "gallery", allowed=True)
    assert await liked() == ""  # its server has not agreed
    await app.guild_settings.change(elsewhere, in_gallery=True)
    assert (await liked()).count("liked by people") == 1
    async with app.db.write() as tx:
        await tx.execute(update(description).where(description.c.id == foreign.id).values(removed_at=1.0))
    assert await liked() == ""


async def use_directly(
    stage: Stage, message: discord.Message, *, elsewhere: int | None = None
) -> simcord.InteractionResult:
    """Use the menu in Ana's direct messages, as Discord tells it; simcord has menus in servers alone.

    elsewhere: a server that the bot is not in, where Ana has installed it for herself.
    """
    env, ana = stage.env, stage.ana.user
    backend, channel = env.backend, ana.dm_channel
    (root,) = (each for each in backend.visible_commands(user_id=ana.id, channel_id=channel.id, type=3))
    stored = backend.get_message(channel.id, message.id)
    data = {
        "id": root["id"],
        "name": root["name"],
        "type": 3,
        "target_id": str(message.id),
        "resolved": {"messages": {str(message.id): dict(serializers.message_payload(backend, stored))}},
    }
    record, payload = base_payload(
        backend, type=2, channel_id=channel.id, guild_id=None, user_id=ana.id, data=data
    )
    payload["authorizing_integration_owners"] = {"1": str(ana.id)}
    if elsewhere is not None:
        member = {
            "user": payload.pop("user"),
            "roles": [],
            "joined_at": backend.now_iso(),
            "permissions": "0",
        }
        member |= {"deaf": False, "mute": False, "flags": 0}
        payload |= {"guild_id": str(elsewhere), "context": 0, "guild_locale": "en-US", "member": member}
    backend.emit("INTERACTION_CREATE", payload)
    await env.settle()
    return simcord.InteractionResult(env, record)


@pytest.mark.parametrize("elsewhere", [None, 5])
async def test_it_works_in_direct_messages_and_for_those_who_installed_the_bot(
    stage: Stage, elsewhere: int | None
) -> None:
    await stage.ana.user.slash("hero", hero="40 woman healing")
    shown = stage.ana.user.dm_channel.last_message
    assert shown is not None
    told = await fields(await use_directly(stage, shown, elsewhere=elsewhere))
    assert told["By"].startswith("Model 1")


async def test_texts_of_a_duel_stay_blind(stage: Stage, app: App) -> None:
    await stage.ana.slash(stage.channel, "duel", hero="40 woman healing")
    shown = stage.channel.history()[-1]
    for state, said in (("running", "while their models are on trial"), ("stopped", "as long as somebody")):
        async with app.db.write() as tx:
            await tx.execute(update(trial).values(state=state))
        result = await stage.ben.context_menu(stage.channel, NAME, shown)
        assert said in stage.ephemeral_reply(result)
        assert "ft:tiny" not in str(result.response)
        assert stage.refusal()
    async with app.db.write() as tx:  # a text of it that stands somewhere by itself
        duel = await duels.get(tx, 1)
        assert duel
        await tx.execute(
            update(description).where(description.c.id == duel.candidate_description_id).values(message_id=7)
        )
    with pytest.raises(UserError, match="stays secret"):
        await app.provenance.of_message(7)


async def test_a_long_line_of_takes_fits(stage: Stage, app: App) -> None:
    healing = app.hero_parser.parse("40 woman healing")
    for _ in range(8):
        await app.describer.describe(healing, requester=1)
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    async with app.db.write() as tx:
        of_takes = update(description).where(description.c.id > 1)
        await tx.execute(of_takes.values(kind="take", parent_id=description.c.id - 1))
        of_others = update(description).where(description.c.id < 9)
        ids = {"guild_id": 10**18, "channel_id": 10**18, "message_id": description.c.id + 10**18}
        await tx.execute(of_others.values(ids))
    told = await fields(await stage.ben.context_menu(stage.channel, NAME, stage.channel.history()[-1]))
    first, *lines = told["Another take"].split("\n")
    assert first == "The same opening idea. It goes back to:"
    assert len(lines) == 5
    assert lines[0].endswith(f"/{10**18 + 8})")
    assert len(told["Another take"]) <= 1024


async def test_a_scene_and_a_team_are_told_as_such(stage: Stage) -> None:
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    shown = stage.channel.history()[-1]
    await stage.ben.click(shown, label="Next scene")
    told = await fields(await stage.ben.context_menu(stage.channel, NAME, stage.channel.history()[-1]))
    assert told["Story"].startswith("It is a scene of a story, after:\n1. Robin is")
    assert shown.jump_url in told["Story"]
    assert "Another take" not in told
    assert told["What the model was sent"].endswith(
        "What exactly was sent for a team or a scene is not noted."
    )
    await stage.ana.slash(stage.channel, "team", heroes="healing, flight, ice")
    result = await stage.ben.context_menu(stage.channel, NAME, stage.channel.history()[-1])
    assert result.response is not None
    assert result.response.embeds[0].description == "**Team: healing, flight, ice**"


async def test_it_is_offered_everywhere_and_says_where_there_is_no_hero(stage: Stage) -> None:
    message = await stage.ana.send(stage.channel, "hello")
    result = await stage.ben.context_menu(stage.channel, NAME, message)
    assert "I know of no hero in this message" in stage.ephemeral_reply(result)
    assert stage.refusal()
    await stage.ana.send_dm("40 woman healing")
    tree = cast(HeroBot, stage.env.bot).tree
    payload = next(each for each in tree.get_commands() if each.name == NAME).to_dict(tree)
    assert (payload["integration_types"], payload["contexts"]) == ([0, 1], [0, 1, 2])
