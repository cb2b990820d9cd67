"""/doctor: operators alone are told what is wrong, by what the running bot knows."""

from pathlib import Path

import discord
import pytest

from bot.app import App
from bot.store import jobs
from tests.conftest import HOME, Stage
from tests.support.scripted_server import Script
from tests.support.workflows import build_spec


async def told(stage: Stage) -> str:
    result = await stage.olga.slash(stage.channel, "doctor")
    return stage.ephemeral_reply(result)


async def test_it_tells_only_what_is_not_in_order(stage: Stage, app: App, script: Script) -> None:
    script.trainings.lists = ["smollm2-135m-instruct"]
    job = await app.jobs.submit(build_spec(app))
    async with app.db.write() as tx:
        await jobs.change(tx, job.id, state="running", owner="gone", heartbeat=1.0)

    text = await told(stage)

    assert "checks ok" in text
    assert f"The worker of job {job.id} has not been heard of" in text
    assert "SQLite finds no damage" not in text
    assert len(text) <= 2000
    assert stage.channel.history() == []  # nobody else sees it


async def test_permissions_are_those_that_the_bot_really_has(stage: Stage) -> None:
    guild = stage.env.guild
    closed = guild.create_text_channel(
        "closed", overwrites={guild.default_role: discord.PermissionOverwrite(add_reactions=False)}
    )
    await stage.ana.slash(closed, "hero", hero="40 woman healing")
    text = await told(stage)
    assert f"In “closed” ({closed.id}) the bot lacks" in text
    assert "Add Reactions" in text


@pytest.mark.settings(admin_channel=5, home_guilds=frozenset({HOME, 77}))
async def test_home_guilds_and_admin_channel_are_looked_up(stage: Stage) -> None:
    text = await told(stage)
    assert "not in these servers of HOME_GUILDS: 77." in text
    assert "There is no channel 5 that the bot sees." in text


async def test_it_answers_in_the_servers_language(stage: Stage) -> None:
    await stage.olga.slash(stage.channel, "settings language", language="Deutsch")
    assert "Prüfungen in Ordnung" in await told(stage)


async def test_a_misspelt_setting_is_named(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("COOLDWN=3\n")
    assert "did you mean COOLDOWN?" in await told(stage)


async def test_it_is_for_operators(stage: Stage) -> None:
    other = stage.env.create_guild(name="Other")
    admin = other.create_role("admin", permissions=discord.Permissions(manage_guild=True))
    eve = other.add_member(stage.env.create_user("eve"), roles=[admin])
    await eve.slash(other.create_text_channel("heroes"), "doctor")
    assert "belongs to the operators" in stage.refusal()
