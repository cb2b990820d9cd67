"""Notices of reports: what they quote, in which channel."""

import pytest

from bot.app import App
from bot.i18n.message import LocalizedMessage
from bot.store import notifications as store
from bot.store.notifications import NotificationAction
from tests.conftest import Stage
from tests.support.admin_channel import AdminChannel
from tests.support.duels import two_models
from tests.support.reports import description, hero, notifications, public_notice, report
from tests.support.scripted_server import Script
from tests.support.streaming import labels


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("sings\nand sleeps.", "sings and sleeps."),
        ("is **loud** and ```bold```.", r"is \*\*loud\*\* and \`\`\`bold\`\`\`."),
        ("calls <@1> by [a](https://b.example).", r"calls \<@1> by \[a](https\://b.example)."),
    ],
)
async def test_a_reported_text_is_quoted_on_one_line_and_taken_out_when_removed(
    stage: Stage, admins: AdminChannel, script: Script, text: str, quoted: str
) -> None:
    script.texts = [f" {text}"]
    await report(stage.ben, await hero(stage))
    (notification,) = await notifications(stage, admins)
    (quote,) = [line for line in notification.content.split("\n") if line.startswith("> ")]
    assert quoted in quote

    await stage.olga.click(notification, label="Remove")

    (notification,) = await notifications(stage, admins)
    assert "> …\nRemove hides it for good" in notification.content


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ("64 man read in the thoughts", "64 man reading thoughts"),
        ("30 person teleport", "30 person teleportation"),
        ("18 woman flying", "18 woman flight"),
    ],
)
async def test_a_report_names_the_hero_in_plain_english(
    stage: Stage, admins: AdminChannel, typed: str, named: str
) -> None:
    await report(stage.ben, await hero(stage, typed))
    (notification,) = await notifications(stage, admins)
    assert f"wrote for `{named}`:" in notification.content


async def test_a_report_names_the_model_by_its_number(stage: Stage, app: App, admins: AdminChannel) -> None:
    await two_models(app)
    await report(stage.ben, await hero(stage))
    (notification,) = await notifications(stage, admins)
    assert "what model 1 wrote for" in notification.content
    assert "ft:tiny" not in notification.content


async def test_a_notice_that_everybody_reads_links_to_the_text_and_shows_it_to_operators_alone(
    stage: Stage, app: App
) -> None:
    notice = await public_notice(stage)
    found = await description(app)

    assert found.text not in notice.content
    link = f"https://discord.com/channels/{found.guild_id}/{found.channel_id}/{found.message_id}"
    assert f"[Look at its message]({link})" in notice.content
    assert labels(notice) == ["Show the text", "Remove", "Keep"]

    refused = await stage.ben.click(notice, label="Show the text")
    assert "operators" in stage.ephemeral_reply(refused)
    quoted = await stage.olga.click(notice, label="Show the text")
    assert stage.ephemeral_reply(quoted) == f"> {found.text}"


@pytest.mark.parametrize("decision", ["Keep", "Remove"])
async def test_a_notice_of_an_older_version_quotes_nothing_in_public_after_the_decision(
    stage: Stage, app: App, decision: str
) -> None:
    notice = await public_notice(stage)
    text = (await description(app)).text
    stage.env.backend.edit_message(
        stage.channel.id, notice.id, {"content": f"🚩 Reported.\n> {text}\nRemove?"}
    )

    await stage.olga.click(notice, label=decision)

    contents = [message.content for message in stage.channel.history()]
    assert any("Reported." in content and "by <@" in content for content in contents)
    assert text not in "".join(contents)


async def test_a_stored_notice_of_an_older_version_is_sent_without_its_quote(stage: Stage, app: App) -> None:
    await stage.build()
    await hero(stage)
    text = (await description(app)).text
    old = LocalizedMessage("🚩 Somebody reported it.\n> {text}\nRemove hides it for good.", text=text)
    async with app.db.write() as tx:
        await store.add(tx, "old", old, at=0, action=NotificationAction("removal", 1))

    await stage.env.advance_time(11)

    (notice,) = [message for message in stage.channel.history() if "Somebody reported" in message.content]
    assert text not in notice.content
    assert notice.content.count("Remove hides it for good") == 1
