"""Reports that are taken back, and made again."""

from datetime import UTC, datetime

import discord
import pytest

from bot.app import App
from tests.conftest import Stage
from tests.support.admin_channel import AdminChannel
from tests.support.reports import description, hero, notifications, report, young_account


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


async def test_a_report_that_is_made_again_renews_its_notice_and_tells_nobody_anew(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    message = await hero(stage)
    for number in range(3):
        thanked = await report(stage.ben, message, reason="insult", words=f"Words {number}")
        (notice,) = await notifications(stage, admins)
        assert "It insults or threatens somebody" in notice.content
        assert f"A report says: “Words {number}”" in notice.content
        await stage.ben.click(thanked.followups[0], label="Take it back")
    await stage.olga.click(notice, label="Keep")  # too late: its buttons go
    (notice,) = await notifications(stage, admins)
    assert notice.content.endswith("There is nothing to decide: no report of this text is left.")

    await report(stage.ben, message, words="Again")

    (renewed,) = await notifications(stage, admins)
    assert renewed.id == notice.id
    assert "A report says: “Again”" in renewed.content
    await stage.olga.click(renewed, label="Remove")
    assert (await description(app)).removed_at is not None


async def test_a_report_that_is_taken_back_and_made_again_before_it_is_told_is_told_once(
    stage: Stage, admins: AdminChannel
) -> None:
    message = await hero(stage)
    for _ in range(3):
        thanked = await report(stage.ben, message)
        await stage.ben.click(thanked.followups[0], label="Take it back")
    await report(stage.ben, message)
    assert len(await notifications(stage, admins)) == 1


async def test_a_report_that_renews_and_is_taken_back_at_once_renews_again(
    stage: Stage, admins: AdminChannel
) -> None:
    message = await hero(stage)
    for _ in range(3):
        thanked = await report(stage.ben, message)
        assert len(await notifications(stage, admins)) == 1
        await stage.ben.click(thanked.followups[0], label="Take it back")
        thanked = await report(stage.ben, message)
        await stage.ben.click(thanked.followups[0], label="Take it back")
    assert len(await notifications(stage, admins)) == 1


async def test_a_notice_whose_message_was_deleted_is_sent_anew(stage: Stage, admins: AdminChannel) -> None:
    message = await hero(stage)
    thanked = await report(stage.ben, message)
    (notice,) = await notifications(stage, admins)
    await stage.ben.click(thanked.followups[0], label="Take it back")
    await stage.olga.delete(notice)

    await report(stage.ben, message)

    (anew,) = await notifications(stage, admins)
    assert anew.id != notice.id


async def test_what_was_decided_is_not_renewed(stage: Stage, admins: AdminChannel) -> None:
    """The message shows the operator's decision: another report needs another one."""
    message = await hero(stage)
    thanked = await report(stage.ben, message)
    await notifications(stage, admins)
    await stage.ben.click(thanked.followups[0], label="Take it back")
    await report(stage.ana, message)
    *_, last = await notifications(stage, admins)
    await stage.olga.click(last, label="Keep")
    before = [each.content for each in await notifications(stage, admins)]

    await report(stage.ben, message)

    after = await notifications(stage, admins)
    assert [each.content for each in after[: len(before)]] == before
    assert len(after) == len(before) + 1


@pytest.mark.settings(daily_reports=2)
async def test_what_was_taken_back_counts_among_the_reports_of_a_day(stage: Stage) -> None:
    messages = [await hero(stage) for _ in range(3)]
    for message in messages[:2]:
        thanked = await report(stage.ben, message)
        await stage.ben.click(thanked.followups[0], label="Take it back")

    refused = await stage.ben.click(messages[2], label="Report")
    assert refused.response is not None
    assert refused.response.content.startswith("You have used up your reports for today (2)")

    again = await report(stage.ben, messages[0])  # it is counted already
    assert again.followups[0].content.startswith("Thank you")
