"""Showings: the message in which a hero appears, whether a command, a button or a mention asked for it."""

import logging
from typing import Any, Protocol

import discord

log = logging.getLogger(__name__)


class Showing(Protocol):
    """One message, made when it is first shown and edited from then on."""

    async def begin(self) -> None:
        """Let the person see at once that they were heard."""

    async def show(
        self, embeds: list[discord.Embed], view: discord.ui.View | None, content: str | None = None
    ) -> discord.Message:
        """Let the message be this, and nothing of what it was."""


class InteractionShowing:
    """The answer to a command or a button: "is thinking" at first, seen by all."""

    def __init__(self, interaction: discord.Interaction[Any]) -> None:
        self._interaction = interaction

    async def begin(self) -> None:
        await self._interaction.response.defer(thinking=True)

    async def show(
        self, embeds: list[discord.Embed], view: discord.ui.View | None, content: str | None = None
    ) -> discord.Message:
        return await self._interaction.edit_original_response(content=content, embeds=embeds, view=view)


class ReplyShowing:
    """A reply to a message that mentioned the bot."""

    def __init__(self, message: discord.Message) -> None:
        self._asked = message
        self._reply: discord.Message | None = None

    async def begin(self) -> None:
        await self._asked.channel.typing()

    async def show(
        self, embeds: list[discord.Embed], view: discord.ui.View | None, content: str | None = None
    ) -> discord.Message:
        if self._reply:
            self._reply = await self._reply.edit(content=content, embeds=embeds, view=view)
        else:
            parts: dict[str, Any] = {"content": content, "embeds": embeds, "view": view}
            given = {name: part for name, part in parts.items() if part}
            self._reply = await self._asked.reply(**given, mention_author=False)
        return self._reply

    async def fail(self, text: str) -> None:
        """Say what went wrong in the message's place."""
        try:
            await self.show([], None, text)
        except discord.HTTPException:
            log.warning("a refusal could not be told", exc_info=True)
