"""HeroBot: the Discord client. Intents, cogs, command sync, and the one error handler."""

import gc
import hashlib
import json
import logging

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.errors import OperatorError
from cogs.admin.notifications import NoticesCog
from cogs.admin.powers import PowersCog
from cogs.admin.settings import ChannelMenu, SettingsCog
from cogs.common.errors import tell_failure
from cogs.common.locale import CatalogueTranslator
from cogs.hero.buttons import HeroButton
from cogs.hero.cog import HeroCog
from cogs.hero.duel_buttons import DuelButton, DuelReportButton
from cogs.hero.duel_cog import DuelCog
from cogs.info.about import AboutCog
from cogs.info.leaderboard import PageButton, TopCog
from cogs.info.privacy import PrivacyButton, PrivacyCog
from cogs.models.buttons import PromoteButton
from cogs.models.cog import ModelsCog
from cogs.moderation.buttons import RemovalButton
from cogs.moderation.cog import SightCog
from cogs.training.dataset import DatasetCog
from cogs.training.finetune import TuningCog
from cogs.training.job_buttons import JobButton
from cogs.training.jobs import JobsCog
from cogs.training.review import ReviewButton
from cogs.votes.buttons import ThumbButton
from cogs.votes.cog import VotesCog

log = logging.getLogger(__name__)

_COGS = (
    HeroCog,
    DuelCog,
    SightCog,
    VotesCog,
    TopCog,
    AboutCog,
    PrivacyCog,
    SettingsCog,
    DatasetCog,
    TuningCog,
    ModelsCog,
    PowersCog,
    JobsCog,
    NoticesCog,
)
_BUTTONS = (
    HeroButton,
    RemovalButton,
    DuelButton,
    DuelReportButton,
    PromoteButton,
    JobButton,
    ReviewButton,
    PrivacyButton,
    ChannelMenu,
    PageButton,
    ThumbButton,
)

Interaction = discord.Interaction["HeroBot"]


class HeroBot(commands.Bot):
    """The bot. It answers Discord and nothing else; long work lies in rows that a worker takes up."""

    def __init__(self, app: App) -> None:
        intents = discord.Intents.none()
        intents.guilds = True
        intents.reactions = True
        intents.messages = True  # that one was deleted; direct ones and mentions of the bot bring their text
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            intents=intents,
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=0.5,  # seconds without another server that make the list complete
            tree_cls=HeroTree,
        )
        self.app = app

    async def serve(self, token: str) -> None:
        """Be on Discord until closed. Raises OperatorError where Discord does not let the bot in."""
        try:
            await self.login(token)
        except discord.LoginFailure as error:
            raise OperatorError("Discord refuses DISCORD_TOKEN: copy it anew from the portal.") from error
        except OSError as error:
            raise OperatorError(f"Discord cannot be reached: {error}") from error
        gc.freeze()  # to walk all that a start loads takes 0.15 s, in which nobody would be answered
        await self.connect()

    async def setup_hook(self) -> None:
        for cog in _COGS:
            await self.add_cog(cog(self, self.app))
        self.add_dynamic_items(*_BUTTONS)  # they work on after a restart
        await self._sync()

    async def on_message(self, message: discord.Message) -> None:
        """Leave mentions to HeroCog: there are no commands with a prefix."""

    async def on_ready(self) -> None:
        log.info("ready as %s in %d servers", self.user, len(self.guilds))

    async def _sync(self) -> None:
        """Tell Discord the commands where they changed since it was last told: the call is rationed."""
        translator = CatalogueTranslator(self.app.guilds.languages)
        await self.tree.set_translator(translator)
        commands_ = self.tree.get_commands()
        payload = [await command.get_translated_payload(self.tree, translator) for command in commands_]
        wanted = hashlib.sha256(json.dumps([self.application_id, payload], sort_keys=True).encode())
        known = self.app.settings.data_dir / "commands.sha256"
        if known.exists() and known.read_text() == wanted.hexdigest():
            return
        await self.tree.sync()
        known.write_text(wanted.hexdigest())
        log.info("told Discord %d commands", len(payload))


class HeroTree(app_commands.CommandTree["HeroBot"]):
    """Puts every failure of a command into words."""

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError) -> None:
        await tell_failure(interaction, error)
