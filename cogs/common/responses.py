"""Looks: all that people see of a message."""

import logging
from dataclasses import dataclass, field
from typing import Any, Protocol

import discord

from bot.client import Interaction
from bot.errors import Unavailable
from bot.i18n.message import Translator, mark
from cogs.common.locale import translator_of


@dataclass(frozen=True, slots=True)
class MessageContent:
    """A message's text, cards and buttons."""

    embeds: list[discord.Embed] = field(default_factory=list)
    view: discord.ui.View | None = None
    content: str | None = None

    def __bool__(self) -> bool:
        return bool(self.embeds or self.content)

    @property
    def edit_kwargs(self) -> dict[str, Any]:
        """For an edit: nothing of what the message was stays."""
        return {"content": self.content, "embeds": self.embeds, "view": self.view}

    @property
    def send_kwargs(self) -> dict[str, Any]:
        """For a new message: what there is of it."""
        return {name: part for name, part in self.edit_kwargs.items() if part}


log = logging.getLogger(__name__)

_UNAUTHORIZED = 401
_TOO_LATE = mark("Discord lets a command be answered for 15 minutes: this one took longer. Ask once more.")
_DEAD = frozenset({10015, 10062, 50027})  # an interaction's token after 15 minutes, in Discord's codes


class Responder(Protocol):
    """One message, made when it is first shown and edited from then on."""

    async def acknowledge(self) -> None:
        """Let the person see at once that they were heard."""

    async def show(self, look: MessageContent) -> discord.Message:
        """Let the message be this, and nothing of what it was."""

    async def send_error(self, text: str) -> None:
        """Say what went wrong, in the message's place where there is one."""


class InteractionResponder:
    """The answer to a command or a button: "is thinking" at first, seen by all.

    Discord takes answers to it for 15 minutes; from then on the bot edits, or sends, by its own right.
    """

    def __init__(self, interaction: Interaction) -> None:
        self._interaction = interaction
        self._message: discord.Message | None = None
        self._dead = False

    async def acknowledge(self) -> None:
        await self._interaction.response.defer(thinking=True)
        self._interaction.extras["showing"] = self  # what fails from here on is told here

    async def show(self, look: MessageContent) -> discord.Message:
        """Raises Unavailable where neither Discord's time nor the bot's own rights let it."""
        if not self._dead:
            try:
                self._message = await self._interaction.edit_original_response(**look.edit_kwargs)
            except discord.HTTPException as error:
                self._note_death(error)
            else:
                return self._message
        self._message = await self._by_own_right(look)
        return self._message

    async def send_error(self, text: str) -> None:
        """To the asker alone, where nothing was shown yet: "is thinking" goes then.

        While it stands, Discord takes what is sent for its text; so it must have one before.
        """
        if self._message is None and not self._dead:
            try:
                await self._interaction.edit_original_response(content="…")
                await self._interaction.followup.send(text, ephemeral=True)
                await self._interaction.delete_original_response()
            except discord.HTTPException as error:
                self._note_death(error)
            else:
                return
        await self.show(MessageContent(content=text))

    def _note_death(self, error: discord.HTTPException) -> None:
        """Remember that Discord's time is over; raise what is another trouble."""
        if error.code not in _DEAD and error.status != _UNAUTHORIZED:
            raise error
        log.info("Discord's time for interaction %d is over: %s", self._interaction.id, error)
        self._dead = True

    async def _by_own_right(self, look: MessageContent) -> discord.Message:
        asked = self._interaction
        if asked.channel_id is None:  # Discord names none: there is nowhere to send to
            raise Unavailable(_TOO_LATE)
        channel = asked.client.get_partial_messageable(asked.channel_id, guild_id=asked.guild_id)
        try:
            if self._message is None:
                sent: discord.Message = await channel.send(**look.send_kwargs)
                return sent
            return (
                await channel.get_partial_message(self._message.id).edit(**look.edit_kwargs) or self._message
            )
        except discord.HTTPException as error:
            raise Unavailable(_TOO_LATE) from error


class ReplyResponder:
    """A reply to a message that asked for a hero."""

    def __init__(self, message: discord.Message) -> None:
        self._asked = message
        self._reply: discord.Message | None = None

    async def acknowledge(self) -> None:
        await self._asked.channel.typing()

    async def show(self, look: MessageContent) -> discord.Message:
        if self._reply:
            self._reply = await self._reply.edit(**look.edit_kwargs)
        else:
            self._reply = await self._asked.reply(**look.send_kwargs, mention_author=False)
        return self._reply

    async def send_error(self, text: str) -> None:
        await self.show(MessageContent(content=text))


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asked for a hero, where (guild_id None: in a direct message), and what they read."""

    user_id: int
    guild_id: int | None
    t: Translator


async def requester_of(interaction: Interaction) -> Requester:
    return Requester(interaction.user.id, interaction.guild_id, await translator_of(interaction))
