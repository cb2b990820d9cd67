"""Which messages the bot takes for a request: the real bot in a simulated Discord."""

import discord
import pytest

from tests.conftest import Stage
from tests.support.scripted_server import Script


def filled(stage: Stage, text: str) -> str:
    """Put the bot's mention and that of its role into a text."""
    guild = stage.env.bot.guilds[0]
    (role,) = (role for role in guild.me.roles if role.managed)
    return text.format(bot=guild.me.mention, role=role.mention, nick=f"<@!{guild.me.id}>")


async def answer_to(stage: Stage, text: str) -> discord.Message | None:
    """Send a text as a member, and return the bot's answer if there is one."""
    sent = await stage.ana.send(stage.channel, filled(stage, text))
    last = stage.channel.history()[-1]
    return None if last.id == sent.id else last


@pytest.mark.parametrize(
    "text",
    [
        "{bot} 40 woman healing",
        "{nick} 40 woman healing",
        "hey {bot} 40 woman healing",
        "hey {bot}, 40 woman healing",
        "40 woman healing {bot}",
        "40, woman, healing, {bot}!",
        "{bot} {role} 40 woman healing",
        "40 woman {bot} healing",
        "please!\n{bot}\n40 woman healing",
        "40 woman healing - {bot} please",
        "@everyone {bot} 40 woman healing",
        "{bot} 40 woman healing {bot}",
    ],
)
async def test_a_hero_beside_a_mention_is_described(stage: Stage, text: str) -> None:
    answer = await answer_to(stage, text)
    assert answer is not None
    assert answer.embeds[0].title == "40-year-old woman, healing"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{bot}", "Tell me an age, a gender and a power"),
        ("hello {bot}", "Tell me an age, a gender and a power"),
        ("hello {bot}!!", "Tell me an age, a gender and a power"),
        ("{bot} help", "Tell me an age, a gender and a power"),
        ("{bot} what can you do?", "Tell me an age, a gender and a power"),
        ("{bot} woman healing", "The age is missing"),
        ("{bot} forty woman healing", "An age is a whole number in digits"),
        ("40 woman {bot}", "The power is missing"),
        ("I am 40, {bot}", "The gender is missing"),
        ("@here {bot}", "Tell me an age, a gender and a power"),
    ],
)
async def test_any_other_mention_gets_a_sentence_and_no_model_is_asked(
    stage: Stage, script: Script, text: str, sentence: str
) -> None:
    answer = await answer_to(stage, text)
    assert answer is not None
    assert sentence in answer.content
    assert script.asked == []


@pytest.mark.parametrize(
    "text",
    [
        "40 woman healing",
        "<@1> 40 woman healing",
        "<@&1> 40 woman healing",
        "@everyone 40 woman healing",
        "@here 40 woman healing",
        "@Herosmith 40 woman healing",  # typed, not picked from the list
    ],
)
async def test_what_does_not_mention_the_bot_is_ignored(stage: Stage, text: str) -> None:
    assert await answer_to(stage, text) is None


@pytest.mark.parametrize(
    "text", ["{role} 40 woman healing", "40 woman healing {role}", "hey {role} 40 woman healing", "{role}"]
)
async def test_a_message_that_names_only_the_role_is_told_how_to_ask(
    stage: Stage, script: Script, text: str
) -> None:
    """Discord shows the bot no text of such a message: the bot may not read all messages."""
    answer = await answer_to(stage, text)
    assert answer is not None
    assert f"Mention me myself, {stage.env.bot.guilds[0].me.mention}" in answer.content
    assert script.asked == []


@pytest.mark.parametrize("role", ["helpers", "TestBot"])
async def test_other_roles_are_not_the_bots(stage: Stage, role: str) -> None:
    other = stage.env.guild.create_role(role)
    await stage.ana.send(stage.channel, f"<@&{other.id}> 40 woman healing")
    assert len(stage.channel.history()) == 1


@pytest.mark.parametrize("text", ["40 woman healing", "thanks!", ""])
async def test_a_reply_that_only_pings_the_bot_is_ignored(stage: Stage, text: str) -> None:
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    shown = stage.channel.history()[-1]
    await stage.ben.send(stage.channel, text or "\N{WAVING HAND SIGN}", reply_to=shown)
    assert len(stage.channel.history()) == 2


async def test_a_reply_that_names_the_bot_is_answered(stage: Stage) -> None:
    asked = await stage.ben.send(stage.channel, "who has an idea?")
    await stage.ana.send(stage.channel, filled(stage, "{bot} 40 woman healing"), reply_to=asked)
    assert stage.channel.history()[-1].embeds


@pytest.mark.parametrize(
    "text", ["{bot} 40 woman healing", "{role} 40 woman healing", "40 woman healing {bot}"]
)
async def test_bots_and_webhooks_are_not_answered(stage: Stage, text: str) -> None:
    robot = stage.env.guild.add_member(stage.env.create_user("robot", bot=True))
    await robot.send(stage.channel, filled(stage, text))
    webhook = stage.env.guild.create_webhook(stage.channel)
    await webhook.send(filled(stage, text))
    assert len(stage.channel.history()) == 2


async def test_an_edit_that_adds_the_mention_is_not_answered(stage: Stage) -> None:
    sent = await stage.ana.send(stage.channel, "40 woman healing")
    await stage.ana.edit(sent, filled(stage, "{bot} 40 woman healing"))
    assert len(stage.channel.history()) == 1


@pytest.mark.parametrize("text", ["hey {bot} 40 woman healing", "40 woman healing {bot}"])
async def test_mentions_in_direct_messages_stand_anywhere(stage: Stage, text: str) -> None:
    await stage.ana.send_dm(filled(stage, text))
    assert stage.ana.user.dm_channel.history()[-1].embeds[0].title == "40-year-old woman, healing"
