"""What one person sees of the channel, in Discord's own wire format."""

from typing import Any

import discord
import simcord
from simcord.backend import serializers

from bot.playground.simulated_discord import SimulatedDiscord

MessageState = dict[str, dict[str, Any]]  # messages by id


def seen_by(person: simcord.MemberActor, world: SimulatedDiscord) -> MessageState:
    """The channel's messages, oldest first: ephemeral ones are seen by those alone whom they answer."""
    backend = world.env.backend
    return {
        str(message.id): _with_channels(
            dict(serializers.message_payload(backend, message, for_user=person.id)), world
        )
        for message in sorted(backend.messages[world.channel.id].values(), key=lambda each: each.id)
        if message.visible_to(person.id)
    }


def changes(before: MessageState, now: MessageState) -> dict[str, Any] | None:
    """What to tell a page that shows `before`; None where it is up to date."""
    changed = [message for key, message in now.items() if before.get(key) != message]
    gone = [key for key in before if key not in now]
    return {"changed": changed, "gone": gone} if changed or gone else None


def surroundings(person: simcord.MemberActor, world: SimulatedDiscord) -> dict[str, Any]:
    """Who is there, who one is oneself, and where: what does not change while a page is open."""
    backend = world.env.backend
    return {
        "you": person.name,
        "people": [
            {"id": str(each.id), "name": each.name, "role": _role(each, world)}
            for each in world.people.values()
        ],
        "bot": {"id": str(backend.bot_user.id), "name": backend.bot_user.name},
        "channel": {"id": str(world.channel.id), "name": world.channel.name},
    }


def _role(person: simcord.MemberActor, world: SimulatedDiscord) -> str:
    allowed = discord.Permissions(world.env.backend.compute_permissions(person.guild.id, person.id))
    return "operator" if allowed.manage_guild else "member"


def _with_channels(message: dict[str, Any], world: SimulatedDiscord) -> dict[str, Any]:
    """A message whose menus of channels list them: Discord leaves that to whoever shows them."""
    for row in message.get("components", ()):
        for menu in row.get("components", ()):
            if menu["type"] == discord.ComponentType.channel_select.value:
                chosen = {str(each["id"]) for each in menu.get("default_values", ())}
                channel = str(world.channel.id)
                menu["options"] = [
                    {"value": channel, "label": f"#{world.channel.name}", "default": channel in chosen}
                ]
    return message
