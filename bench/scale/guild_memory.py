"""How much memory a bot process needs for the servers that it is in."""

import asyncio
from pathlib import Path

import psutil

from bench.common.processes import memory_mib
from bench.common.report import log_progress
from bench.interactions.discord_server import Guilds, discord_server
from bench.interactions.model_server import model_server
from bench.interactions.running_bot import bot_process
from bench.scale.figures import GuildMemory

FEW = Guilds(1, channels=30, roles=15)
MANY = Guilds(1001, channels=30, roles=15)
_SETTLE_SECONDS = 3.0  # after the bot is ready


async def measure(rounds: int, folder: Path) -> GuildMemory:
    """Start bots with few and many servers in turns. Raises BenchError if one does not start."""
    few: list[float] = []
    many: list[float] = []
    async with model_server() as model:
        for number in range(rounds):
            for guilds, found in ((FEW, few), (MANY, many)):
                log_progress(f"round {number + 1} of {rounds}: a bot in {guilds.count} servers ...")
                # a folder each: the second start of an installation would need less than the first
                own = folder / f"{number}-{guilds.count}"
                own.mkdir(parents=True)
                found.append(await _memory_with(guilds, model, own))
    return GuildMemory(MANY.count - FEW.count, few, many)


async def _memory_with(guilds: Guilds, model: str, folder: Path) -> float:
    async with discord_server(guilds) as discord, bot_process("herosmith", discord.url, model, folder) as bot:
        await asyncio.sleep(_SETTLE_SECONDS)
        return memory_mib([psutil.Process(bot.id)])
