"""Mentions: which messages ask the bot for a hero, and with which words."""

import re

import discord

_MESSAGE_TYPES = (discord.MessageType.default, discord.MessageType.reply)  # that people type
_PUNCTUATION = " \t\n,.:;!?-–—"  # noqa: RUF001 (people type dashes of every length)


def requests_in(message: discord.Message, me: discord.ClientUser) -> list[str] | None:
    """Return the texts in which a message may name a hero, the likeliest first; None if it asks for none.

    Any direct message asks, and one that mentions the bot or its role by name, wherever that stands. Those of
    bots and webhooks do not, nor @everyone and @here, nor a reply that only pings its author.
    """
    if message.author.bot or message.webhook_id or message.type not in _MESSAGE_TYPES:
        return None
    direct = isinstance(message.channel, discord.DMChannel)
    roles = _own_roles(message)
    parts = re.split(_mention_pattern(me.id, roles), message.content)
    if not direct and not _is_mentioned(message, me, roles, typed=len(parts) > 1):
        return None
    # after the mention, before it, around it
    texts = dict.fromkeys(part.strip(_PUNCTUATION) for part in (*reversed(parts), " ".join(parts)))
    return sorted((text for text in texts if text), key=_has_no_number) or [""]


def _own_roles(message: discord.Message) -> set[int]:
    """Return the role that Discord made for the bot, which people pick by mistake when they type its name."""
    me = message.guild.me if message.guild else None
    return {role.id for role in me.roles if role.managed} if me else set()


def _is_mentioned(message: discord.Message, me: discord.ClientUser, roles: set[int], *, typed: bool) -> bool:
    if any(role.id in roles for role in message.role_mentions):
        return True  # Discord may leave out the text of such a message
    return typed and any(user.id == me.id for user in message.mentions)


def _mention_pattern(user_id: int, roles: set[int]) -> str:
    return "|".join([rf"<@!?{user_id}>", *(rf"<@&{role}>" for role in sorted(roles))])


def _has_no_number(text: str) -> bool:
    return not any(character.isdigit() for character in text)
