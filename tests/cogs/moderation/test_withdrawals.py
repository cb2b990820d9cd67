"""Reports that are taken back, and made again."""

from datetime import UTC, datetime

import discord
import pytest

from bot.app import App
from bot.i18n.message import LocalizedMessage
from tests.conftest import Stage
from tests.support.admin_channel import AdminChannel
from tests.support.reports import description, hero, notifications, report, young_account

INSULTS = LocalizedMessage("It insults or threatens somebody")


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


async def test_operators_are_told_of_a_text_that_is_hidden_while_a_notice_waits_to_be_renewed(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    message = await hero(stage)
    thanked = await report(stage.ben, message)
    assert len(await notifications(stage, admins)) == 1
    await stage.ben.click(thanked.followups[0], label="Take it back")
    await report(stage.ben, message)

    await report(stage.olga, message)

    assert (await description(app)).removed_at is not None
    old, new = await notifications(stage, admins)
    assert "**It is hidden now**" in old.content
    assert "**It is hidden now**" in new.content


@pytest.mark.parametrize("words", ["", "Of the other"])
async def test_a_report_made_again_leaves_what_a_notice_tells_of_another_person(
    stage: Stage, app: App, admins: AdminChannel, words: str
) -> None:
    message = await hero(stage)
    await app.content_reports.report(1, young_account(), INSULTS, words=words)
    thanked = await report(stage.ben, message, reason="other")
    (first,) = await notifications(stage, admins)
    await stage.ben.click(thanked.followups[0], label="Take it back")

    await report(stage.ben, message, reason="unsuitable", words="Of Ben")

    old, new = await notifications(stage, admins)
    assert old.content == first.content
    assert "It insults or threatens somebody" in old.content
    assert "A report says: “Of Ben”" in new.content


async def test_a_report_made_again_leaves_its_notice_to_a_person_who_has_reported_since(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    message = await hero(stage)
    thanked = await report(stage.ben, message, reason="insult", words="First")
    await app.content_reports.report(1, young_account())
    (first,) = await notifications(stage, admins)
    await stage.ben.click(thanked.followups[0], label="Take it back")

    await report(stage.ben, message, reason="unsuitable", words="Second")

    old, new = await notifications(stage, admins)
    assert old.content == first.content
    assert "A report says: “Second”" in new.content


async def test_a_report_made_again_with_its_first_words_is_told_anew(
    stage: Stage, admins: AdminChannel
) -> None:
    message = await hero(stage)
    thanked = await report(stage.ben, message)
    assert len(await notifications(stage, admins)) == 1
    await stage.ben.click(thanked.followups[0], label="Take it back")

    thanked = await report(stage.ben, message, words="It threatens my sister")

    _, told = await notifications(stage, admins)
    assert "A report says: “It threatens my sister”" in told.content
    for words in ("", "It threatens her by name", ""):  # that there are words is known from now on
        await stage.ben.click(thanked.followups[0], label="Take it back")
        thanked = await report(stage.ben, message, words=words)
        _, renewed = await notifications(stage, admins)
        assert renewed.id == told.id
        assert ("A report says: “It threatens her by name”" in renewed.content) == bool(words)
        assert "my sister" not in renewed.content


async def test_a_report_without_words_renews_its_own_notice_beside_that_of_another_person(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    message = await hero(stage)
    await app.content_reports.report(1, young_account(), INSULTS)
    for number in range(3):
        for words in (f"Words {number}", ""):
            thanked = await report(stage.ben, message, reason="unsuitable", words=words)
            first, second = await notifications(stage, admins)
            assert "It insults or threatens somebody" in first.content
            assert "It is cruel, or not fit for everyone" in second.content
            assert ("A report says:" in second.content) == bool(words)
            await stage.ben.click(thanked.followups[0], label="Take it back")


async def test_a_report_made_again_tells_anew_of_words_that_no_notice_told_of(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    """After a Keep, words in a report that does not count wait for the next report that does."""
    message = await hero(stage)
    await report(stage.olga, message)
    await app.content_reports.keep(1)
    thanked = await report(stage.ben, message)
    before = await notifications(stage, admins)
    await stage.ben.click(thanked.followups[0], label="Take it back")
    untold = await app.content_reports.report(1, young_account(), words="It names a neighbour")
    assert not untold.operators_learn

    await report(stage.ben, message)

    *earlier, last = await notifications(stage, admins)
    assert [each.id for each in earlier] == [each.id for each in before]
    assert "A report says: “It names a neighbour”" in last.content


@pytest.mark.parametrize("reason", [INSULTS, None])
async def test_a_report_made_again_while_its_notice_is_renewed_is_shown_next(
    stage: Stage, app: App, admins: AdminChannel, reason: LocalizedMessage | None
) -> None:
    await hero(stage)
    reports, ben = app.content_reports, stage.ben.id
    await reports.report(1, ben, words="First")
    assert len(await notifications(stage, admins)) == 1
    await reports.withdraw(1, ben)
    await reports.report(1, ben, words="Second")
    ((shown, _),) = await app.notifications.pending()  # what the message is edited with
    await reports.withdraw(1, ben)
    await reports.report(1, ben, reason, words="Third")

    await app.notifications.mark_sent(
        shown, message_channel_id=shown.message_channel_id, message_id=shown.message_id
    )

    (notice,) = await notifications(stage, admins)
    assert "A report says: “Third”" in notice.content
    assert await app.notifications.pending() == []


async def test_a_text_that_is_hidden_while_its_first_notice_is_sent_is_shown_as_hidden_next(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    await hero(stage)
    await app.content_reports.report(1, stage.ben.id)
    ((shown, _),) = await app.notifications.pending()
    sent = await stage.env.bot.get_partial_messageable(admins.channel.id).send("Somebody reported it.")
    await app.content_reports.report(1, stage.olga.id)

    await app.notifications.mark_sent(shown, message_channel_id=sent.channel.id, message_id=sent.id)

    (notice,) = await notifications(stage, admins)
    assert notice.id == sent.id
    assert "**It is hidden now**" in notice.content


async def test_a_notice_that_is_decided_while_it_is_sent_is_not_renewed_later(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    await hero(stage)
    reports, ben = app.content_reports, stage.ben.id
    await reports.report(1, ben)
    await notifications(stage, admins)
    await reports.withdraw(1, ben)
    await reports.report(1, ben)
    ((shown, _),) = await app.notifications.pending()
    await reports.report(1, young_account(), words="Of another one")
    await reports.withdraw(1, ben)
    await reports.keep(1)

    await app.notifications.mark_sent(shown, message_channel_id=admins.channel.id, message_id=1)
    await app.content_reports.report(1, stage.ben.id)

    ((new, _),) = await app.notifications.pending()
    assert new.key != shown.key
    assert new.message_id is None


async def test_a_notice_that_was_taken_back_while_it_was_sent_does_not_pass_for_the_next_one(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    await hero(stage)
    await app.content_reports.report(1, stage.ben.id)
    ((shown, _),) = await app.notifications.pending()
    await app.content_reports.withdraw(1, stage.ben.id)
    await app.content_reports.report(1, stage.ben.id)  # the notice may have the same number

    await app.notifications.mark_sent(shown, message_channel_id=admins.channel.id, message_id=1)

    assert len(await app.notifications.pending()) == 1
    assert len(await notifications(stage, admins)) == 1
