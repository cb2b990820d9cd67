"""HeroBot: the Discord client. Intents, the features in `cogs/`, and command sync."""

import gc
import hashlib
import importlib
import json
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.errors import OperatorError
from cogs import EXTENSIONS

log = logging.getLogger(__name__)

CogT = TypeVar("CogT", bound=commands.Cog)

Interaction = discord.Interaction["HeroBot"]
FailureReporter = Callable[[Interaction, Exception], Awaitable[None]]


class HeroBot(commands.Bot):
    """The bot. It only answers Discord: long work is a row in the job table, done by a worker."""

    def __init__(self, app: App) -> None:
        intents = discord.Intents.none()
        intents.guilds = True
        intents.reactions = True
        # deletions; content comes only with direct messages and mentions of the bot
        intents.messages = True
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            intents=intents,
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=0.5,  # seconds without another server after which the list is complete
            tree_cls=HeroTree,
        )
        self.app = app
        self.report_failure: FailureReporter | None = None  # set by cogs.common, which has the texts

    async def serve(self, token: str) -> None:
        """Connect to Discord and run until closed. Raise OperatorError if the login fails."""
        try:
            await self.login(token)
        except discord.LoginFailure as error:
            raise OperatorError("Discord refuses DISCORD_TOKEN: copy it anew from the portal.") from error
        except OSError as error:
            raise OperatorError(f"Discord cannot be reached: {error}") from error
        gc.freeze()  # collecting all objects of the start takes 0.15 s, during which nobody is answered
        await self.connect()

    async def setup_hook(self) -> None:
        # Not load_extension(): it drops the modules from sys.modules when the bot closes, and the next bot
        # of the process (in a test, or in the playground) would get second copies of their classes.
        for name in EXTENSIONS:
            await importlib.import_module(name).setup(self)
        if self.report_failure is None:
            raise LookupError("no feature reports the failures of commands")
        await self._sync()

    def cog(self, kind: type[CogT]) -> CogT:
        """Return the loaded cog of a class. Raises LookupError if no feature added one."""
        for cog in self.cogs.values():
            if isinstance(cog, kind):
                return cog
        raise LookupError(kind.__name__)

    async def on_message(self, message: discord.Message) -> None:
        """Do nothing: there are no prefix commands, and HeroCog answers mentions."""

    async def on_ready(self) -> None:
        log.info("ready as %s in %d servers", self.user, len(self.guilds))

    async def _sync(self) -> None:
        """Sync the commands if they changed since the last sync: Discord rate-limits this call."""
        translator = self.tree.translator
        if translator is None:
            raise LookupError("no feature has set a translator for the commands")
        commands_ = sorted(self.tree.get_commands(), key=lambda command: command.name)  # whatever loads first
        payload = [await command.get_translated_payload(self.tree, translator) for command in commands_]
        text = json.dumps([self.application_id, payload], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        synced = self.app.settings.data_dir / "commands.sha256"
        if synced.exists() and synced.read_text() == digest:
            return
        await self.tree.sync()
        synced.write_text(digest)
        log.info("synced %d commands with Discord", len(payload))


class HeroTree(app_commands.CommandTree["HeroBot"]):
    """The slash commands. A failure is reported to the person who used the command."""

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError) -> None:
        if self.client.report_failure is None:
            await super().on_error(interaction, error)  # logs it
        else:
            await self.client.report_failure(interaction, error)
