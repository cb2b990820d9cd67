"""HeroBot: the Discord client. Intents, the features in `cogs/`, login and command sync."""

import asyncio
import gc
import importlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import discord
import yarl
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.connection.account import INTENTS
from bot.connection.command_sync import CommandSync
from bot.connection.failed_starts import FailedStarts
from bot.connection.foreign_servers import ForeignServers
from bot.connection.login import check_session_limit, check_token, not_discord, refusal_of
from bot.connection.shard_claims import ShardClaims
from bot.errors import LoginRefused
from bot.leases import Leases
from bot.monitoring.interactions import Interactions
from bot.shards import Shards, ranges
from cogs import EXTENSIONS

log = logging.getLogger(__name__)

# discord.py warns at the start of packages that only voice needs
discord.VoiceClient.warn_nacl = False
discord.VoiceClient.warn_dave = False

CogT = TypeVar("CogT", bound=commands.Cog)

Interaction = discord.Interaction["HeroBot"]
FailureReporter = Callable[[Interaction, Exception], Awaitable[None]]


class HeroBot(commands.AutoShardedBot):
    """The bot. It only answers Discord: long work is a row in the job table, done by a worker.

    It connects with as many shards as Discord asks for, or with those of SHARD_IDS: other processes serve the
    other servers then, over the same database.
    """

    def __init__(self, app: App) -> None:
        self.interactions = Interactions()
        settings = app.settings
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            intents=INTENTS,
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=0.5,  # seconds without another server after which the list is complete
            tree_cls=HeroTree,
            http_trace=self.interactions.trace(),
            shard_count=settings.shard_count,
            # discord.py takes None for all of them, and its types do not say so
            shard_ids=list(settings.shard_ids) if settings.shard_ids else None,  # type: ignore[arg-type]
            # seconds: processes that start together take turns, of five seconds each at least
            shard_connect_timeout=180.0 + 5 * (settings.shard_count or 0),
        )
        self.app = app
        self.report_failure: FailureReporter | None = None  # set by cogs.common, which has the texts
        self.failed_starts = FailedStarts(settings.data_dir / "failed_starts.json")
        self.foreign_servers = ForeignServers(self)
        self._connected: set[int] = set()  # shards that are connected to Discord's gateway, now
        self._identified = False  # Discord has said who the bot is
        self._sync: asyncio.Task[None] | None = None
        key = Leases(app.db, app.leases.timing, app.pseudonyms.fingerprint)
        self._claims = ShardClaims(app.leases, key)
        if not settings.shards.are_all:
            app.leases.stand_aside()  # until it is ready: one of the others may be before it, or alone
        self._sessions_at_once = 1
        self._launching: int | None = None  # the shard whose first connection is tried

    async def serve(self, token: str) -> None:
        """Connect to Discord and run until closed. Raise LoginRefused if Discord does not let the bot in."""
        try:
            check_token(token)
            await self.login(token)
            limit = await check_session_limit(self, len(self.served.ids) if self.shard_count else None)
            self._sessions_at_once = limit.at_once
            gc.freeze()  # collecting all objects of the start takes 0.15 s, during which nobody is answered
            await self._serve_shards(
                self.served if self.shard_count else Shards(tuple(range(limit.shards)), limit.shards)
            )
        except (KeyError, TypeError, ValueError) as error:
            if self._identified:
                raise
            raise not_discord() from error  # discord.py could not read who the bot is
        except Exception as error:
            if refusal := refusal_of(error):
                raise refusal from error
            raise

    async def _serve_shards(self, shards: Shards) -> None:
        """Connect until closed. Raises LoginRefused if another process serves one of these shards."""
        await self._claims.take(shards)
        keeping = asyncio.create_task(self._claims.keep(shards, can_lead=self._can_lead))
        connection = asyncio.create_task(self.connect())
        try:
            await asyncio.wait({keeping, connection}, return_when=asyncio.FIRST_COMPLETED)
            if not connection.done():
                await self.close()
                raise LoginRefused(await keeping)
            await connection
        finally:
            keeping.cancel()
            connection.cancel()
            await asyncio.gather(keeping, connection, return_exceptions=True)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait until this shard may begin a session: processes that start together share Discord's limit."""
        if self.served.are_all:
            await super().before_identify_hook(shard_id, initial=initial)
        else:
            await self._claims.wait_to_identify(shard_id or 0, max_concurrency=self._sessions_at_once)

    async def launch_shard(self, gateway: yarl.URL, shard_id: int, *, initial: bool = False) -> None:
        """Connect a shard for the first time, again and again until it succeeds.

        discord.py's own calls itself once more after each failure, until Python allows no deeper calls.
        """
        if self._launching == shard_id:
            raise _FailedLaunchError
        self._launching = shard_id
        try:
            while True:
                try:
                    await super().launch_shard(gateway, shard_id, initial=initial)
                except _FailedLaunchError:
                    initial = False
                else:
                    return
        finally:
            self._launching = None

    async def setup_hook(self) -> None:
        self._identified = True
        await self.load_features()
        # In the background: Discord may make it wait for hours, and the commands that it has work meanwhile.
        self._sync = asyncio.create_task(CommandSync(self.tree, self.app.leases).run())

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
        await self.app.leases.release()

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

    @property
    def served(self) -> Shards:
        """Which shards this process serves; one before it has connected, unless the settings say it."""
        count = self.shard_count or 1
        return Shards(tuple(self.shard_ids or range(count)), count)

    @property
    def shard_states(self) -> dict[int, bool]:
        """Whether each shard of this process is connected to Discord's gateway, now."""
        return {shard_id: shard_id in self._connected for shard_id in self.served.ids}

    @property
    def shard_latencies(self) -> dict[int, float]:
        """Seconds between a heartbeat and its answer by shard; not finite if none was answered."""
        return dict(self.latencies)

    @property
    def connected(self) -> bool:
        """Whether all shards of this process are connected."""
        return all(self.shard_states.values())

    def _can_lead(self) -> bool:
        """Return whether this process could do what leads: Discord has told its servers, and is there."""
        return self.is_ready() and bool(self._connected)

    async def on_shard_connect(self, shard_id: int) -> None:
        self._connected.add(shard_id)

    async def on_shard_disconnect(self, shard_id: int) -> None:
        self._connected.discard(shard_id)

    async def on_shard_resumed(self, shard_id: int) -> None:
        self._connected.add(shard_id)

    async def on_shard_ready(self, shard_id: int) -> None:
        if len(self.served.ids) > 1:
            log.info("shard %d of %d is ready", shard_id, self.served.count)

    async def on_ready(self) -> None:
        self.failed_starts.reset()
        self.app.leases.stand()
        log.info("ready as %s in %d servers, %s", self.user, len(self.guilds), _shards_text(self.served))


def _shards_text(shards: Shards) -> str:
    return f"{'shard' if len(shards.ids) == 1 else 'shards'} {ranges(shards.ids)} of {shards.count}"


class _FailedLaunchError(Exception):
    """discord.py tries to connect a shard once more."""


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
