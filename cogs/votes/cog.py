"""Reactions become votes."""

import discord
from discord.ext import commands

from bot.app import App
from bot.client import HeroBot
from bot.store.descriptions import Posted
from cogs.votes.backfill import ReactionBackfill


class VotesCog(commands.Cog):
    """Listens to reactions, also on messages that the bot has long forgotten."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app
        self.backfill = ReactionBackfill(bot, app)

    async def cog_unload(self) -> None:
        self.backfill.stop()

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """The bot was away: it has just started, or Discord does not tell it what it missed."""
        self.backfill.start()

    @commands.Cog.listener()
    async def on_shown(self, posted: Posted) -> None:
        """A description is tied to its message: who was quicker than that is looked up."""
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
        """Whether the bot wrote what was reacted to; Discord does not always say who did."""
        return author_id is None or self.bot.user is None or author_id == self.bot.user.id

    def _is_bot(self, payload: discord.RawReactionActionEvent) -> bool:
        """Whether a bot clicked: this one's own seeds, or another's. Direct messages name no member."""
        if self.bot.user and payload.user_id == self.bot.user.id:
            return True
        who = payload.member or self.bot.get_user(payload.user_id)
        return who is not None and who.bot
