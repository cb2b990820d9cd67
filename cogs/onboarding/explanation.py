"""What thumbs are for: told once in a server, to whoever is shown the first hero."""

import logging

from discord.ext import commands

from bot.app import App
from bot.client import HeroBot
from bot.errors import DatabaseBusy
from bot.i18n.message import Translator
from bot.rating.votes import DOWN, UP
from bot.store.descriptions import Description
from cogs.common.responses import Requester, Responder

log = logging.getLogger(__name__)


class ExplanationCog(commands.Cog):
    """Listens to heroes that were shown, so no hero waits for it. Duels are told of by their own messages."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    @commands.Cog.listener()
    async def on_published(
        self, description: Description, requester: Requester, responder: Responder
    ) -> None:
        """Tell the requester alone, if nobody in the server was told so far."""
        guild_id, onboarding = requester.guild_id, self.app.onboarding
        if guild_id is None or self.bot.get_guild(guild_id) is None:
            return  # direct messages, or a server that has not added the bot
        if not description.of_one_hero:
            return  # other texts do not train
        try:
            if not await onboarding.claim_explanation(guild_id):
                return
            if await responder.add_note(_text(requester.t, self.app.admission.thresholds.fewest_ups)):
                await onboarding.mark_explained(guild_id)
            else:
                onboarding.release_explanation(guild_id)
        except DatabaseBusy as error:
            onboarding.release_explanation(guild_id)
            log.warning("what thumbs are for is said another time, the database is busy: %s", error)


def _text(t: Translator, needed: int) -> str:
    return t.count(
        "This is the first hero here. {up} and {down} under a text tell me whether to learn from it: it may "
        "train once {number} person besides you likes it. My own two thumbs are there to click on and do not "
        "count. `/about` says how far the model has come.",
        "This is the first hero here. {up} and {down} under a text tell me whether to learn from it: it may "
        "train once {number} people besides you like it. My own two thumbs are there to click on and do not "
        "count. `/about` says how far the model has come.",
        needed,
        up=UP,
        down=DOWN,
    )
