"""The simulated Discord of the playground: one server, one channel, an operator and two members."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import discord
import simcord
from simcord.backend import serializers
from simcord.backend.models import Interaction
from simcord.enums import OptionType

from bot.app import App
from bot.client import HeroBot
from bot.errors import Refused
from bot.i18n.message import LocalizedMessage, mark
from bot.leases import LEADER

log = logging.getLogger(__name__)

HOME = 1_000_000_000_000_000_000  # the simulated server's id: a home guild, so its manager is an operator

OPERATOR = "olga"
MEMBERS = ("ana", "ben")

_SETTLE_TIMEOUT = 0.05  # seconds that simcord waits for the bot to become idle; longer work goes on by itself
_CLOCK_INTERVAL = 0.1  # seconds between two updates of the clock
_SHUTDOWN_TIMEOUT = 20.0  # seconds for the bot's last work
_SIMCORDS_START_TIMEOUT = 5.0  # fixed in its code
_START_TIMEOUT = 60.0  # seconds, for a busy machine

_acting_locale = ContextVar("acting_locale", default="en-US")  # of the page whose action a task runs

_GROUPS = (OptionType.SUBCOMMAND, OptionType.SUBCOMMAND_GROUP)
_NOT_ALLOWED = mark("Discord would not let you do this.")


class PatientEnv(simcord.Env):
    """simcord's environment, which gives the bot a minute to start.

    In place of Discord it says how many shards a bot has that does not know: one.
    """

    def __init__(self, bot: HeroBot, **options: Any) -> None:
        super().__init__(bot, shard_count=bot.shard_count or 1, **options)

    async def restart_bot(self, bot: discord.Client | None = None) -> None:
        """Replace the bot. The one before gives its leases back, as at the end of its process."""
        if isinstance(self.bot, HeroBot):
            await self.bot.app.leases.release()
        await super().restart_bot(bot)

    async def _settle_internal(self, *, timeout: float | None = None, **options: Any) -> None:  # noqa: ASYNC109
        patient = _START_TIMEOUT if timeout == _SIMCORDS_START_TIMEOUT else timeout
        await super()._settle_internal(timeout=patient, **options)


class SimulatedDiscord:
    """The simulated server. Every action in it must go through `act`, which holds the lock.

    simcord is made for tests: it stops its clock, and waits after each action until the bot is idle. Here it
    waits only briefly: the bot works on, others act meanwhile, and the simulated clock follows the real one.

    What people see is read from simcord's own store (`env.backend`), so simcord's version is pinned exactly.
    """

    def __init__(
        self, env: simcord.Env, channel: simcord.ChannelHandle, people: list[simcord.MemberActor]
    ) -> None:
        self.env = env
        self.channel = channel
        self.people = {person.name: person for person in people}
        self._lock = asyncio.Lock()  # simcord refuses an operation while another one is running
        self._is_visited = False  # whether a page was opened in this run
        self._paths: dict[str, str] = {}  # of the commands that people used, by interaction id
        env.backend.subscribers.insert(0, self._on_event)  # before the bot gets it

    @property
    def roles(self) -> list[simcord.RoleHandle]:
        """The roles that a member can be given."""
        guild = self.channel.guild
        return [role for role in guild.roles.values() if role.id != guild.id] if guild else []

    @property
    def event_count(self) -> int:
        """The number of events so far. While it is the same, nothing has changed."""
        return len(self.env.backend.transcript)

    def visit(self, language: str) -> None:
        """Let the bot join the server when the first page of this run is opened, in that page's language.

        What answers nobody, such as the greeting or a job's message, is in it from then on. Whoever opens
        another page in another language changes nothing for the others.
        """
        if self._is_visited:
            return
        self._is_visited = True
        backend = self.env.backend
        guild = backend.edit_guild(HOME, {"preferred_locale": _discord_locale(language)})
        guild.members[backend.bot_user.id].joined_at = backend.now_iso()
        joined = dict(serializers.guild_create_payload(backend, guild))
        del joined["unavailable"]  # which Discord says of a server that the bot was in before
        backend.emit("GUILD_CREATE", joined)

    @staticmethod
    def act_in(language: str) -> None:
        """Let what this task does come from a Discord client in a language, for example `de`.

        Discord takes the locale of an interaction from the client, and simcord has no place for it.
        """
        _acting_locale.set(_discord_locale(language))

    def _on_event(self, event: str, payload: Any) -> None:
        """Complete an interaction that goes to the bot, and remember which command it is."""
        if event != "INTERACTION_CREATE":
            return
        payload["locale"] = _acting_locale.get()
        payload["guild_locale"] = self.env.backend.get_guild(HOME).preferred_locale
        is_command = payload["type"] == discord.InteractionType.application_command.value
        if is_command and payload["data"].get("type", 1) == discord.AppCommandType.chat_input.value:
            self._paths[payload["id"]] = _command_path(payload["data"])

    def command_path(self, interaction_id: str) -> str | None:
        """Return the full name of the command that started an interaction, such as `models list`."""
        return self._paths.get(interaction_id)

    def embeds_of(self, command: str) -> list[discord.Embed]:
        """Return the embeds of all answers to a command since the start that are still there."""
        backend = self.env.backend
        ids = {each.message_id for each in backend.interactions.values() if each.command_name == command}
        answers = [message for message in self.channel.history() if message.id in ids]
        return [embed for answer in answers for embed in answer.embeds]

    async def act(
        self, action: Awaitable[Any], refusal: str | LocalizedMessage = _NOT_ALLOWED
    ) -> Interaction | None:
        """Perform a person's action. Return the interaction that it started, if any, answered or not.

        Raises Refused with the message `refusal` if the person may not, or cannot: simcord's own reasons are
        for writers of tests.
        """
        interactions = self.env.backend.interactions
        async with self._lock:
            before = len(interactions)
            try:
                await action
            except TimeoutError:
                pass  # the bot is still working
            except (simcord.SetupError, simcord.BackendError) as error:
                log.info("refused: %s", error)
                raise Refused(refusal) from error
            return next(reversed(interactions.values())) if len(interactions) > before else None

    async def wait_for_answer(self, interaction: Interaction) -> Interaction:
        """Wait for the bot's first answer. Raise Refused if none comes within Discord's three seconds."""
        while not interaction.responded:
            if self.env.backend.now_iso() >= (interaction.initial_response_deadline or ""):
                raise Refused(
                    "Herosmith did not answer within three seconds. Try again; the terminal may say why."
                )
            await asyncio.sleep(0.02)
        return interaction

    def message(self, message_id: int) -> simcord.ResponseMessage:
        """Return a message of the channel. Raise Refused if it was deleted."""
        try:
            found = self.env.backend.get_message(self.channel.id, message_id)
        except simcord.BackendError as error:
            raise Refused("That message was deleted.") from error
        return simcord.ResponseMessage(self.env, found)

    async def follow_real_time(self) -> None:
        """Keep the simulated clock at the real time, for ever, so that the bot's timers fire."""
        while True:
            async with self._lock:
                self.env.backend.advance_clock(_clock_lag(self.env))
                with suppress(TimeoutError):  # the bot is busy
                    await self.env.settle(timeout=_SETTLE_TIMEOUT)  # fires due timers
            await asyncio.sleep(_CLOCK_INTERVAL)


@asynccontextmanager
async def open_simulated_discord(app: App) -> AsyncIterator[SimulatedDiscord]:
    """Start the bot in a new simulated Discord."""
    await app.leases.seize(LEADER)  # a playground before this one may have been killed
    # the bot's first timers are waited for as long as its start
    env = PatientEnv(HeroBot(app), settle_timeout=_START_TIMEOUT)
    # created before the clock is set: accounts must be old, because votes of young ones do not count
    operator, *others = (env.create_user(name) for name in (OPERATOR, *MEMBERS))
    env.backend.advance_clock(_clock_lag(env))
    await env.start()
    env.settle_timeout = _SETTLE_TIMEOUT
    try:
        if env.bot.user:
            await env.bot.user.edit(username="Herosmith")
        await app.onboarding.mark_explained(HOME)  # the page's guide says what thumbs are for
        guild = env.create_guild(name="Hero HQ", id=HOME)
        channel = guild.create_text_channel("heroes")
        manager = guild.create_role("operator", permissions=discord.Permissions(manage_guild=True))
        olga = guild.add_member(operator, roles=[manager])
        yield SimulatedDiscord(env, channel, [olga, *(guild.add_member(user) for user in others)])
    finally:
        env.settle_timeout = _SHUTDOWN_TIMEOUT
        await env.shutdown()


def _command_path(data: Mapping[str, Any]) -> str:
    """Return the name of a command after those of its groups."""
    nested = next((each for each in data.get("options", ()) if each["type"] in _GROUPS), None)
    return f"{data['name']} {_command_path(nested)}" if nested else str(data["name"])


def _discord_locale(language: str) -> str:
    return "en-US" if language == "en" else language


def _clock_lag(env: simcord.Env) -> float:
    """Return the seconds by which the simulated time is behind the real one."""
    return max(0.0, (datetime.now(UTC) - env.now()).total_seconds())
