"""Command sync: compare the slash commands with those that Discord has, and send them if they differ."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import aiohttp
import discord
from discord import app_commands
from discord.http import Route

from bot.leases import Leases

log = logging.getLogger(__name__)

ClientT = TypeVar("ClientT", bound=discord.Client)

_FIRST_PAUSE = 60.0  # seconds until a refused sync is tried again; each pause is twice the one before
_LONGEST_PAUSE = 6 * 3600.0
_ENTRY_POINT = 4  # a command that Discord itself adds to an application with an activity
_DAILY_LIMIT = 30034  # Discord's codes
_INVALID_FORM = 50035


class CommandSync:
    """Keeps Discord's list of commands equal to the tree's.

    Reading the list is free; writing it is rationed. So it is written only where it differs, which brings
    back commands that vanished from it. Of several processes the one that leads does it, once.
    """

    def __init__(self, tree: app_commands.CommandTree[ClientT], leases: Leases) -> None:
        self._tree = tree
        self._leases = leases

    async def run(self) -> None:
        """Sync; while Discord refuses, try again after growing pauses. The bot serves meanwhile."""
        for pause in _pauses():
            await self._leases.until_leading()
            try:
                await self._sync()
            except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
                minutes = round(pause / 60)
                log.warning("the commands are not synced: %s; next try in %d min", _advice(error), minutes)
            except Exception:
                log.exception("the commands cannot be synced")
                return
            else:
                return
            await asyncio.sleep(pause)

    async def _sync(self) -> None:
        registered = await self._registered()
        commands = sorted(self._tree.get_commands(), key=lambda command: command.name)
        payload = await self._payload(commands)
        changed = differing(payload, registered)
        if not changed:
            return
        entry_points = [command for command in registered if command.get("type") == _ENTRY_POINT]
        try:
            await self._tree.client.http.bulk_upsert_global_commands(
                self._application_id, payload=[*payload, *entry_points]
            )
        except discord.HTTPException as error:
            if error.code == _INVALID_FORM:  # this class names the commands, where Discord numbers them
                raise app_commands.CommandSyncFailure(error, list(commands)) from None
            raise
        log.info("synced %d commands with Discord; changed: %s", len(payload), ", ".join(changed))

    async def _payload(self, commands: list[Any]) -> list[Any]:
        translator = self._tree.translator
        if translator is None:
            raise LookupError("no feature has set a translator for the commands")
        return [await command.get_translated_payload(self._tree, translator) for command in commands]

    async def _registered(self) -> list[dict[str, Any]]:
        """Return Discord's list. discord.py's own call leaves the translations out."""
        route = Route("GET", "/applications/{application_id}/commands", application_id=self._application_id)
        found: list[dict[str, Any]] = await self._tree.client.http.request(
            route, params={"with_localizations": "true"}
        )
        return found

    @property
    def _application_id(self) -> int:
        if self._tree.client.application_id is None:
            raise discord.MissingApplicationID
        return self._tree.client.application_id


def differing(wanted: list[dict[str, Any]], registered: list[dict[str, Any]]) -> list[str]:
    """Return the names of the commands that are missing, changed or too many at Discord, sorted.

    What Discord adds (ids, versions, defaults) and reorders makes no difference.
    """
    ours = {_key(command): command for command in wanted}
    theirs = {_key(command): command for command in registered if command.get("type") != _ENTRY_POINT}
    changed = {
        key
        for key in ours.keys() & theirs.keys()
        if _command(ours[key], model=ours[key]) != _command(theirs[key], model=ours[key])
    }
    return sorted({name for _, name in (ours.keys() ^ theirs.keys()) | changed})


def _key(command: Mapping[str, Any]) -> tuple[int, str]:
    return command.get("type", 1), command["name"]


def _command(command: Mapping[str, Any], *, model: Mapping[str, Any]) -> dict[str, Any]:
    """Return what counts of a command. model is ours: where it leaves something open, Discord decides."""
    permissions = command.get("default_member_permissions")
    kept = _option(command) | {
        "nsfw": bool(command.get("nsfw")),
        "permissions": None if permissions is None else int(permissions),
    }
    for name in ("contexts", "integration_types"):
        if model.get(name) is not None:
            kept[name] = sorted(command.get(name) or ())
    if model.get("contexts") is None:  # the old form, which contexts overrule
        kept["dm_permission"] = command.get("dm_permission") is not False
    return kept


def _option(option: Mapping[str, Any]) -> dict[str, Any]:
    """Return what counts of a command, group or option, with Discord's defaults filled in."""
    limits = ("min_value", "max_value", "min_length", "max_length")
    return {
        "type": option.get("type", 1),
        "description": option.get("description") or "",
        "required": bool(option.get("required")),
        "autocomplete": bool(option.get("autocomplete")),
        "channel_types": sorted(option.get("channel_types") or ()),
        "options": {each["name"]: _option(each) for each in option.get("options") or ()},
        "choices": {each["name"]: _choice(each) for each in option.get("choices") or ()},
        **{name: option.get(name) for name in limits},
        **_localizations(option),
    }


def _choice(choice: Mapping[str, Any]) -> dict[str, Any]:
    return {"value": choice["value"], "names": choice.get("name_localizations") or {}}


def _localizations(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part.get(name) or {} for name in ("name_localizations", "description_localizations")}


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 2, _LONGEST_PAUSE)


def _advice(error: Exception) -> str:
    """Return why Discord did not take the commands, and what the owner can do."""
    if not isinstance(error, discord.HTTPException):
        return f"Discord cannot be reached ({error})"
    if error.code == _DAILY_LIMIT:
        return (
            "Discord takes only so many new commands a day (30034); those that it has keep working. "
            "Nothing to do but wait, and not to add the bot's commands anew until tomorrow"
        )
    if error.code == _INVALID_FORM:
        reason = " ".join(str(error).split())
        return f"Discord finds a mistake in them: {reason}. Correct data/languages or the code, and restart"
    if error.status == 403:
        return "Discord does not allow it (403): invite the bot anew, with the scope applications.commands"
    if error.status >= 500:
        return f"Discord is in trouble ({error.status}), see https://discordstatus.com"
    return f"Discord refuses them: {' '.join(str(error).split())}"
