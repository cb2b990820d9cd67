"""Reports: what they tell the operators, which count, and how many one person may make."""

from datetime import UTC, datetime, timedelta

import discord
import pytest
from sqlalchemy import update

from bot.app import App
from bot.store import content_reports
from bot.store.schema import report as report_table
from tests.conftest import Stage
from tests.support.admin_channel import AdminChannel
from tests.support.duels import two_models
from tests.support.reports import description, hero, notifications, public_notice, report, shown
from tests.support.streaming import labels


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
    first, second = await notifications(stage, admins)
    assert "It is hidden now" not in first.content
    assert (
        "\n**It is hidden now**, because enough people have reported it. Keep shows it again"
        in second.content
    )
    assert f"\n> {(await description(app)).text}\n" in second.content
    assert labels(second) == ["Remove", "Keep"]


async def test_a_text_that_is_hidden_before_its_first_notice_is_sent_is_told_of_once(
    stage: Stage, admins: AdminChannel
) -> None:
    message = await hero(stage)
    for member in (stage.ben, stage.olga):
        await report(member, message)
    (notification,) = await notifications(stage, admins)
    assert "It is hidden now" in notification.content


async def test_a_public_notice_says_that_the_text_is_hidden(stage: Stage, app: App) -> None:
    await public_notice(stage)
    (hero_message,) = [each for each in stage.channel.history() if "Report" in labels(each)]
    await report(stage.olga, hero_message)
    await stage.env.advance_time(11)
    *_, second = [each for each in stage.channel.history() if "Somebody reported" in each.content]
    assert "**It is hidden now**" in second.content
    assert (await description(app)).text not in second.content


@pytest.mark.usefixtures("admins")
async def test_a_report_acts_only_when_the_form_is_submitted(stage: Stage, app: App) -> None:
    form = await stage.ben.click(await hero(stage), label="Report")
    assert form.modal is not None
    assert form.modal["title"] == "Report this text?"
    assert "Once 2 people have reported it" in str(form.modal)
    assert await app.notifications.pending() == []


@pytest.mark.settings(reports_to_hide=1)
async def test_one_report_hides_if_set(stage: Stage) -> None:
    await report(stage.ben, await hero(stage))
    assert shown(stage).embeds == []


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
                tx,
                number,
                app.pseudonyms.of(stage.olga.id),
                counts=True,
                words="",
                worded=False,
                notice_id=None,
                at=0,
            )
            await content_reports.dismiss(tx, number)

    thanked = await report(stage.olga, message, words="It is rude")
    told = thanked.followups[0].content
    assert told.startswith("Thank you: your report is noted. The operators have kept this text")
    assert await admins.app.notifications.pending() == []

    await report(stage.ana, message)
    *_, last = await notifications(stage, admins)
    assert "A report says: “It is rude”" in last.content


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
