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
        self.report_failure: FailureReporter | None = None  # set by cogs.common: it knows the words

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
        # Not load_extension(): that drops the modules from sys.modules when the bot closes; the next bot of
        # the process (a test, the playground) would get second copies of their classes.
        for name in EXTENSIONS:
            await importlib.import_module(name).setup(self)
        await self._sync()

    def cog(self, kind: type[CogT]) -> CogT:
        """Return the loaded cog of a class. Raises LookupError if no feature added one."""
        for each in self.cogs.values():
            if isinstance(each, kind):
                return each
        raise LookupError(kind.__name__)

    async def on_message(self, message: discord.Message) -> None:
        """Leave mentions to HeroCog: there are no commands with a prefix."""

    async def on_ready(self) -> None:
        log.info("ready as %s in %d servers", self.user, len(self.guilds))

    async def _sync(self) -> None:
        """Tell Discord the commands where they changed since it was last told: the call is rationed."""
        translator = self.tree.translator
        if translator is None:
            raise LookupError("no feature has set a translator for the commands")
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
    """The slash commands. Each failure is reported to the person who typed the command."""

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError) -> None:
        if self.client.report_failure is None:
            await super().on_error(interaction, error)  # logs it
        else:
            await self.client.report_failure(interaction, error)
