"""HeroBot: the Discord client. Intents, the features in `cogs/`, login and command sync."""

import asyncio
import gc
import importlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.connection.account import INTENTS
from bot.connection.command_sync import CommandSync
from bot.connection.failed_starts import FailedStarts
from bot.connection.login import check_session_limit, check_token, not_discord, refusal_of
from bot.monitoring.interactions import Interactions
from cogs import EXTENSIONS

log = logging.getLogger(__name__)

# discord.py warns at the start of packages that only voice needs
discord.VoiceClient.warn_nacl = False
discord.VoiceClient.warn_dave = False

CogT = TypeVar("CogT", bound=commands.Cog)

Interaction = discord.Interaction["HeroBot"]
FailureReporter = Callable[[Interaction, Exception], Awaitable[None]]


class HeroBot(commands.Bot):
    """The bot. It only answers Discord: long work is a row in the job table, done by a worker."""

    def __init__(self, app: App) -> None:
        self.interactions = Interactions()
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            intents=INTENTS,
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=0.5,  # seconds without another server after which the list is complete
            tree_cls=HeroTree,
            http_trace=self.interactions.trace(),
        )
        self.connected = False  # to Discord's gateway, now
        self.app = app
        self.report_failure: FailureReporter | None = None  # set by cogs.common, which has the texts
        self.failed_starts = FailedStarts(app.settings.data_dir / "failed_starts.json")
        self._identified = False  # Discord has said who the bot is
        self._sync: asyncio.Task[None] | None = None

    async def serve(self, token: str) -> None:
        """Connect to Discord and run until closed. Raise LoginRefused if Discord does not let the bot in."""
        try:
            check_token(token)
            await self.login(token)
            await check_session_limit(self)
            gc.freeze()  # collecting all objects of the start takes 0.15 s, during which nobody is answered
            await self.connect()
        except (KeyError, TypeError, ValueError) as error:
            if self._identified:
                raise
            raise not_discord() from error  # discord.py could not read who the bot is
        except Exception as error:
            if refusal := refusal_of(error):
                raise refusal from error
            raise

    async def setup_hook(self) -> None:
        self._identified = True
        await self.load_features()
        # In the background: Discord may make it wait for hours, and the commands that it has work meanwhile.
        self._sync = asyncio.create_task(CommandSync(self.tree).run())

    async def load_features(self) -> None:
        """Add the cogs, commands and buttons of `cogs/`; this needs no connection."""
        # Not load_extension(): it drops the modules from sys.modules when the bot closes, and the next bot
        # of the process (in a test, or in the playground) would get second copies of their classes.
        for name in EXTENSIONS:
            await importlib.import_module(name).setup(self)
        for kind in discord.AppCommandType:
            for command in self.tree.walk_commands(type=kind):
                if not isinstance(command, app_commands.Group):
                    self.interactions.expect(f"/{command.qualified_name}")
        if self.report_failure is None:
            raise LookupError("no feature reports the failures of commands")

    def add_dynamic_items(self, *items: type[discord.ui.DynamicItem[discord.ui.Item[Any]]]) -> None:
        """Add buttons and menus, and begin their counts."""
        super().add_dynamic_items(*items)
        for item in items:
            self.interactions.expect(item.__name__)

    def command_texts(self) -> tuple[frozenset[str], frozenset[str]]:
        """Return the names and the descriptions of all commands and options, in English."""
        names, descriptions = set(), set()
        for command in self.tree.walk_commands():
            names.add(command.name)
            descriptions.add(command.description)
            if isinstance(command, app_commands.Command):
                for parameter in command.parameters:
                    names.add(parameter.display_name)
                    descriptions.add(str(parameter.description))
        return frozenset(names), frozenset(descriptions)

    async def close(self) -> None:
        if self._sync:
            self._sync.cancel()
        await super().close()

    def cog(self, kind: type[CogT]) -> CogT:
        """Return the loaded cog of a class. Raises LookupError if no feature added one."""
        for cog in self.cogs.values():
            if isinstance(cog, kind):
                return cog
        raise LookupError(kind.__name__)

    async def on_message(self, message: discord.Message) -> None:
        """Do nothing: there are no prefix commands, and HeroCog answers mentions."""

    @property
    def guild_count(self) -> int:
        """How many servers the bot is in."""
        return len(self.guilds)

    async def on_app_command_completion(self, _interaction: Interaction, _command: object) -> None:
        self.interactions.end("answered")

    async def on_connect(self) -> None:
        self.connected = True

    async def on_disconnect(self) -> None:
        self.connected = False

    async def on_resumed(self) -> None:
        self.connected = True

    async def on_ready(self) -> None:
        self.failed_starts.reset()
        log.info("ready as %s in %d servers", self.user, len(self.guilds))


class HeroTree(app_commands.CommandTree["HeroBot"]):
    """The slash commands. A failure is reported to the person who used the command."""

    async def interaction_check(self, interaction: Interaction) -> bool:
        """Begin the interaction; every command may be used."""
        if interaction.type is discord.InteractionType.application_command:
            command = interaction.command
            self.client.interactions.begin(f"/{command.qualified_name}" if command else "unknown command")
        return True

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError) -> None:
        if self.client.report_failure is None:
            await super().on_error(interaction, error)  # logs it
        else:
            await self.client.report_failure(interaction, error)
