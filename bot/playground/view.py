"""What one person sees of the channel, in Discord's wire format."""

from typing import Any

import discord
import simcord
from simcord.backend import serializers

from bot.playground.simulated_discord import SimulatedDiscord

MessageState = dict[str, dict[str, Any]]  # messages by id


def visible_messages(person: simcord.MemberActor, world: SimulatedDiscord) -> MessageState:
    """Return the channel's messages, oldest first, without other people's ephemeral ones."""
    backend = world.env.backend
    return {
        str(message.id): _with_channel_options(
            dict(serializers.message_payload(backend, message, for_user=person.id)), world
        )
        for message in sorted(backend.messages[world.channel.id].values(), key=lambda message: message.id)
        if message.visible_to(person.id)
    }


def diff(before: MessageState, now: MessageState) -> dict[str, Any] | None:
    """Return changed messages and ids of deleted ones; None if nothing has changed."""
    changed = [message for key, message in now.items() if before.get(key) != message]
    deleted = [key for key in before if key not in now]
    return {"changed": changed, "gone": deleted} if changed or deleted else None


_MAY = {
    "operator": "builds datasets, tunes and promotes models; the guide begins here",
    "member": "asks for heroes, votes, and chooses in duels",
}


def people(world: SimulatedDiscord) -> list[dict[str, str]]:
    """Return who is in the server, and what each of them may do."""
    roles = [(person, _role(person, world)) for person in world.people.values()]
    return [
        {"id": str(person.id), "name": person.name, "role": role, "may": _MAY[role]} for person, role in roles
    ]


def surroundings(person: simcord.MemberActor, world: SimulatedDiscord) -> dict[str, Any]:
    """Return people, bot and channel, and which person the page belongs to; constant while it is open."""
    backend = world.env.backend
    return {
        "you": person.name,
        "people": people(world),
        "bot": {"id": str(backend.bot_user.id), "name": backend.bot_user.name},
        "channel": {"id": str(world.channel.id), "name": world.channel.name},
    }


def _role(person: simcord.MemberActor, world: SimulatedDiscord) -> str:
    allowed = discord.Permissions(world.env.backend.compute_permissions(person.guild.id, person.id))
    return "operator" if allowed.manage_guild else "member"


def _with_channel_options(message: dict[str, Any], world: SimulatedDiscord) -> dict[str, Any]:
    """Add the options of channel menus to a message: Discord leaves them to its clients."""
    for row in message.get("components", ()):
        for menu in row.get("components", ()):
            if menu["type"] == discord.ComponentType.channel_select.value:
                chosen = {str(value["id"]) for value in menu.get("default_values", ())}
                channel = str(world.channel.id)
                menu["options"] = [
                    {"value": channel, "label": f"#{world.channel.name}", "default": channel in chosen}
                ]
    return message
