"""Reports, and operators' verdicts on them: the real bot in a simulated Discord."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import discord
import pytest
import simcord
from sqlalchemy import select, update

from bot.app import App
from bot.client import HeroBot
from bot.errors import UserError
from bot.i18n.message import LocalizedMessage
from bot.settings import Settings
from bot.store import content_reports, descriptions
from bot.store import notifications as store
from bot.store.descriptions import Description
from bot.store.notifications import NotificationAction
from bot.store.schema import notice as notice_table
from bot.store.schema import report as report_table
from tests.conftest import Stage
from tests.support.admin_channel import AdminChannel, admin_channel
from tests.support.duels import two_models
from tests.support.scripted_server import Script
from tests.support.streaming import labels


@pytest.fixture
async def admins(stage: Stage, settings: Settings) -> AsyncIterator[AdminChannel]:
    async with admin_channel(stage, settings) as opened:
        yield opened


def young_account() -> int:
    """Return the id of a new account, whose reports do not count."""
    return discord.utils.time_snowflake(datetime.now(UTC) - timedelta(days=1))


async def hero(stage: Stage, typed: str = "40 woman healing") -> discord.Message:
    await stage.ana.slash(stage.channel, "hero", hero=typed)
    message = stage.channel.last_message
    assert message is not None
    return message


async def description(app: App) -> Description:
    async with app.db.read() as tx:
        found = await descriptions.get(tx, 1)
    assert found is not None
    return found


def shown(stage: Stage) -> discord.Message:
    message = stage.channel.last_message
    assert message is not None
    return message


async def report(
    member: simcord.MemberActor,
    message: discord.Message,
    label: str = "Report",
    reason: str = "other",
    words: str = "",
) -> simcord.InteractionResult:
    """Click a report button and submit the form that asks once."""
    form = await member.click(message, label=label)
    assert form.modal is not None
    return await member.submit_modal(form, {"reason": [reason], "words": words})


async def notifications(stage: Stage, admins: AdminChannel) -> list[discord.Message]:
    """Return the messages in the admin channel, after all pending ones are sent."""
    await stage.env.advance_time(11)
    return admins.channel.history()


async def test_first_report_is_notified_and_enough_reports_hide(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    message = await hero(stage)

    thanked = await report(stage.ben, message)
    assert thanked.followups[0].ephemeral
    (notification,) = await notifications(stage, admins)
    assert f"`40 woman healing`: Something else.\n> {(await description(app)).text}\n" in notification.content
    assert shown(stage).embeds
    again = await stage.ben.click(message, label="Report")
    assert again.response is not None
    assert "already" in again.response.content
    assert (await description(app)).removed_at is None

    await report(stage.olga, message)

    assert shown(stage).content == "This description is hidden: people have reported it."
    assert (shown(stage).embeds, shown(stage).components) == ([], [])
    assert (await description(app)).removed_at is not None
    assert len(await notifications(stage, admins)) == 1


async def test_keep_shows_the_text_again_and_resets_the_reports(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    message = await hero(stage)
    for member in (stage.ben, stage.olga):
        await report(member, message)
    (notification,) = await notifications(stage, admins)
    await stage.env.restart_bot(HeroBot(admins.app))

    await stage.olga.click(notification, label="Keep")

    assert (await description(app)).removed_at is None
    assert shown(stage).embeds[0].description == (await description(app)).text
    verdict = (await notifications(stage, admins))[-1]
    assert "Kept, by" in verdict.content
    assert not verdict.components

    await report(stage.ana, shown(stage))
    assert len(await notifications(stage, admins)) == 2
    assert shown(stage).embeds


async def test_remove_is_for_operators_and_final(stage: Stage, app: App, admins: AdminChannel) -> None:
    message = await hero(stage)
    await report(stage.ben, message)
    (notification,) = await notifications(stage, admins)

    refused = await stage.ben.click(notification, label="Remove")
    assert refused.response is not None
    assert "operators" in refused.response.content
    assert shown(stage).embeds

    await stage.olga.click(notification, label="Remove")
    assert shown(stage).embeds == []
    assert shown(stage).content == "Operators have removed this description."
    removed = await description(app)
    assert removed.removed_at is not None
    (notification,) = await notifications(stage, admins)
    assert removed.text not in notification.content
    assert "Removed, by" in notification.content


async def test_a_text_that_reports_have_hidden_is_shown_as_removed_by_the_operators_decision(
    stage: Stage, admins: AdminChannel
) -> None:
    message = await hero(stage)
    for member in (stage.ben, stage.olga):
        await report(member, message)
    assert shown(stage).content == "This description is hidden: people have reported it."
    (notification,) = await notifications(stage, admins)

    await stage.olga.click(notification, label="Remove")

    assert shown(stage).content == "Operators have removed this description."


async def test_reports_of_young_accounts_hide_nothing_and_are_notified_once(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    await hero(stage)
    young = discord.utils.time_snowflake(datetime.now(UTC) - timedelta(days=6))

    for number in range(4):
        assert (await app.content_reports.report(1, young + number)).hidden is None
    assert (await description(app)).removed_at is None
    (notification,) = await notifications(stage, admins)
    await stage.olga.click(notification, label="Keep")

    assert (await app.content_reports.report(1, young + 9)).hidden is None
    assert len(await notifications(stage, admins)) == 1
    for member in (stage.ben, stage.olga):
        await report(member, shown(stage))
    assert (await description(app)).removed_at is not None
    assert len(await notifications(stage, admins)) == 2


@pytest.mark.settings(reports_to_hide=1)
async def test_reporter_whose_reports_were_mostly_dismissed_hides_nothing(stage: Stage, app: App) -> None:
    for _ in range(8):
        await hero(stage)
    wolf, honest = stage.ben.id, stage.olga.id
    for number in (1, 2, 3):
        assert (
            await app.content_reports.report(number, wolf)
        ).hidden  # two dismissed reports are too few to judge by
        assert (await app.content_reports.report(number + 3, honest)).hidden
        await app.content_reports.keep(number)
    await app.content_reports.keep(4)

    assert (await app.content_reports.report(7, wolf)).hidden is None
    assert (await app.content_reports.report(7, honest)).hidden  # one dismissed, two not
    await app.content_reports.remove(7)
    assert (await app.content_reports.report(8, wolf)).hidden is None


@pytest.mark.settings(daily_reports=2)
async def test_reports_of_a_person_are_limited_per_day(stage: Stage, app: App) -> None:
    for _ in range(3):
        await hero(stage)
    for number in (1, 2):
        await app.content_reports.report(number, stage.ben.id)

    refused = await stage.ben.click(shown(stage), label="Report")

    assert refused.response is not None
    assert refused.response.content.startswith("You have used up your reports for today (2)")
    async with app.db.write() as tx:
        await tx.execute(update(report_table).values(at=report_table.c.at - 86_400))
    thanked = await report(stage.ben, shown(stage))
    assert thanked.followups[-1].content.startswith("Thank you")


@pytest.mark.settings(reports_to_hide=1)
async def test_one_report_hides_if_set(stage: Stage) -> None:
    await report(stage.ben, await hero(stage))
    assert shown(stage).embeds == []


HIDDEN = "*This text is hidden: people have reported it.*"


def texts(message: discord.Message) -> list[str]:
    return [(embed.description or "").partition("\n")[2] for embed in message.embeds]


async def duel(stage: Stage, app: App) -> discord.Message:
    await two_models(app)
    await stage.ana.slash(stage.channel, "duel", hero="40 woman healing")
    return shown(stage)


async def test_reported_text_of_a_duel_is_hidden_until_it_is_kept(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    message = await duel(stage, app)
    a, b = texts(message)

    await report(stage.ben, message, "Report B")
    assert texts(shown(stage)) == [a, b]
    (notification,) = await notifications(stage, admins)
    assert b in notification.content
    assert "ft:tiny" not in notification.content
    await report(stage.olga, message, "Report B")

    hidden = shown(stage)
    assert texts(hidden) == [a, HIDDEN]
    assert labels(hidden) == ["Report A"]
    assert "you cannot vote on it now" in (hidden.embeds[1].footer.text or "")
    with pytest.raises(UserError, match="is hidden now"):  # a click on the buttons that were shown before
        await app.duels.vote(1, stage.ben.id, "a")

    await stage.env.restart_bot(HeroBot(admins.app))
    await stage.olga.click(notification, label="Keep")
    assert texts(shown(stage)) == [a, b]
    assert labels(shown(stage)) == ["A", "B", "Tie", "Report A", "Report B"]
    vote = await stage.ben.click(shown(stage), label="A")
    assert vote.response is not None
    assert "You chose A" in vote.response.content


async def test_removed_text_stays_hidden_in_its_duel(stage: Stage, app: App, admins: AdminChannel) -> None:
    message = await duel(stage, app)
    _, b = texts(message)
    await report(stage.ben, message, "Report A")
    (notification,) = await notifications(stage, admins)

    await stage.olga.click(notification, label="Remove")

    assert texts(shown(stage)) == ["*Operators have removed this text.*", b]
    assert labels(shown(stage)) == ["Report B"]


async def test_deleted_duel_cannot_be_voted_on_or_reported(stage: Stage, app: App) -> None:
    message = await duel(stage, app)
    await app.privacy.delete(stage.ana.id)

    reported = await stage.ben.click(message, label="Report A")
    assert reported.response is not None
    assert "hidden already" in reported.response.content
    voted = await stage.ben.click(message, label="A")
    assert "is hidden now" in stage.ephemeral_reply(voted)
    assert (await app.duels.get(1)).channel_id is None


@pytest.mark.settings(reports_to_hide=1)
@pytest.mark.parametrize(("command", "button"), [("hero", "Report"), ("duel", "Report A")])
async def test_user_installed_bot_hides_by_the_click_and_cannot_show_again(
    stage: Stage, app: App, admins: AdminChannel, command: str, button: str
) -> None:
    await two_models(app)
    await stage.ana.slash(stage.channel, command, hero="40 woman healing")
    message = shown(stage)
    stage.env.inject_error("PATCH", "/channels/*/messages/*", status=403, code=50001, times=None)

    await report(stage.ben, message, button)
    assert "hidden" in shown(stage).content + str([embed.to_dict() for embed in shown(stage).embeds])

    (notification,) = await notifications(stage, admins)
    await stage.olga.click(notification, label="Keep")
    verdict = (await notifications(stage, admins))[-1]
    assert "Kept, by" in verdict.content
    assert "Its message in Discord stays as it is: I may not change it there." in verdict.content


@pytest.mark.usefixtures("admins")
async def test_a_report_acts_only_when_the_form_is_submitted(stage: Stage, app: App) -> None:
    form = await stage.ben.click(await hero(stage), label="Report")
    assert form.modal is not None
    assert form.modal["title"] == "Report this text?"
    assert "Once 2 people have reported it" in str(form.modal)
    assert await app.notifications.pending() == []


@pytest.mark.parametrize("sent", [True, False])
async def test_a_report_is_taken_back(stage: Stage, app: App, admins: AdminChannel, sent: bool) -> None:
    thanked = await report(stage.ben, await hero(stage))
    if sent:
        assert len(await notifications(stage, admins)) == 1

    taken = await stage.ben.click(thanked.followups[0], label="Take it back")

    assert taken.followups == []
    assert len(await notifications(stage, admins)) == int(sent)
    assert (
        await app.content_reports.report(1, stage.olga.id)
    ).hidden is None  # hers is the first that counts
    assert (await app.content_reports.report(1, stage.ben.id)).hidden


async def test_a_report_of_two_leaves_the_notification_of_the_other(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    message = await hero(stage)
    young = discord.utils.time_snowflake(datetime.now(UTC))
    await app.content_reports.report(1, young)
    thanked = await report(stage.ben, message)
    await stage.ben.click(thanked.followups[0], label="Take it back")
    assert len(await notifications(stage, admins)) == 1


@pytest.mark.parametrize("decision", ["keep", "remove"])
async def test_a_report_that_was_decided_cannot_be_taken_back(stage: Stage, app: App, decision: str) -> None:
    thanked = await report(stage.ben, await hero(stage))
    await getattr(app.content_reports, decision)(1)
    refused = await stage.ben.click(thanked.followups[0], label="Take it back")
    assert "decide" in refused.followups[0].content


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


async def public_notice(stage: Stage) -> discord.Message:
    """Let ben report ana's hero while there is no admin channel, and return the notice in the channel."""
    await stage.build()
    await stage.env.advance_time(3)  # the message of the build
    await report(stage.ben, await hero(stage))
    await stage.env.advance_time(11)
    return next(message for message in stage.channel.history() if "Somebody reported" in message.content)


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


async def test_what_people_write_of_their_own_reaches_the_operators_and_nobody_is_mentioned(
    stage: Stage, admins: AdminChannel
) -> None:
    message = await hero(stage)
    await report(stage.ben, message)
    await report(stage.olga, message, words="It names\nmy **boss** @everyone <@1>")
    first, second = await notifications(stage, admins)
    assert "A report says" not in first.content
    assert r"A report says: “It names my \*\*boss\*\* @everyone \<@1>”" in second.content
    assert labels(second) == ["Remove", "Keep"]
    assert not second.mention_everyone
    assert second.mentions == []


async def test_own_words_stand_in_no_public_notice(stage: Stage, app: App) -> None:
    await stage.build()
    await stage.env.advance_time(3)  # the message of the build
    await report(stage.ben, await hero(stage), words="It is about Ana")
    await stage.env.advance_time(11)
    notice = next(each for each in stage.channel.history() if "Somebody reported" in each.content)
    assert "`40 woman healing`: Something else.\n" in notice.content
    shown_text = stage.ephemeral_reply(await stage.olga.click(notice, label="Show the text"))
    assert shown_text == f"> {(await description(app)).text}\nA report says: “It is about Ana”"


async def stored_texts(app: App) -> str:
    async with app.db.read() as tx:
        found = [await tx.execute(select(table)) for table in (notice_table, report_table)]
        return str([each.all() for each in found])


@pytest.mark.parametrize("way", ["withdrawn", "deleted"])
@pytest.mark.parametrize("sent", [True, False])
async def test_own_words_are_stored_as_long_as_the_report(
    stage: Stage, app: App, admins: AdminChannel, way: str, sent: bool
) -> None:
    message = await hero(stage)
    thanked = await report(stage.ben, message, words="It is about Ana")
    await app.content_reports.report(1, young_account(), words="It is rude")
    if sent:
        assert len(await notifications(stage, admins)) == 2
    assert await app.content_reports.words(1) == ["It is about Ana", "It is rude"]

    if way == "withdrawn":
        await stage.ben.click(thanked.followups[0], label="Take it back")
    else:
        await app.privacy.delete(stage.ben.id)

    assert "It is about Ana" not in await stored_texts(app)
    assert await app.content_reports.words(1) == ["It is rude"]
    shown_to_operators = "".join(each.content for each in await notifications(stage, admins))
    assert ("It is about Ana" in shown_to_operators) is sent
    assert "It is rude" in shown_to_operators


async def test_own_words_are_exported(stage: Stage, app: App) -> None:
    await report(stage.ben, await hero(stage), words="It is about **Ana**")
    assert '"words": "It is about **Ana**"' in (await app.privacy.export(stage.ben.id)).decode()


async def test_own_words_about_a_text_are_deleted_with_the_text(stage: Stage, app: App) -> None:
    await report(stage.ben, await hero(stage), words="It is about Ana")
    await app.privacy.delete(stage.ana.id)
    assert "It is about Ana" not in await stored_texts(app)


async def test_each_report_with_own_words_is_notified_also_after_one_was_taken_back(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    message = await hero(stage)
    await app.content_reports.report(1, young_account())
    thanked = await report(stage.ben, message, words="First")
    await notifications(stage, admins)
    await stage.ben.click(thanked.followups[0], label="Take it back")

    await report(stage.olga, message, words="Second")

    *_, last = await notifications(stage, admins)
    assert "A report says: “Second”" in last.content


async def test_after_a_keep_a_report_that_does_not_count_is_promised_nothing_and_told_with_the_next(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    message = await hero(stage)
    await report(stage.ben, message)
    await app.content_reports.keep(1)
    numbers = (2, 3, 4)
    for _ in numbers:
        await hero(stage)
    async with app.db.write() as tx:  # mostly dismissed: her next reports do not count
        for number in numbers:
            await content_reports.add(
                tx, number, app.pseudonyms.of(stage.olga.id), counts=True, words="", notice_id=None, at=0
            )
            await content_reports.dismiss(tx, number)

    thanked = await report(stage.olga, message, words="It is rude")
    told = thanked.followups[0].content
    assert told.startswith("Thank you: your report is noted. The operators have kept this text")
    assert await admins.app.notifications.pending() == []

    await report(stage.ana, message)
    *_, last = await notifications(stage, admins)
    assert "A report says: “It is rude”" in last.content


@pytest.mark.parametrize("way", ["withdrawn", "deleted"])
@pytest.mark.parametrize("decision", ["keep", "remove"])
async def test_a_text_that_is_hidden_can_be_decided_whatever_was_before(
    stage: Stage, app: App, admins: AdminChannel, way: str, decision: str
) -> None:
    message = await hero(stage)
    thanked = await report(stage.ben, message)
    (first,) = await notifications(stage, admins)
    if way == "withdrawn":
        await stage.ben.click(thanked.followups[0], label="Take it back")
    else:
        await app.privacy.delete(stage.ben.id)
    late = await stage.olga.click(first, label="Keep")
    assert late.followups[-1].content == "There is nothing to decide: no report of this text is left."

    for member in (stage.ben, stage.olga):
        await report(member, message)

    assert (await description(app)).removed_at is not None
    assert labels((await notifications(stage, admins))[-1]) == ["Remove", "Keep"]
    for member in (stage.ben, stage.olga):  # the text stays hidden, and waits for the operators
        await app.privacy.delete(member.id)
    decided = await getattr(app.content_reports, decision)(1)
    assert (decided.removed_at is None) is (decision == "keep")


async def say_much(app: App) -> None:
    """Report a text twelve times by new accounts, with as many words as the form takes."""
    for number in range(12):
        words = f"{number:02} {'*' * 290} end"
        await app.content_reports.report(1, young_account() + number, words=words)


async def test_what_many_reports_say_is_shown_whole(stage: Stage, app: App) -> None:
    notice = await public_notice(stage)
    await say_much(app)

    clicked = await stage.olga.click(notice, label="Show the text")

    pages = [stage.ephemeral_reply(clicked), *(each.content for each in clicked.followups if each.ephemeral)]
    said = "\n".join(pages)
    assert [f"“{number:02} " in said for number in range(12)] == [True] * 12
    assert said.count("end”") == 12
    assert len(pages) == len(clicked.followups) + 1
    assert all(len(each) <= 2000 for each in pages)


async def test_a_notice_of_more_words_than_fit_says_how_many_reports_are_left_out(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    message = await hero(stage)
    await report(stage.ben, message)
    await app.content_reports.keep(1)
    await say_much(app)

    await report(stage.olga, message)

    *_, notice = await notifications(stage, admins)
    quoted = notice.content.count("end”\n")
    assert quoted == notice.content.count("A report says: “")
    assert f"end”\n… and {12 - quoted} more reports\nRemove hides it" in notice.content
    assert labels(notice) == ["Show the text", "Remove", "Keep"]


async def test_what_replaces_the_buttons_of_a_notice_is_in_its_language(
    stage: Stage, admins: AdminChannel
) -> None:
    await stage.olga.slash(stage.channel, "settings language", language="German")
    message = await hero(stage)
    form = await stage.ben.click(message, custom_id="hero:report:1")
    await stage.ben.submit_modal(form, {"reason": ["other"], "words": ""})
    (notice,) = await notifications(stage, admins)
    await admins.app.content_reports.keep(1)
    await stage.olga.slash(stage.channel, "settings language", language="English")

    late = await stage.olga.click(notice, label="Behalten")

    assert late.followups[-1].content == "An operator has decided already: the text was kept."
    (notice,) = await notifications(stage, admins)
    assert notice.content.endswith("Es hat schon jemand entschieden: Der Text wurde behalten.")


async def test_a_removed_text_of_a_duel_stays_told_as_removed(stage: Stage, app: App) -> None:
    message = await duel(stage, app)
    for member in (stage.ben, stage.olga):
        await report(member, message, "Report A")
    await app.content_reports.remove(1)
    for member in (stage.ben, stage.olga):
        await report(member, message, "Report B")
    assert texts(shown(stage)) == ["*Operators have removed this text.*", HIDDEN]


@pytest.mark.parametrize(("decision", "said"), [("Keep", "kept"), ("Remove", "removed")])
async def test_a_notice_of_what_is_decided_already_says_so_and_loses_its_buttons(
    stage: Stage, app: App, admins: AdminChannel, decision: str, said: str
) -> None:
    message = await hero(stage)
    await report(stage.ben, message)
    await report(stage.olga, message, words="It is rude")
    first, second = await notifications(stage, admins)
    await stage.olga.click(first, label=decision)

    late = await stage.olga.click(second, label="Remove" if decision == "Keep" else "Keep")

    told = f"An operator has decided already: the text was {said}."
    assert late.followups[-1].content == told
    first, second = await notifications(stage, admins)
    assert second.content.endswith(f"\n{told}")
    assert not second.components
    assert "decided already" not in first.content
    assert ((await description(app)).removed_at is None) is (decision == "Keep")


async def test_a_report_after_a_decision_can_be_decided_anew(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    message = await hero(stage)
    await report(stage.ben, message)
    (notice,) = await notifications(stage, admins)
    await stage.olga.click(notice, label="Keep")
    await report(stage.ana, shown(stage))
    await stage.olga.click((await notifications(stage, admins))[-1], label="Remove")
    assert (await description(app)).removed_at is not None


async def test_a_notice_of_a_deleted_text_loses_its_buttons(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    await report(stage.ben, await hero(stage))
    (notice,) = await notifications(stage, admins)
    await app.privacy.delete(stage.ana.id)
    await stage.olga.click(notice, label="Keep")
    (notice,) = await notifications(stage, admins)
    assert notice.content.endswith("The person who asked for it had it deleted.")
    assert not notice.components
