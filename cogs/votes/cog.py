"""Reactions become votes."""

import discord
from discord.ext import commands

from bot.app import App
from bot.client import HeroBot
from bot.store.descriptions import Posted
from cogs.votes.backfill import ReactionBackfill


class VotesCog(commands.Cog):
    """Listens to raw reaction events, which also come for messages outside discord.py's cache."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app
        self.backfill = ReactionBackfill(bot, app)

    async def cog_unload(self) -> None:
        self.backfill.stop()

    @commands.Cog.listener()
    async def on_shard_ready(self, shard_id: int) -> None:
        """Backfill: the bot has just started, or a shard has lost its session and the events in between."""
        self.backfill.start(shard_id)

    @commands.Cog.listener()
    async def on_shown(self, posted: Posted) -> None:
        """Count the reactions that came before the description was tied to its message."""
        await self.backfill.catch_up(posted)

    @commands.Cog.listener()
    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        if not self._is_bot(payload) and self._may_be_ours(payload.message_author_id):
            self.backfill.mark_active(payload.message_id)
            await self.app.votes.add_reaction(
                payload.message_id, payload.user_id, payload.emoji.name or "", burst=payload.burst
            )

    @commands.Cog.listener()
    async def on_raw_reaction_remove(self, payload: discord.RawReactionActionEvent) -> None:
        self.backfill.mark_active(payload.message_id)
        await self.app.votes.remove_reaction(
            payload.message_id, payload.user_id, payload.emoji.name or "", burst=payload.burst
        )

    @commands.Cog.listener()
    async def on_raw_reaction_clear(self, payload: discord.RawReactionClearEvent) -> None:
        self.backfill.mark_active(payload.message_id)
        await self.app.votes.clear_reactions(payload.message_id)

    @commands.Cog.listener()
    async def on_raw_reaction_clear_emoji(self, payload: discord.RawReactionClearEmojiEvent) -> None:
        self.backfill.mark_active(payload.message_id)
        await self.app.votes.clear_reactions(payload.message_id, payload.emoji.name or "")

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        await self.app.votes.mark_messages_deleted({payload.message_id})

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        await self.app.votes.mark_messages_deleted(payload.message_ids)

    def _may_be_ours(self, author_id: int | None) -> bool:
        """Return whether the bot may have written the message; Discord does not always name the author."""
        return author_id is None or self.bot.user is None or author_id == self.bot.user.id

    def _is_bot(self, payload: discord.RawReactionActionEvent) -> bool:
        """Return whether a bot reacted: this one, or another. In direct messages no member is named."""
        if self.bot.user and payload.user_id == self.bot.user.id:
            return True
        user = payload.member or self.bot.get_user(payload.user_id)
        return user is not None and user.bot
