"""Responses: the message that answers a command, button or mention."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

import discord

from bot.client import Interaction
from bot.errors import NotAllowed
from bot.i18n.message import Translator
from cogs.common.content import MessageContent
from cogs.common.delivery import DISCORD_FAILURES, FirstOpenWay, NewMessage, Way, is_temporary
from cogs.common.locale import translator_of
from cogs.common.permissions import may_write

log = logging.getLogger(__name__)

T = TypeVar("T")

_RETRY_PAUSES = (1.0, 5.0, 20.0)  # seconds, in an outage, before a finished text is given up


@dataclass(frozen=True, slots=True)
class Requester:
    """The person who asked for a hero: where (guild_id None: in a direct message), and their language.

    roles: the ids of their roles there, as far as Discord told them.
    """

    user_id: int
    guild_id: int | None
    t: Translator
    roles: frozenset[int] = frozenset()


async def requester_of(interaction: Interaction) -> Requester:
    t = await translator_of(interaction)
    return Requester(interaction.user.id, interaction.guild_id, t, role_ids(interaction.user))


def role_ids(user: discord.User | discord.Member) -> frozenset[int]:
    """Return the ids of a member's roles, which Discord sends with what they do in a server."""
    return frozenset(role.id for role in user.roles) if isinstance(user, discord.Member) else frozenset()


class Responder(Protocol):
    """One message, sent when it is first shown and edited from then on.

    If Discord refuses it where it belongs, the person gets it in another way. Methods that show something
    raise Undeliverable if there is none, and discord.py's error if the failure is temporary.
    """

    async def acknowledge(self) -> None:
        """Show the person at once that the request arrived."""

    async def show(self, content: MessageContent) -> discord.Message:
        """Replace the whole message."""

    async def send_error(self, text: str) -> None:
        """Show an error in place of the message, if there is one."""

    async def add_note(self, text: str) -> bool:
        """Tell the person alone something beside the message. Return False if that is not possible."""


def responder_of(interaction: Interaction) -> Responder | None:
    """Return the responder that acknowledged an interaction, if any: it shows the errors from then on."""
    responder: Responder | None = interaction.extras.get("responder")
    return responder


class InteractionResponder:
    """The answer to a command or button: "is thinking" at first, visible to all.

    Discord accepts answers to an interaction for 15 minutes. After that the bot edits or sends the message
    with its own permissions. If the message was deleted, or its channel takes none any more, the requester
    alone gets it.
    """

    def __init__(self, interaction: Interaction) -> None:
        self._interaction = interaction
        self._original = _OriginalResponse(interaction)
        ways: list[Way] = [self._original, _private_follow_up(interaction)]
        if interaction.channel_id is not None:
            channel = interaction.client.get_partial_messageable(
                interaction.channel_id, guild_id=interaction.guild_id
            )
            ways += [_BotEdit(channel, self._original), NewMessage(channel.send)]
        self._ways = FirstOpenWay([*ways, NewMessage(interaction.user.send)])

    async def acknowledge(self) -> None:
        await self._interaction.response.defer(thinking=True)
        self._interaction.extras["responder"] = self

    async def show(self, content: MessageContent) -> discord.Message:
        return await self._ways.show(content)

    async def send_error(self, text: str) -> None:
        """Send the error to the requester alone if nothing was shown yet, and remove "is thinking".

        Discord would take the follow-up as the text of "is thinking", so that gets a text of its own first.
        """
        if self._original.message is None:
            try:
                await self._interaction.edit_original_response(content="…")
                await self._interaction.followup.send(text, ephemeral=True)
                await self._interaction.delete_original_response()
            except discord.HTTPException as error:
                if is_temporary(error):
                    raise
            else:
                return
        await self.show(MessageContent(content=text))

    async def add_note(self, text: str) -> bool:
        try:
            await self._interaction.followup.send(text, ephemeral=True)
        except DISCORD_FAILURES as error:
            log.info("nobody could be told a note: %s", error)
            return False
        return True


class _OriginalResponse:
    """The answer to an interaction, or the message of the button that was clicked."""

    def __init__(self, interaction: Interaction) -> None:
        self._interaction = interaction
        self.message: discord.Message | None = None

    async def show(self, content: MessageContent) -> discord.Message:
        self.message = await self._interaction.edit_original_response(**content.edit_kwargs)
        return self.message


class _BotEdit:
    """The same message, edited by the bot itself, or a new one: the interaction has expired."""

    def __init__(self, channel: discord.PartialMessageable, original: _OriginalResponse) -> None:
        self._channel = channel
        self._original = original

    async def show(self, content: MessageContent) -> discord.Message:
        message = self._original.message
        if message is None:
            message = await self._channel.send(**content.send_kwargs)
        else:
            message = (
                await self._channel.get_partial_message(message.id).edit(**content.edit_kwargs) or message
            )
        self._original.message = message
        return message


def _private_follow_up(interaction: Interaction) -> NewMessage:
    return NewMessage(partial(interaction.followup.send, ephemeral=True, wait=True))


class ReplyResponder:
    """A reply to a message that asked for a hero: else a message beside it, else a direct message."""

    def __init__(self, message: discord.Message) -> None:
        self._message = message
        reply = partial(
            message.channel.send,
            reference=message.to_reference(fail_if_not_exists=False),
            mention_author=False,
        )
        ways = [NewMessage(reply), NewMessage(message.channel.send)]
        self._private = (
            [] if isinstance(message.channel, discord.DMChannel) else [NewMessage(message.author.send)]
        )
        self._ways = FirstOpenWay([*ways, *self._private])

    async def acknowledge(self) -> None:
        """Show that the bot is typing. Raises NotAllowed if it cannot answer here."""
        channel = self._message.channel
        try:
            if may_write(channel):
                await channel.typing()
                return
        except DISCORD_FAILURES as error:
            if is_temporary(error):  # the text may come through all the same
                return
            log.info("no typing in channel %d: %s", channel.id, error)
        self._ways = FirstOpenWay(self._private)
        raise NotAllowed(
            "I cannot answer in {channel}: there I may not send messages, or not with embeds. Ask me in "
            "another channel, or with `/hero`.",
            channel=f"<#{channel.id}>",
        )

    async def show(self, content: MessageContent) -> discord.Message:
        return await self._ways.show(content)

    async def send_error(self, text: str) -> None:
        await self.show(MessageContent(content=text))

    async def add_note(self, _text: str) -> bool:
        """Return False: what is beside a reply, all can read."""
        return False


async def answer(interaction: Interaction, content: MessageContent | str) -> discord.Message:
    """Show the answer to a command, or replace the message of a button; else tell the person alone.

    Raises Undeliverable, and discord.py's error if the failure is temporary.
    """
    if isinstance(content, str):
        content = MessageContent(content=content)
    private = [_private_follow_up(interaction), NewMessage(interaction.user.send)]
    return await FirstOpenWay([_OriginalResponse(interaction), *private]).show(content)


async def confirm(interaction: Interaction, text: str, view: discord.ui.View | None = None) -> None:
    """Tell the person alone that a click was taken. It counts, whether or not they can be told."""
    try:
        await interaction.followup.send(**MessageContent(content=text, view=view).send_kwargs, ephemeral=True)
    except DISCORD_FAILURES as error:
        log.info("nobody could be told that a click was taken: %s", error)


async def with_retries(show: Callable[[], Awaitable[T]]) -> T:
    """Show what must not get lost: in an outage, try again a few times. Raises the last error."""
    for pause in _RETRY_PAUSES:
        try:
            return await show()
        except DISCORD_FAILURES as error:
            if not is_temporary(error):
                raise
            log.info("Discord is in trouble, an answer is sent again in %.0f s: %s", pause, error)
            await asyncio.sleep(pause)
    return await show()
