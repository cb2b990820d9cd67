"""Measure the engine itself and a cluster engine on the same machine, in turns, and kill a replica.

Both answer by llama.cpp with the packaged weights. They take turns within each round, so that other work on
the machine disturbs them alike.
"""

import asyncio
import itertools
import signal
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import openai
import psutil

from bench.cluster import resume
from bench.cluster.figures import ENGINE, ONE, TWO, Figures, Kill
from bench.common.errors import BenchError
from bench.common.report import log_progress
from bench.common.rounds import rotated
from bench.common.servers import RunningServer, cluster_server, engine_server
from bench.engine.load import ChatRound, Prompt, ServedModel, run_chat, run_chats

_MODEL = "smollm2-135m-instruct"
_REPLICA = "ray::Replica"  # what Ray calls the process of one
_KILL_STREAMS = 8
_BEFORE_KILL_SECONDS = 4.0
_AFTER_KILL_SECONDS = 12.0
_WAVES = 2  # of chats in a round
_TOKENS = 60  # of an answer, as many as a hero has or fewer


@dataclass(frozen=True)
class Plan:
    """How often everything is measured."""

    rounds: int


FULL = Plan(rounds=5)
QUICK = Plan(rounds=3)


async def measure(folder: Path, plan: Plan) -> Figures:
    """Measure with data in `folder`. Raises BenchError if a server does not start."""
    prompts = _prompts()
    async with AsyncExitStack() as stack:
        log_progress("starting the engine and a cluster with one replica ...")
        servers = {
            ENGINE: await stack.enter_async_context(engine_server(folder / "engine", None)),
            ONE: await stack.enter_async_context(cluster_server(folder / "one", replicas=1)),
        }
        rounds = await _rounds(servers, prompts, (1, 8), plan)
    async with AsyncExitStack() as stack:
        log_progress("starting clusters with one and with two replicas ...")
        servers = {
            ONE: await stack.enter_async_context(
                cluster_server(folder / "one", replicas=1, options=("--training-workers", "2"))
            ),
            TWO: await stack.enter_async_context(cluster_server(folder / "two", replicas=2)),
        }
        rounds |= await _rounds(servers, prompts, (16,), plan)
        log_progress("killing a replica ...")
        kill = await _kill(servers[TWO], prompts)
        log_progress("training twice, and killing a worker ...")
        resumed = await resume.measure(servers[ONE], _MODEL)
    return Figures(rounds, kill, resumed)


async def _rounds(
    servers: dict[str, RunningServer], prompts: Iterator[Prompt], loads: tuple[int, ...], plan: Plan
) -> dict[tuple[str, int], list[ChatRound]]:
    """Return the rounds by server and number of streams."""
    found: dict[tuple[str, int], list[ChatRound]] = {}
    for server in servers.values():  # each loads what it has to load once
        await run_chats(ServedModel(server, _MODEL), prompts, streams=2, count=2)
    for number in range(plan.rounds):
        for streams in loads:
            for name in rotated(list(servers), number):
                served = ServedModel(servers[name], _MODEL)
                done = await run_chats(served, prompts, streams=streams, count=_WAVES * streams)
                found.setdefault((name, streams), []).append(done)
                log_progress(f"{name}, {streams} streams: {done.tokens_per_second:.0f} tokens/s")
    return found


@dataclass
class _Load:
    """Chats without end, and what became of them."""

    server: RunningServer
    prompts: Iterator[Prompt]
    failures: list[tuple[float, float]] = field(default_factory=list)
    """When each failed chat began and ended."""
    answers: list[tuple[float, float]] = field(default_factory=list)
    """When each answered chat began, and had its first word."""

    async def run(self, until: float) -> None:
        while time.monotonic() < until:
            prompt, began = next(self.prompts), time.monotonic()
            try:
                timing = await run_chat(ServedModel(self.server, _MODEL), prompt, seed=0)
            except openai.APIError:
                self.failures.append((began, time.monotonic()))
            else:
                self.answers.append((began, began + timing.first))


async def _kill(server: RunningServer, prompts: Iterator[Prompt]) -> Kill:
    """Kill one of two replicas under load."""
    load = _Load(server, prompts)
    until = time.monotonic() + _BEFORE_KILL_SECONDS + _AFTER_KILL_SECONDS
    chats = [asyncio.create_task(load.run(until)) for _ in range(_KILL_STREAMS)]
    await asyncio.sleep(_BEFORE_KILL_SECONDS)
    killed = time.monotonic()
    _replicas(server)[0].send_signal(signal.SIGKILL)
    await asyncio.gather(*chats)
    in_flight = [end - killed for began, end in load.failures if began <= killed]
    later = [end for began, end in load.failures if began > killed]
    answered = [first - killed for began, first in load.answers if began > killed]
    if not answered:
        raise BenchError("no chat was answered after a replica was killed")
    return Kill(
        broken=len(in_flight),
        lost=len(later),
        slowest_failure=max(in_flight, default=0.0),
        first_answer=min(answered),
    )


def _replicas(server: RunningServer) -> list[psutil.Process]:
    children = psutil.Process(server.process_id).children(recursive=True)
    found = [each for each in children if " ".join(each.cmdline()).startswith(_REPLICA)]
    if not found:
        raise BenchError("the cluster's replicas cannot be found")
    return found


def _prompts() -> Iterator[Prompt]:
    """Yield prompts of which none is like another, so that none is in a cache."""
    for number in itertools.count():
        age, power = 20 + number % 70, ("healing", "flight", "invisibility", "telepathy")[number % 4]
        text = f"Hero {number}: {age}, {'woman' if number % 2 else 'man'}, {power}. Tell me about this hero."
        yield Prompt([{"role": "user", "content": text}], {"max_completion_tokens": _TOKENS})
