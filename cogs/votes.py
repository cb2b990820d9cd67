"""Reactions become votes."""

from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.app import App

if TYPE_CHECKING:
    from bot.client import HeroBot


class VotesCog(commands.Cog):
    """Listens to reactions, also on messages that the bot has long forgotten."""

    def __init__(self, bot: "HeroBot", app: App) -> None:
        self.bot = bot
        self.app = app

    @commands.Cog.listener()
    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        if not self._is_bot(payload):
            await self.app.votes.clicked(
                payload.message_id, payload.user_id, payload.emoji.name or "", burst=payload.burst
            )

    @commands.Cog.listener()
    async def on_raw_reaction_remove(self, payload: discord.RawReactionActionEvent) -> None:
        await self.app.votes.withdrawn(
            payload.message_id, payload.user_id, payload.emoji.name or "", burst=payload.burst
        )

    @commands.Cog.listener()
    async def on_raw_reaction_clear(self, payload: discord.RawReactionClearEvent) -> None:
        await self.app.votes.cleared(payload.message_id)

    @commands.Cog.listener()
    async def on_raw_reaction_clear_emoji(self, payload: discord.RawReactionClearEmojiEvent) -> None:
        await self.app.votes.cleared(payload.message_id, payload.emoji.name or "")

    def _is_bot(self, payload: discord.RawReactionActionEvent) -> bool:
        """Whether a bot clicked: this one's own seeds, or another's. Direct messages name no member."""
        if self.bot.user and payload.user_id == self.bot.user.id:
            return True
        who = payload.member or self.bot.get_user(payload.user_id)
        return who is not None and who.bot
