"""How was this made?, in the menu of a message: the real bot in a simulated Discord."""

from typing import cast

import pytest
import simcord
from sqlalchemy import update

from bot.app import App
from bot.client import HeroBot
from bot.errors import UserError
from bot.store import duels
from bot.store.schema import dataset_item, description, trial
from tests.conftest import Stage
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
    async with app.db.write() as tx:  # two texts that the model learnt, of which people liked the second
        for position, source, text in ((0, "example", GOOD), (1, "description", f"{GOOD} So **it** is.")):
            at = (dataset_item.c.dataset_id == 1) & (dataset_item.c.position == position)
            await tx.execute(
                update(dataset_item).where(at).values(split="train", source=source, text=text, source_id=99)
            )
    seed = script.asked[-1]["seed"]

    told = await fields(await stage.ben.context_menu(stage.channel, NAME, shown))

    assert told["By"].startswith("Model 1, `ft:tiny:1`, which was trained on dataset v1, from ")
    assert "tokens were read and" in told["When"]
    assert "`user` 40, woman, healing ->" in told["What the model was sent"]
    assert (
        f"`temperature` 0.5, `top_p` 0.9, `max_tokens` 250, `seed` {seed}. It was drawn 1 time."
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
