"""What a bot process needs for the servers that it is in: memory, and time for what people write there."""

import asyncio
from pathlib import Path

import psutil

from bench.common.processes import cpu_seconds, memory_mib
from bench.common.report import log_progress
from bench.interactions.discord_server import DiscordServer, discord_server
from bench.interactions.model_server import model_server
from bench.interactions.payloads import Guilds
from bench.interactions.running_bot import bot_process
from bench.scale.figures import GuildCosts

FEW = Guilds(1, channels=30, roles=15)
MANY = Guilds(1001, channels=30, roles=15)
MESSAGES = 5_000
"""That are sent to the bot with many servers; none is for it."""

_HERO = "40 woman healing"
_WARM_UP = 5  # /hero
_SETTLE_SECONDS = 3.0  # after the bot is ready


async def measure(rounds: int, folder: Path) -> GuildCosts:
    """Start bots with few and many servers in turns. Raises BenchError if one does not start."""
    costs = GuildCosts(MANY.count - FEW.count)
    async with model_server() as model:
        for number in range(rounds):
            for guilds, found in ((FEW, costs.few), (MANY, costs.many)):
                log_progress(f"round {number + 1} of {rounds}: a bot in {guilds.count:,} servers ...")
                # a folder each: the second start of an installation needs less than the first
                own = folder / f"{number}-{guilds.count}"
                own.mkdir(parents=True)
                async with (
                    discord_server(guilds) as discord,
                    bot_process("herosmith", discord.url, model, own) as bot,
                ):
                    process = psutil.Process(bot.id)
                    await asyncio.sleep(_SETTLE_SECONDS)
                    found.append(memory_mib([process]))
                    if guilds == MANY:
                        costs.message_us.append(await _message_us(discord, process))
    return costs


async def _message_us(discord: DiscordServer, bot: psutil.Process) -> float:
    """Return the microseconds of processor time for a message that is not for the bot."""
    for _ in range(_WARM_UP):
        await discord.send_hero_command(_HERO)
    before = cpu_seconds([bot])
    await discord.send_messages(MESSAGES)
    await discord.send_hero_command(_HERO)  # events are read in order: it is answered after them
    return (cpu_seconds([bot]) - before) / MESSAGES * 1e6
