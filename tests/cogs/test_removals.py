"""Reports, and what operators make of them: the real bot in a simulated Discord."""

import discord
import pytest

from bot.app import App
from bot.client import HeroBot
from bot.store import descriptions
from bot.store.descriptions import Description
from tests.conftest import Stage


@pytest.fixture
async def office(stage: Stage, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel for the admins."""
    channel = stage.env.guild.create_text_channel("office")
    monkeypatch.setattr(app.notices, "_admin_channel", channel.id)
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
    assert (await description(app)).removed_at is not None


async def test_one_report_may_be_enough(stage: Stage, app: App) -> None:
    app.removals._reports_to_hide = 1
    await stage.ben.click(await hero(stage), label="Report")
    assert shown(stage).embeds == []
