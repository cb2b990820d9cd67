"""/heroes mine, of and favourites: the real bot in a simulated Discord."""

from typing import Any

import pytest
import simcord
from sqlalchemy import update

from bot.app import App
from bot.client import HeroBot
from bot.community.hero_lists import ListRequest, power_key
from bot.errors import NotAllowed, UserError
from bot.rating.duels import Pairing
from bot.store.schema import description
from tests.conftest import HOME, Stage
from tests.support.query_plans import QueryPlans

OTHER_SERVER = 5


async def describe(app: App, who: int, typed: str, *, guild_id: int | None = HOME) -> int:
    """Store a description that somebody asked for, and return its id."""
    hero = app.heroes.vocabulary.parse(typed)
    return (await app.describer.describe(hero, requester=who, guild_id=guild_id)).id


def reply(click: simcord.InteractionResult) -> str:
    """Return what a click told the person alone, beside the message."""
    (told,) = click.followups
    assert told.ephemeral
    return told.content


class Shown:
    """A list that a command showed to one person alone, as it is now."""

    def __init__(self, result: simcord.InteractionResult) -> None:
        assert result.ephemeral
        assert result.response is not None
        self._response = result.response

    @property
    def message(self) -> Any:
        return self._response.message

    @property
    def text(self) -> str:
        embed = self.message.embeds[0]
        return f"{embed.title}\n{embed.description}\n{embed.footer.text if embed.footer else ''}"

    @property
    def titles(self) -> list[str]:
        lines = (line for line in self.text.split("\n") if line.startswith("**"))
        return [line.partition("**")[2].partition("**")[0] for line in lines]


async def show(stage: Stage, who: simcord.MemberActor, command: str, **options: Any) -> Shown:
    return Shown(await who.slash(stage.channel, f"heroes {command}", **options))


async def hide(app: App, *ids: int) -> None:
    async with app.db.write() as tx:
        await tx.execute(update(description).where(description.c.id.in_(ids)).values(removed_at=1.0))


async def test_mine_is_paged_and_filtered_also_after_a_restart(stage: Stage, app: App) -> None:
    assert "You have asked for no hero yet." in (await show(stage, stage.ana, "mine")).text
    for age in range(20, 27):
        await describe(app, stage.ana.id, f"{age} woman healing", guild_id=None)
    odd = "ß" + "long words " * 4 + "end"
    await describe(app, stage.ana.id, f"60 man {odd}", guild_id=OTHER_SERVER)
    await describe(app, stage.ben.id, "90 man rage")

    mine = await show(stage, stage.ana, "mine")
    assert [title.split(",")[0] for title in mine.titles] == [
        "1. 60-year-old man",
        *(f"{rank}. {28 - rank}-year-old woman" for rank in range(2, 6)),
    ]
    assert "rage" not in mine.text
    await stage.env.restart_bot(HeroBot(app))
    await stage.ana.click(mine.message, label="▶")
    assert [title.split("-")[0] for title in mine.titles] == ["6. 22", "7. 21", "8. 20"]
    assert "Page 2." in mine.text

    healers = await show(stage, stage.ana, "mine", power="Heilung", model=0)
    await stage.ana.click(healers.message, label="▶")
    assert [title.split("-")[0] for title in healers.titles] == ["6. 21", "7. 20"]
    assert "Only heroes with this power: healing. Only by the base model." in healers.text
    await hide(app, *range(1, 6))
    await app.privacy.delete(stage.ana.id)
    await stage.ana.click(healers.message, label="◀")  # nothing is left of it
    assert "None of them fits." in healers.text

    for wrong in ({"power": "nothing like it"}, {"model": 7}):
        assert "None of them fits." in (await show(stage, stage.ben, "mine", **wrong)).text
    choices = await stage.ben.autocomplete(stage.channel, "heroes mine", "power", "RA")
    assert [choice["value"] for choice in choices] == ["rage"]


async def test_far_beyond_the_end_is_the_last_page(app: App) -> None:
    for age in range(40, 52):
        await describe(app, 1, f"{age} woman healing")
    wanted = ListRequest("mine", 1, 1, HOME, None, None)
    for page in (2, 3, 4, 999_999):
        found = await app.hero_lists.page(wanted, page)
        assert (found.page, len(found.heroes), found.has_more) == (2, 2, False)
    nobodys = ListRequest("mine", 2, 2, HOME, None, None)
    assert (await app.hero_lists.page(nobodys, 999_999)).page == 0


async def test_others_see_only_what_a_member_shows_and_only_of_this_server(stage: Stage, app: App) -> None:
    await describe(app, stage.ana.id, "40 woman healing")
    await describe(app, stage.ana.id, "41 woman telepathy", guild_id=OTHER_SERVER)
    await describe(app, stage.ana.id, "42 woman flight", guild_id=None)
    hidden = await describe(app, stage.ana.id, "43 woman rage")
    await hide(app, hidden)

    async def refused(who: simcord.MemberActor) -> str:
        await who.slash(stage.channel, "heroes of", member=stage.ana)
        return stage.refusal()

    assert await refused(stage.ben) == "This member does not show their heroes."
    assert "`/heroes settings` lets others see them" in await refused(stage.ana)
    wanted = ListRequest("of", stage.ben.id, stage.ana.id, HOME)
    assert await app.hero_lists.powers(wanted) == []

    await app.member_settings.change(stage.ana.id, "list", allowed=True)
    shown = await show(stage, stage.ben, "of", member=stage.ana)
    assert shown.titles == ["1. 40-year-old woman, healing"]
    assert f"asked for here\n<@{stage.ana.id}>\n" in shown.text
    assert "👍 0 👎 0" in shown.text
    assert await app.hero_lists.powers(wanted) == ["healing"]
    with pytest.raises(NotAllowed, match="only in a server"):
        await app.hero_lists.page(ListRequest("of", stage.ben.id, stage.ana.id, None), 0)

    for age in range(50, 56):
        await describe(app, stage.ana.id, f"{age} woman healing")
    shown = await show(stage, stage.ben, "of", member=stage.ana)
    await app.member_settings.change(stage.ana.id, "list", allowed=False)
    refusal = await stage.ben.click(shown.message, label="▶")  # she has changed her mind meanwhile
    assert reply(refusal) == "This member does not show their heroes."
    async with app.db.read() as tx:  # of somebody who allows nothing, nothing is kept
        assert (await tx.exec_driver_sql("SELECT count(*) FROM member_setting")).scalar_one() == 0


async def test_favourites_are_kept_by_a_button_until_the_text_is_gone(stage: Stage, app: App) -> None:
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    message = stage.channel.history()[-1]
    assert "You keep no hero yet." in (await show(stage, stage.ben, "favourites")).text

    kept = await stage.ben.click(message, custom_id="hero:keep:1")
    assert "Kept: you find it in `/heroes favourites`." in reply(kept)
    await stage.ana.click(message, custom_id="hero:keep:1")
    shown = await show(stage, stage.ben, "favourites")
    assert shown.titles == ["1. 40-year-old woman, healing"]
    assert f"[message](https://discord.com/channels/{HOME}/" in shown.text
    taken_out = await stage.ana.click(message, custom_id="hero:keep:1")
    assert reply(taken_out) == "Taken out of your favourites."
    assert (await show(stage, stage.ana, "favourites")).titles == []
    assert (await app.privacy.counts(stage.ben.id))["bookmark"] == 1

    await app.privacy.delete(stage.ana.id)
    shown = await show(stage, stage.ben, "favourites")
    assert shown.titles == []
    assert "None of the heroes that you keep can be shown any more." in shown.text
    assert "1 hero that you kept is hidden or deleted, so it is not here." in shown.text
    refusal = await stage.olga.click(message, custom_id="hero:keep:1")  # the message still has its button
    assert reply(refusal) == "This description is gone."
    await app.privacy.delete(stage.ben.id)
    assert (await app.privacy.counts(stage.ben.id))["bookmark"] == 0


@pytest.mark.usefixtures("two_models")
async def test_no_list_tells_the_models_of_a_duel_before_the_vote(stage: Stage, app: App) -> None:
    await stage.ana.slash(stage.channel, "duel", hero="40 woman healing")
    pairing = await app.duels.get(1)
    assert isinstance(pairing, Pairing)

    mine = await show(stage, stage.ana, "mine")
    assert mine.text.count("one of two models in a duel") == 2
    for number in (1, 2):
        assert (await show(stage, stage.ana, "mine", model=number)).titles == []
    with pytest.raises(UserError, match="Vote first"):
        await app.hero_lists.toggle(pairing.a.id, stage.ben.id)

    voted = await stage.ben.click(stage.channel.history()[-1], label="A")
    assert voted.response is not None
    await stage.ben.click(voted.response.message, label="B")
    assert (await show(stage, stage.ben, "favourites", model=pairing.b.version)).titles == [
        "1. 40-year-old woman, healing"
    ]
    assert "one of two" in (await show(stage, stage.ana, "mine")).text  # she has not voted


@pytest.mark.sqlite("the plan is its own")
async def test_lists_read_no_whole_table(app: App, query_plans: QueryPlans) -> None:
    """Of a million descriptions a person has a few."""
    await describe(app, 1, "40 woman healing")
    await app.member_settings.change(1, "list", allowed=True)
    key = power_key("healing")
    async with query_plans.recorded(app.db):
        for request in (
            ListRequest("mine", 1, 1, HOME, key, 1),
            ListRequest("kept", 1, 1, HOME, key, 0),
            ListRequest("of", 2, 1, HOME, key),
        ):
            found = await app.hero_lists.page(request, 0)
        await app.scores.votes_on_each([each.description.id for each in found.heroes])
        await app.privacy.own_text(1, 1)
    assert query_plans.scans == []
    assert not any("description_of_guild" in step for plan in query_plans.plans for step in plan.steps)
