"""Reports, and what operators make of them: the real bot in a simulated Discord."""

from datetime import UTC, datetime, timedelta

import discord
import pytest
from sqlalchemy import update

from bot.app import App
from bot.client import HeroBot
from bot.errors import UserError
from bot.store import descriptions
from bot.store.descriptions import Description
from bot.store.schema import report
from tests.conftest import Stage
from tests.support.duels import two_models
from tests.support.streaming import labels


@pytest.fixture
async def office(stage: Stage, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel for the admins."""
    channel = stage.env.guild.create_text_channel("office")
    monkeypatch.setattr(app.notifications, "_admin_channel", channel.id)
    stage.office = channel  # type: ignore[attr-defined]


async def hero(stage: Stage) -> discord.Message:
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
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


async def notices(stage: Stage) -> list[discord.Message]:
    await stage.env.advance_time(11)
    history: list[discord.Message] = stage.office.history()  # type: ignore[attr-defined]
    return history


@pytest.mark.usefixtures("office")
async def test_the_first_report_is_told_and_enough_of_them_hide(stage: Stage, app: App) -> None:
    message = await hero(stage)

    thanked = await stage.ben.click(message, label="Report")
    assert thanked.followups[0].ephemeral
    (notice,) = await notices(stage)
    assert (await description(app)).text in notice.content
    assert shown(stage).embeds
    again = await stage.ben.click(message, label="Report")
    assert "already" in again.followups[0].content
    assert (await description(app)).removed_at is None

    await stage.olga.click(message, label="Report")

    assert shown(stage).content == "This description is hidden: people have reported it."
    assert (shown(stage).embeds, shown(stage).components) == ([], [])
    assert (await description(app)).removed_at is not None
    assert len(await notices(stage)) == 1


@pytest.mark.usefixtures("office")
async def test_keep_shows_it_again_and_reports_begin_anew(stage: Stage, app: App) -> None:
    message = await hero(stage)
    for someone in (stage.ben, stage.olga):
        await someone.click(message, label="Report")
    (notice,) = await notices(stage)
    await stage.env.restart_bot(HeroBot(app))

    await stage.olga.click(notice, label="Keep")

    assert (await description(app)).removed_at is None
    assert shown(stage).embeds[0].description == (await description(app)).text
    judged = (await notices(stage))[-1]
    assert "Kept, by" in judged.content
    assert not judged.components

    await stage.ana.click(shown(stage), label="Report")
    assert len(await notices(stage)) == 2
    assert shown(stage).embeds


@pytest.mark.usefixtures("office")
async def test_remove_is_for_operators_and_for_good(stage: Stage, app: App) -> None:
    message = await hero(stage)
    await stage.ben.click(message, label="Report")
    (notice,) = await notices(stage)

    refused = await stage.ben.click(notice, label="Remove")
    assert refused.response is not None
    assert "operators" in refused.response.content
    assert shown(stage).embeds

    await stage.olga.click(notice, label="Remove")
    assert shown(stage).embeds == []
    removed = await description(app)
    assert removed.removed_at is not None
    (notice,) = await notices(stage)
    assert removed.text not in notice.content
    assert "Removed, by" in notice.content


@pytest.mark.usefixtures("office")
async def test_young_accounts_hide_nothing_and_operators_hear_of_it_once(stage: Stage, app: App) -> None:
    await hero(stage)
    fresh = discord.utils.time_snowflake(datetime.now(UTC) - timedelta(days=6))  # simcord has older ones

    for number in range(4):
        assert await app.content_reports.report(1, fresh + number) is None
    assert (await description(app)).removed_at is None
    (notice,) = await notices(stage)
    await stage.olga.click(notice, label="Keep")

    assert await app.content_reports.report(1, fresh + 9) is None
    assert len(await notices(stage)) == 1
    for someone in (stage.ben, stage.olga):
        await someone.click(shown(stage), label="Report")
    assert (await description(app)).removed_at is not None
    assert len(await notices(stage)) == 2


async def test_whose_reports_were_mostly_dismissed_hides_nothing(stage: Stage, app: App) -> None:
    app.content_reports._reports_to_hide = 1
    for _ in range(8):
        await hero(stage)
    wolf, honest = stage.ben.id, stage.olga.id
    for number in (1, 2, 3):
        assert await app.content_reports.report(number, wolf)  # two dismissed ones say nothing yet
        assert await app.content_reports.report(number + 3, honest)
        await app.content_reports.keep(number)
    await app.content_reports.keep(4)

    assert await app.content_reports.report(7, wolf) is None
    assert await app.content_reports.report(7, honest)  # one dismissed, two not
    await app.content_reports.remove(7)
    assert await app.content_reports.report(8, wolf) is None


async def test_one_person_reports_so_much_a_day(stage: Stage, app: App) -> None:
    app.content_reports._daily = 2
    for _ in range(3):
        await hero(stage)
    for number in (1, 2):
        await app.content_reports.report(number, stage.ben.id)

    refused = await stage.ben.click(shown(stage), label="Report")

    assert refused.followups[-1].content.startswith("You have reported 2 descriptions today")
    async with app.db.write() as tx:
        await tx.execute(update(report).values(at=report.c.at - 86_400))
    thanked = await stage.ben.click(shown(stage), label="Report")
    assert thanked.followups[-1].content.startswith("Thank you")


async def test_one_report_may_be_enough(stage: Stage, app: App) -> None:
    app.content_reports._reports_to_hide = 1
    await stage.ben.click(await hero(stage), label="Report")
    assert shown(stage).embeds == []


HIDDEN = "*This text is hidden: people have reported it.*"


def texts(message: discord.Message) -> list[str]:
    return [(card.description or "").partition("\n")[2] for card in message.embeds]


async def duel(stage: Stage, app: App) -> discord.Message:
    await two_models(app)
    await stage.ana.slash(stage.channel, "duel", hero="40 woman healing")
    return shown(stage)


@pytest.mark.usefixtures("office")
async def test_a_duels_text_is_hidden_by_reports_and_comes_back_where_it_is_kept(
    stage: Stage, app: App
) -> None:
    message = await duel(stage, app)
    a, b = texts(message)

    await stage.ben.click(message, label="Report B")
    assert texts(shown(stage)) == [a, b]
    (notice,) = await notices(stage)
    assert b in notice.content
    assert "ft:tiny" not in notice.content
    await stage.olga.click(message, label="Report B")

    hidden = shown(stage)
    assert texts(hidden) == [a, HIDDEN]
    assert labels(hidden) == ["Report A"]
    assert "nothing to vote on" in (hidden.embeds[1].footer.text or "")
    with pytest.raises(UserError, match="out of sight"):  # of who clicked before they saw it
        await app.duels.vote(1, stage.ben.id, "a")

    await stage.env.restart_bot(HeroBot(app))
    await stage.olga.click(notice, label="Keep")
    assert texts(shown(stage)) == [a, b]
    assert labels(shown(stage)) == ["A", "B", "Tie", "Report A", "Report B"]
    vote = await stage.ben.click(shown(stage), label="A")
    assert vote.response is not None
    assert "You say A" in vote.response.content


@pytest.mark.usefixtures("office")
async def test_a_removed_text_stays_out_of_its_duel(stage: Stage, app: App) -> None:
    message = await duel(stage, app)
    _, b = texts(message)
    await stage.ben.click(message, label="Report A")
    (notice,) = await notices(stage)

    await stage.olga.click(notice, label="Remove")

    assert texts(shown(stage)) == [HIDDEN, b]
    assert labels(shown(stage)) == ["Report B"]


async def test_of_a_duel_whose_texts_were_deleted_nothing_is_brought_back(stage: Stage, app: App) -> None:
    message = await duel(stage, app)
    await app.privacy.delete(stage.ana.id)

    reported = await stage.ben.click(message, label="Report A")
    assert "hidden already" in reported.followups[0].content
    voted = await stage.ben.click(message, label="A")
    assert voted.response is not None
    assert "out of sight" in voted.response.content
    assert (await app.duels.get(1)).channel_id is None


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize(("command", "button"), [("hero", "Report"), ("duel", "Report A")])
async def test_where_only_a_person_installed_the_bot_the_click_hides_and_a_keep_says_that_it_cannot_show(
    stage: Stage, app: App, command: str, button: str
) -> None:
    app.content_reports._reports_to_hide = 1
    await two_models(app)
    await stage.ana.slash(stage.channel, command, hero="40 woman healing")
    message = shown(stage)
    stage.env.inject_error("PATCH", "/channels/*/messages/*", status=403, code=50001, times=None)

    await stage.ben.click(message, label=button)
    assert "hidden" in shown(stage).content + str([card.to_dict() for card in shown(stage).embeds])

    (notice,) = await notices(stage)
    await stage.olga.click(notice, label="Keep")
    judged = (await notices(stage))[-1]
    assert "Kept, by" in judged.content
    assert "Its message in Discord stays as it is: I may not change it there." in judged.content
