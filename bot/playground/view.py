"""What one person sees of the channel, in Discord's wire format."""

from typing import Any

import discord
import simcord
from simcord.backend import serializers

from bot.i18n.message import Translator, mark
from bot.playground.simulated_discord import SimulatedDiscord

MessageState = dict[str, dict[str, Any]]  # messages by id


def visible_messages(person: simcord.MemberActor, world: SimulatedDiscord, t: Translator) -> MessageState:
    """Return the channel's messages, oldest first, without other people's ephemeral ones."""
    backend = world.env.backend
    return {
        str(message.id): _completed(
            dict(serializers.message_payload(backend, message, for_user=person.id)), world, t
        )
        for message in sorted(backend.messages[world.channel.id].values(), key=lambda message: message.id)
        if message.visible_to(person.id)
    }


def diff(before: MessageState | None, now: MessageState) -> dict[str, Any] | None:
    """Return changed messages and ids of deleted ones; None if nothing has changed.

    before: None if nothing was sent so far: then everything has changed, even if there is no message.
    """
    if before is None:
        return {"changed": list(now.values()), "gone": []}
    changed = [message for key, message in now.items() if before.get(key) != message]
    deleted = [key for key in before if key not in now]
    return {"changed": changed, "gone": deleted} if changed or deleted else None


_MAY = {
    "operator": mark("builds datasets, trains and promotes models; the guide begins here"),
    "member": mark("asks for heroes, votes, and chooses in duels"),
}
_ROLES = {"operator": mark("operator"), "member": mark("member")}


def people(world: SimulatedDiscord, t: Translator) -> list[dict[str, str]]:
    """Return who is in the server, and what each of them may do."""
    roles = [(person, _role(person, world)) for person in world.people.values()]
    return [
        {"id": str(person.id), "name": person.name, "role": t(_ROLES[role]), "may": t(_MAY[role])}
        for person, role in roles
    ]


def surroundings(person: simcord.MemberActor, world: SimulatedDiscord, t: Translator) -> dict[str, Any]:
    """Return who is there, roles, bot, channel and menus, and whose page it is; constant while it is open."""
    backend = world.env.backend
    return {
        "you": person.name,
        "people": people(world, t),
        "roles": [{"id": str(role.id), "name": role.name} for role in world.roles],
        "bot": {"id": str(backend.bot_user.id), "name": backend.bot_user.name},
        "channel": {"id": str(world.channel.id), "name": world.channel.name},
        "menus": _menus(person, world, t),
    }


def _menus(person: simcord.MemberActor, world: SimulatedDiscord, t: Translator) -> list[dict[str, str]]:
    """Return the bot's commands in the menu of a message, with their names in the page's language."""
    visible = world.env.backend.visible_commands(
        user_id=person.id, channel_id=world.channel.id, type=discord.AppCommandType.message.value
    )
    return [{"name": each["name"], "label": t(each["name"])} for each in visible]


def _role(person: simcord.MemberActor, world: SimulatedDiscord) -> str:
    allowed = discord.Permissions(world.env.backend.compute_permissions(person.guild.id, person.id))
    return "operator" if allowed.manage_guild else "member"


def _completed(message: dict[str, Any], world: SimulatedDiscord, t: Translator) -> dict[str, Any]:
    """Add what Discord leaves to its clients: a command's full name, and the options of channel menus."""
    used = message.get("interaction_metadata")
    if used and (path := world.command_path(str(used["id"]))):
        message["interaction_metadata"] = used | {"name": " ".join(map(t.command_name, path.split()))}
    for row in message.get("components", ()):
        for menu in row.get("components", ()):
            if menu["type"] == discord.ComponentType.channel_select.value:
                chosen = {str(value["id"]) for value in menu.get("default_values", ())}
                channel = str(world.channel.id)
                menu["options"] = [
                    {"value": channel, "label": f"#{world.channel.name}", "default": channel in chosen}
                ]
    return message
