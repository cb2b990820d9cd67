"""/duel: two models describe one hero, and the votes decide which of them serves."""

import logging

from discord import app_commands
from discord.ext import commands, tasks

from bot.app import App
from bot.client import Interaction
from cogs.hero.cog import HeroCog, hero_choices

log = logging.getLogger(__name__)


class DuelCog(commands.Cog):
    """Duels: read two descriptions of one hero and say which is better."""

    def __init__(self, app: App, heroes: HeroCog) -> None:
        """heroes: runs the duel, as it does when a /hero becomes one."""
        self.app = app
        self._heroes = heroes

    async def cog_load(self) -> None:
        self.advance_trials.start()

    async def cog_unload(self) -> None:
        self.advance_trials.cancel()

    @tasks.loop(minutes=10)
    async def advance_trials(self) -> None:
        """End overdue trials and start the next one, in the process that leads."""
        try:
            if await self.app.leases.lead():
                await self.app.trials.advance()
        except Exception:
            log.exception("the trials could not be advanced")

    @app_commands.command(description="Two models describe one hero, and you say which text is better")
    @app_commands.describe(hero="age, gender and power, for example: 40 woman healing")
    @app_commands.allowed_installs(guilds=True, users=False)
    @app_commands.allowed_contexts(guilds=True)  # a duel needs other people to vote
    async def duel(self, interaction: Interaction, hero: str) -> None:
        parsed = self.app.hero_parser.parse(hero)
        requester, responder = await self._heroes.acknowledge(interaction)
        await self._heroes.duel(parsed, requester, responder)

    @duel.autocomplete("hero")
    async def _suggest(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return await hero_choices(interaction, typed)
