"""Command sync through discord.py's own HTTP client; a local server stores the commands as Discord does."""

import asyncio
import copy
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.app import App
from bot.client import HeroBot
from bot.connection.command_sync import differing
from tests.conftest import Stage
from tests.support.eventually import eventually
from tests.support.scripted_discord import BOT, ScriptedDiscord, scripted_discord

Command = dict[str, Any]


@pytest.fixture
async def discord_() -> AsyncIterator[ScriptedDiscord]:
    async with scripted_discord() as script:
        yield script


@asynccontextmanager
async def started(app: App) -> AsyncIterator[None]:
    """Log a bot in."""
    async with HeroBot(app) as bot:
        await bot.login("token")
        yield


async def start_until(app: App, done: Callable[[], bool], what: str) -> None:
    async with started(app):
        await eventually(done, what=what)


@pytest.fixture
async def synced(app: App, discord_: ScriptedDiscord) -> ScriptedDiscord:
    """Return a Discord that has the commands of a first start."""
    await start_until(app, lambda: bool(discord_.registered), "the commands are synced")
    assert len(discord_.syncs) == 1
    return discord_


def command(script: ScriptedDiscord, name: str) -> Command:
    return next(each for each in script.registered if each["name"] == name)


def _vanish(script: ScriptedDiscord) -> None:
    script.registered = []


def _lose_one(script: ScriptedDiscord) -> None:
    script.registered.remove(command(script, "hero"))


def _foreign(script: ScriptedDiscord) -> None:
    script.registered.append(command(script, "hero") | {"name": "old-command", "id": "5"})


def _describe(script: ScriptedDiscord) -> None:
    command(script, "top")["description"] = "Something else"


def _open_to_all(script: ScriptedDiscord) -> None:
    command(script, "finetune")["default_member_permissions"] = None


def _servers_only(script: ScriptedDiscord) -> None:
    command(script, "hero")["contexts"] = [0]


def _untranslated(script: ScriptedDiscord) -> None:
    command(script, "about")["description_localizations"] = None


def _other_limit(script: ScriptedDiscord) -> None:
    (limits,) = (each for each in command(script, "settings")["options"] if each["name"] == "limits")
    limits["options"][0]["max_value"] = 5


def _no_choice(script: ScriptedDiscord) -> None:
    (kind,) = (each for each in command(script, "build-dataset")["options"] if each["name"] == "kind")
    kind["choices"] = kind["choices"][:1]


@pytest.mark.parametrize(
    "change",
    [
        _vanish,
        _lose_one,
        _foreign,
        _describe,
        _open_to_all,
        _servers_only,
        _untranslated,
        _other_limit,
        _no_choice,
    ],
)
async def test_what_differs_at_discord_is_mended_at_the_next_start(
    app: App, synced: ScriptedDiscord, change: Callable[[ScriptedDiscord], None]
) -> None:
    right = copy.deepcopy(synced.registered)
    change(synced)

    await start_until(app, lambda: len(synced.syncs) == 2, "the commands are synced again")

    assert synced.registered == right


def _as_it_was(_script: ScriptedDiscord) -> None:
    pass


def _reordered(script: ScriptedDiscord) -> None:
    script.registered.reverse()
    for each in script.registered:
        each.get("options", []).reverse()


def _new_versions(script: ScriptedDiscord) -> None:
    for each in script.registered:
        each |= {"version": "77", "id": "88", "handler": None, "name_localized": "x"}


def _entry_point(script: ScriptedDiscord) -> None:
    script.registered.append({"id": "9", "type": 4, "name": "launch", "handler": 2, "description": ""})


def _explicit_defaults(script: ScriptedDiscord) -> None:
    for each in script.registered:
        for option in each.get("options", []):
            option.setdefault("required", False)
            option.setdefault("choices", [])
            option.setdefault("autocomplete", False)


def _floats(script: ScriptedDiscord) -> None:
    (limits,) = (each for each in command(script, "settings")["options"] if each["name"] == "limits")
    limits["options"][0]["max_value"] = float(limits["options"][0]["max_value"])


@pytest.mark.parametrize(
    "change", [_as_it_was, _reordered, _new_versions, _entry_point, _explicit_defaults, _floats]
)
async def test_the_same_commands_are_not_sent_again(
    app: App, synced: ScriptedDiscord, change: Callable[[ScriptedDiscord], None]
) -> None:
    change(synced)

    wanted = synced.syncs[0]
    assert differing(wanted, synced.registered) == []
    async with started(app):
        await asyncio.sleep(0.2)  # the list is read within milliseconds

    assert len(synced.syncs) == 1


async def test_a_command_that_discord_added_itself_stays(app: App, synced: ScriptedDiscord) -> None:
    _entry_point(synced)
    _lose_one(synced)

    await start_until(app, lambda: len(synced.syncs) == 2, "the commands are synced again")

    assert "launch" in [each["name"] for each in synced.syncs[1]]


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (400, 30034, "takes only so many new commands a day"),
        (503, 0, "Discord is in trouble (503)"),
        (403, 50001, "with the scope applications.commands"),
        (400, 50035, "Discord finds a mistake in them"),
        (400, 50240, "Discord refuses them"),
        (401, 0, "Discord refuses them"),
    ],
)
async def test_a_refused_sync_is_a_warning_with_advice(
    app: App, discord_: ScriptedDiscord, caplog: pytest.LogCaptureFixture, status: int, code: int, advice: str
) -> None:
    discord_.refused_syncs = [(status, code)]

    await start_until(app, lambda: "next try in 1 min" in caplog.text, "the refusal is logged")

    (record,) = (each for each in caplog.records if "commands are not synced" in each.message)
    assert record.levelno == logging.WARNING
    assert advice in record.message
    assert record.exc_info is None
    assert len(discord_.syncs) == 1


@pytest.mark.parametrize(
    ("method", "status", "code"), [("GET", 503, 0), ("PUT", 403, 50001), ("PUT", 400, 30034)]
)
async def test_a_refused_sync_is_tried_again_while_the_bot_serves(
    stage: Stage, app: App, method: str, status: int, code: int
) -> None:
    env = stage.env
    env.backend.commands[None].clear()
    env.inject_error(method, "/applications/*/commands", status=status, code=code)

    await env.restart_bot(HeroBot(app))
    assert env.backend.commands[None] == {}
    assert env.bot.is_ready()
    await env.advance_time(61)

    assert ("hero", 1) in env.backend.commands[None]


async def test_pauses_between_syncs_grow(stage: Stage, app: App, caplog: pytest.LogCaptureFixture) -> None:
    stage.env.inject_error("GET", "/applications/*/commands", status=502, times=2)
    await stage.env.restart_bot(HeroBot(app))
    await stage.env.advance_time(61)
    assert "next try in 1 min" in caplog.text
    assert "next try in 2 min" in caplog.text


async def test_the_names_of_what_differs_are_told() -> None:
    hero = {"name": "hero", "type": 1, "description": "x", "contexts": None, "integration_types": None}
    stored = hero | {
        "id": str(BOT),
        "contexts": [0, 1, 2],
        "integration_types": [0, 1],
        "dm_permission": True,
    }
    assert differing([hero], [stored]) == []
    assert differing([hero], [stored | {"dm_permission": False}]) == ["hero"]
    assert differing([hero, hero | {"name": "top"}], [stored | {"name": "old"}]) == ["hero", "old", "top"]
