"""Responses: a message's content, and the message that answers a command, button or mention."""

import logging
from dataclasses import dataclass, field
from typing import Any, Protocol

import discord

from bot.client import Interaction
from bot.errors import Unavailable
from bot.i18n.message import Translator, mark
from cogs.common.locale import translator_of

log = logging.getLogger(__name__)

_UNAUTHORIZED = 401
_TOO_LATE = mark("Discord lets a command be answered for 15 minutes: this one took longer. Ask once more.")
_EXPIRED_CODES = frozenset({10015, 10062, 50027})  # Discord's, for an interaction token after 15 minutes


@dataclass(frozen=True, slots=True)
class MessageContent:
    """A message's text, embeds and buttons."""

    embeds: list[discord.Embed] = field(default_factory=list)
    view: discord.ui.View | None = None
    content: str | None = None

    def __bool__(self) -> bool:
        return bool(self.embeds or self.content)

    @property
    def edit_kwargs(self) -> dict[str, Any]:
        """Return arguments for an edit that replaces the whole message."""
        return {"content": self.content, "embeds": self.embeds, "view": self.view}

    @property
    def send_kwargs(self) -> dict[str, Any]:
        """Return arguments for a new message: the parts that are not empty."""
        return {name: part for name, part in self.edit_kwargs.items() if part}


@dataclass(frozen=True, slots=True)
class Requester:
    """The person who asked for a hero: where (guild_id None: in a direct message), and their language."""

    user_id: int
    guild_id: int | None
    t: Translator


async def requester_of(interaction: Interaction) -> Requester:
    return Requester(interaction.user.id, interaction.guild_id, await translator_of(interaction))


class Responder(Protocol):
    """One message, sent when it is first shown and edited from then on."""

    async def acknowledge(self) -> None:
        """Show the person at once that the request arrived."""

    async def show(self, content: MessageContent) -> discord.Message:
        """Replace the whole message."""

    async def send_error(self, text: str) -> None:
        """Show an error in place of the message, if there is one."""


def responder_of(interaction: Interaction) -> Responder | None:
    """Return the responder that acknowledged an interaction, if any: it shows the errors from then on."""
    responder: Responder | None = interaction.extras.get("responder")
    return responder


class InteractionResponder:
    """The answer to a command or button: "is thinking" at first, visible to all.

    Discord accepts answers to an interaction for 15 minutes. After that the bot edits or sends the message
    with its own permissions.
    """

    def __init__(self, interaction: Interaction) -> None:
        self._interaction = interaction
        self._message: discord.Message | None = None
        self._expired = False

    async def acknowledge(self) -> None:
        await self._interaction.response.defer(thinking=True)
        self._interaction.extras["responder"] = self

    async def show(self, content: MessageContent) -> discord.Message:
        """Replace the whole message.

        Raises Unavailable if the interaction has expired and the bot has no permission of its own.
        """
        if not self._expired:
            try:
                self._message = await self._interaction.edit_original_response(**content.edit_kwargs)
            except discord.HTTPException as error:
                self._mark_expired(error)
            else:
                return self._message
        self._message = await self._show_as_bot(content)
        return self._message

    async def send_error(self, text: str) -> None:
        """Send the error to the requester alone if nothing was shown yet, and remove "is thinking".

        Discord would take the follow-up as the text of "is thinking", so that gets a text of its own first.
        """
        if self._message is None and not self._expired:
            try:
                await self._interaction.edit_original_response(content="…")
                await self._interaction.followup.send(text, ephemeral=True)
                await self._interaction.delete_original_response()
            except discord.HTTPException as error:
                self._mark_expired(error)
            else:
                return
        await self.show(MessageContent(content=text))

    def _mark_expired(self, error: discord.HTTPException) -> None:
        """Remember that the interaction has expired; raise the error if it says something else."""
        if error.code not in _EXPIRED_CODES and error.status != _UNAUTHORIZED:
            raise error
        log.info("Discord's time for interaction %d is over: %s", self._interaction.id, error)
        self._expired = True

    async def _show_as_bot(self, content: MessageContent) -> discord.Message:
        interaction = self._interaction
        if interaction.channel_id is None:  # Discord names none: there is nowhere to send to
            raise Unavailable(_TOO_LATE)
        channel = interaction.client.get_partial_messageable(
            interaction.channel_id, guild_id=interaction.guild_id
        )
        try:
            if self._message is None:
                sent: discord.Message = await channel.send(**content.send_kwargs)
                return sent
            partial = channel.get_partial_message(self._message.id)
            return await partial.edit(**content.edit_kwargs) or self._message
        except discord.HTTPException as error:
            raise Unavailable(_TOO_LATE) from error


class ReplyResponder:
    """A reply to a message that asked for a hero."""

    def __init__(self, message: discord.Message) -> None:
        self._message = message
        self._reply: discord.Message | None = None

    async def acknowledge(self) -> None:
        await self._message.channel.typing()

    async def show(self, content: MessageContent) -> discord.Message:
        if self._reply:
            self._reply = await self._reply.edit(**content.edit_kwargs)
        else:
            self._reply = await self._message.reply(**content.send_kwargs, mention_author=False)
        return self._reply

    async def send_error(self, text: str) -> None:
        await self.show(MessageContent(content=text))
