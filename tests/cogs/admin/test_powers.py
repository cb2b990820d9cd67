"""/powers: a power trains once an operator has added it."""

import discord

from bot.app import App, open_app
from bot.heroes.hero import Hero
from bot.rating.votes import UP
from bot.settings import Settings
from bot.store import powers
from bot.store.job_schema import BuildResult
from tests.conftest import Stage
from tests.support.workflows import build


async def answer(stage: Stage, command: str, **options: str) -> str:
    result = await stage.olga.slash(stage.channel, f"powers {command}", **options)
    assert result.response is not None
    return result.response.content


async def test_added_power_trains_and_is_suggested_until_it_is_removed(
    stage: Stage, app: App, settings: Settings
) -> None:
    first = await build(app)
    described = await app.describer.describe(Hero(40, "woman", "juggling"), requester=1)
    for voter in ("one", "two"):
        await app.votes.simulate(described.id, voter, UP)
    assert isinstance(first.result, BuildResult)

    assert "“juggling” is in the vocabulary" in await answer(stage, "add", power="  Juggling ")
    second = await build(app)
    assert isinstance(second.result, BuildResult)
    assert second.result.counts["description"] == 1
    suggestions = await stage.ana.autocomplete(stage.channel, "hero", "hero", "40 woman jug")
    assert "40 woman juggling" in [choice["value"] for choice in suggestions]
    async with open_app(settings) as other:  # another process sees it at once
        assert (await other.powers.vocabulary()).trains(Hero(40, "woman", "juggling"))

    assert "“juggling” is no longer in the vocabulary" in await answer(stage, "remove", power="juggling")
    third = await build(app)
    assert isinstance(third.result, BuildResult)
    assert "description" not in third.result.counts


async def test_list_shows_the_most_requested_powers(stage: Stage, app: App) -> None:
    assert "No power has been added so far" in await answer(stage, "list")
    for requester, power in enumerate(("knitting", "juggling", "juggling", "healing")):
        await app.describer.describe(Hero(40, "woman", power), requester=requester)
    text = await answer(stage, "list")
    assert text.index("“juggling”: 2 times, by 2 people") < text.index("“knitting”: once, by 1 person")
    assert "healing" not in text
    suggestions = await stage.olga.autocomplete(stage.channel, "powers add", "power", "")
    assert [choice["value"] for choice in suggestions] == ["juggling", "knitting"]
    await answer(stage, "add", power="juggling")
    suggestions = await stage.olga.autocomplete(stage.channel, "powers remove", "power", "jug")
    assert [choice["value"] for choice in suggestions] == ["juggling"]


async def test_invalid_and_known_powers_are_refused(stage: Stage) -> None:
    refused = await stage.olga.slash(stage.channel, "powers add", power="flight")
    assert "already" in stage.refusal()
    assert "already" in stage.ephemeral_reply(refused)
    assert stage.channel.history() == []  # nobody else sees it
    await stage.olga.slash(stage.channel, "powers add", power="<@123>")
    assert "plain words" in stage.refusal()
    await stage.olga.slash(stage.channel, "powers remove", power="flight")
    assert "heroes.toml" in stage.refusal()
    await stage.olga.slash(stage.channel, "powers remove", power="juggling")
    assert "Nobody added" in stage.refusal()


async def test_a_synonym_stands_for_its_power_and_an_older_one_can_be_removed(stage: Stage, app: App) -> None:
    await stage.olga.slash(stage.channel, "powers add", power="Flying!")
    assert "“flight” is in the vocabulary already" in stage.refusal()
    async with app.db.write() as tx:  # as it was added before it became a synonym
        await powers.add(tx, "flying", actor_id=1, at=1.0)
    assert "“flying” is no longer in the vocabulary" in await answer(stage, "remove", power="flying")
    await stage.olga.slash(stage.channel, "powers remove", power="flying")
    assert "“flight” is in data/heroes.toml" in stage.refusal()


async def test_requested_powers_are_not_suggested_to_admins_of_other_servers(stage: Stage, app: App) -> None:
    await app.describer.describe(Hero(40, "woman", "juggling"), requester=1)
    other = stage.env.create_guild(name="Other")
    admin = other.create_role("admin", permissions=discord.Permissions(manage_guild=True))
    eve = other.add_member(stage.env.create_user("eve"), roles=[admin])
    channel = other.create_text_channel("heroes")
    assert await eve.autocomplete(channel, "powers add", "power", "") == []


async def test_blocked_power_is_not_added(stage: Stage) -> None:
    await stage.olga.slash(stage.channel, "powers add", power="self-harm")
    assert "data/blocked.txt (setting BLOCKLIST)" in stage.refusal()
