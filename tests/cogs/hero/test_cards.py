"""Cards in Discord: the button, /card, /top, and what happens to them when their text goes."""

import io

import discord
import pytest
from PIL import Image

from bot.app import App
from bot.client import HeroBot
from bot.errors import UserError
from bot.heroes.hero import Hero
from bot.settings import Settings
from bot.store import descriptions
from cogs.moderation.reports import refresh_message
from tests.conftest import HOME, Stage
from tests.support.reports import hero, report


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"reports_to_hide": 1})


def card_id(message: discord.Message) -> str:
    """Return the custom id of a message's card button, which has no label."""
    for row in message.components:
        assert isinstance(row, discord.ActionRow)
        for item in row.children:
            if isinstance(item, discord.Button) and (item.custom_id or "").startswith("hero:card:"):
                assert (str(item.emoji), item.label) == ("🖼️", None)
                return item.custom_id or ""
    raise AssertionError("no card button")


async def check_card(message: discord.Message, said: str) -> Image.Image:
    """Return the picture of a message with a card, whose text for the blind has some words."""
    (file,) = message.attachments
    assert said in (file.description or "")
    assert file.content_type == "image/png"
    picture = Image.open(io.BytesIO(await file.read()))
    assert picture.size == (1200, 750)
    assert file.size < 150_000
    return picture.convert("RGB")


async def test_the_button_posts_one_card_for_all_and_then_says_where_it_is(stage: Stage, app: App) -> None:
    message = await hero(stage)
    await stage.env.restart_bot(HeroBot(app))
    pressed = card_id(message)

    for who in (stage.ben, stage.olga):
        await who.click(message, custom_id=pressed)
    (posted,) = [each for each in stage.channel.history() if each.attachments]
    await check_card(posted, "40-year-old woman, healing")
    assert not posted.flags.ephemeral

    again = await stage.ben.click(message, custom_id=pressed)
    assert posted.jump_url in again.followups[-1].content
    assert again.followups[-1].ephemeral

    await stage.env.bot.get_partial_messageable(stage.channel.id).get_partial_message(posted.id).delete()
    await stage.env.settle()  # the bot hears of it
    await stage.ana.click(message, custom_id=pressed)
    assert len([each for each in stage.channel.history() if each.attachments]) == 1


async def test_a_card_goes_with_its_text_and_comes_back_no_more(stage: Stage, app: App) -> None:
    message = await hero(stage)
    pressed = card_id(message)
    await stage.ben.click(message, custom_id=pressed)
    await stage.ana.slash(stage.channel, "card", dark=True)
    assert len([each for each in stage.channel.history() if each.attachments]) == 2

    await report(stage.ben, message)
    assert not [each for each in stage.channel.history() if each.attachments]
    assert await app.card_posts.list_of(1) == []

    with pytest.raises(UserError, match="This description is hidden: people have reported it"):
        await app.card_posts.get(1)
    await stage.ana.slash(stage.channel, "card", hero=message.jump_url)
    assert stage.refusal() == "This description is hidden: people have reported it."
    await stage.ana.slash(stage.channel, "card")
    assert "You have no hero here yet" in stage.refusal()


async def test_no_card_of_a_text_that_its_person_had_deleted(stage: Stage, app: App) -> None:
    message = await hero(stage)
    await stage.ben.click(message, custom_id=card_id(message))
    found = await app.describer.get(1)
    assert found is not None
    kept = await app.cards.draw(found)
    assert await app.cards.draw(found) is kept

    await app.privacy.delete(stage.ana.id)

    assert await app.cards.draw(found) is not kept  # nothing of it stays in memory
    assert await app.card_posts.list_of(1) == []
    refused = await stage.ben.click(message, custom_id=card_id(message))
    assert refused.followups[-1].content == "The person who asked for it had it deleted."
    with pytest.raises(UserError, match="This description is gone"):
        await app.card_posts.get(999_999)


async def test_card_of_my_latest_hero_or_of_a_link(stage: Stage) -> None:
    await stage.ana.slash(stage.channel, "card")
    assert "You have no hero here yet. Ask for one with `/hero`" in stage.refusal()
    first = await hero(stage, "40 woman healing")
    await hero(stage, "30 man flight")

    await stage.ana.slash(stage.channel, "card")
    light = await check_card(stage.channel.history()[-1], "30-year-old man, flight")
    await stage.ben.slash(stage.channel, "card", hero=first.jump_url, dark=True)
    dark = await check_card(stage.channel.history()[-1], "40-year-old woman, healing")
    corner = (1190, 10, 1191, 11)
    assert sum(light.crop(corner).tobytes()) > 3 * sum(dark.crop(corner).tobytes())

    for wrong in ("https://example.org/", "123", "me", "9" * 19, "9" * 20, "9" * 40):
        await stage.ana.slash(stage.channel, "card", hero=wrong)
        assert "I find no hero there" in stage.refusal()
    for _ in range(4):
        await stage.ana.slash(stage.channel, "card")
    await stage.ana.slash(stage.channel, "card")
    assert "ask again in" in stage.refusal()


async def test_no_card_of_a_hero_in_a_channel_that_the_person_may_not_read(stage: Stage, app: App) -> None:
    guild = stage.channel.guild
    assert guild is not None
    hidden = guild.create_text_channel(
        "hidden", overwrites={guild.default_role: discord.PermissionOverwrite(view_channel=False)}
    )
    found = await app.describer.describe(Hero(40, "woman", "healing"), requester=7, guild_id=guild.id)
    await app.describer.set_message(found, hidden.id, 987_654_321)
    await stage.ben.slash(stage.channel, "card", hero="987654321")
    assert "may read" in stage.refusal()
    await app.describer.set_message(found, stage.channel.id, 987_654_321)
    await stage.ben.slash(stage.channel, "card", hero="987654321")
    await check_card(stage.channel.history()[-1], "healing")


@pytest.mark.parametrize("kind", [discord.ChannelType.public_thread, discord.ChannelType.private_thread])
async def test_a_hero_in_a_thread_has_a_card_for_those_who_may_read_it(
    stage: Stage, app: App, kind: discord.ChannelType
) -> None:
    thread = stage.env.backend.create_thread(stage.channel.id, "aside", stage.olga.id, type=kind.value)
    await stage.env.settle()
    found = await app.describer.describe(Hero(40, "woman", "healing"), requester=7, guild_id=HOME)
    await app.describer.set_message(found, thread.id, 987_654_321)
    await stage.ben.slash(stage.channel, "card", hero="987654321")
    if kind is discord.ChannelType.private_thread:
        assert "may read" in stage.refusal()
    else:
        await check_card(stage.channel.history()[-1], "healing")


async def test_the_latest_hero_is_no_scene_of_a_story(stage: Stage) -> None:
    await hero(stage, "40 woman healing")
    await stage.ana.slash(stage.channel, "story")
    text = stage.channel.history()[-1].embeds[0].description or ""
    await stage.ana.slash(stage.channel, "card")
    (card,) = stage.channel.history()[-1].attachments
    assert "healing" in (card.description or "")
    assert text[:30] not in (card.description or "")


async def test_a_teams_card_names_its_powers(stage: Stage, app: App) -> None:
    await stage.ana.slash(stage.channel, "team", heroes="40 woman healing, flight, ice")
    team = stage.channel.history()[-1]
    await stage.ben.slash(stage.channel, "card", hero=team.jump_url)
    said = "Hero card: Team: healing, flight, ice. "
    await check_card(stage.channel.history()[-1], said)
    await stage.ben.click(team, custom_id=card_id(team))
    await check_card(stage.channel.history()[-1], said)
    await app.votes.simulate(1, "somebody", "👍")
    await stage.ana.slash(stage.channel, "top")
    await check_card(stage.channel.history()[-1], said)


@pytest.mark.parametrize("power", ["🔥🔥", "火を操る"])
async def test_a_power_that_the_card_cannot_show_stands_in_the_message(
    stage: Stage, app: App, power: str
) -> None:
    stored = await app.describer.describe(Hero(40, "woman", power), requester=stage.ana.id, guild_id=None)
    found = await app.describer.get(stored.id)
    assert found is not None
    card = await app.cards.draw(found)
    assert card.plain
    assert power in card.alt_text


async def test_top_shows_the_card_of_its_first_entry_on_the_first_page(stage: Stage, app: App) -> None:
    await stage.ana.slash(stage.channel, "top")
    assert not stage.channel.history()[-1].attachments
    for number in range(6):
        power = ("healing", "flight", "telepathy", "ice", "invisibility", "immortality")[number]
        made = await app.describer.describe(Hero(40, "woman", power), requester=7, guild_id=HOME)
        for voter in range(8 - number):
            await app.votes.simulate(made.id, f"voter {voter}", "👍")

    await stage.ana.slash(stage.channel, "top")
    shown = stage.channel.history()[-1]
    assert (shown.embeds[0].image.url or "").split("/")[-1] == shown.attachments[0].filename
    await check_card(shown, "8 liked it, 0 did not.")
    await stage.ana.click(shown, label="▶")
    assert not stage.channel.history()[-1].attachments
    await stage.ana.click(stage.channel.history()[-1], label="◀")
    assert stage.channel.history()[-1].attachments

    bot = stage.env.bot
    assert isinstance(bot, HeroBot)
    await stage.ben.slash(stage.channel, "top")
    await stage.ben.click(stage.channel.history()[-1], label="▶")
    async with app.db.write() as tx:
        hidden = await descriptions.remove(tx, 1, at=1.0)
    assert await refresh_message(bot, hidden)
    _, left = stage.channel.history()  # an empty list, and the second page, which has no card any more
    assert not left.attachments
