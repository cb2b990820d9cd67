"""What reporters write of their own: who reads it, and how long it is kept."""

import pytest
from sqlalchemy import select

from bot.app import App
from bot.store.schema import notice as notice_table
from bot.store.schema import report as report_table
from tests.conftest import Stage
from tests.support.admin_channel import AdminChannel
from tests.support.reports import description, hero, notifications, public_notice, report, young_account
from tests.support.streaming import labels


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
