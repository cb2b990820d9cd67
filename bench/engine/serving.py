"""How fast an engine answers, beside the engine with llama.cpp alone and beside llama.cpp's own server.

All of them are up at once and take turns, so that other work on the machine disturbs them alike: a figure is
the median over the rounds, and a ratio the median of the ratios within a round.
"""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table

from bench.common import machine, processes, servers
from bench.common.errors import BenchError
from bench.common.report import log_progress
from bench.common.rounds import rotated
from bench.common.servers import RunningServer
from bench.engine import model_size, training
from bench.engine.load import ChatRound, ServedModel, run_chat, run_chats
from bench.engine.model_size import ModelSize
from bench.engine.texts import author_prompts, questions, texts
from bench.engine.training import TrainingRun
from bot.dataset.build.builder import ENGINE_WORKERS

STREAMS = (1, 4, 8, 16)
BUILD = "build"
"""Requests of a dataset build: beginnings of texts, of which curation would keep most."""

BASE, TUNED, PEER, PEER_BASE, LLAMA = "base", "tuned", "llama.cpp", "llama.cpp, base", "llama.cpp's server"
"""The engine's base and tuned model, the same of one with llama.cpp alone, and its own server's base."""

_CHATTING = (BASE, TUNED, PEER, LLAMA)
_BUILDERS = {BASE: (ENGINE_WORKERS, {"service_tier": "flex"}), PEER_BASE: (7, {})}
"""How many requests of a build are under way, with which parameters: today's, and those of version 0.1."""

_BUILD_TEXTS = 42  # full waves of the peer's requests
_LOADING_SECONDS = 120.0
_SHORT_ANSWER = 24  # tokens of a chat whose latency is compared
_DPO = {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1, "n_epochs": 1}}}
_SUPERVISED = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1}}}


@dataclass(frozen=True)
class Plan:
    """How much is measured: examples, pairs, rounds of chat, and short chats with and without training."""

    examples: int
    pairs: int
    rounds: int
    short_chats: int


Rounds = Mapping[tuple[str, int | str], Sequence[ChatRound]]
"""Rounds by what answers and the number of streams, or BUILD; equally many for each."""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What was measured. Memory is in MiB, and shared pages count once."""

    runtime: str
    """What the engine chose on this machine: "openvino" or "llama.cpp"."""
    bandwidth: float
    """Bytes per second that all cores together can read."""
    base: ModelSize
    """Of the file that the runtime reads: OpenVINO's copy has 8 bits a weight."""
    tuned: ModelSize
    packed_bytes: int
    """Of the packaged weights."""
    rounds: Rounds
    serve_mib: float
    """Memory of the engine with the base and two tuned models loaded."""
    two_models_mib: float
    """The same with one tuned model; `peer_mib`: with llama.cpp alone."""
    peer_mib: float
    llama_mib: float
    """Memory of llama.cpp's server with the base alone."""
    supervised: TrainingRun
    dpo: TrainingRun
    quiet_seconds: float
    """Median of short chats without a training; `busy_seconds`: while a training runs."""
    busy_seconds: float

    def tokens_per_second(self, name: str, load: int | str) -> float:
        """Return the median over the rounds."""
        return median(each.tokens_per_second for each in self.rounds[name, load])

    def first_ms(self, name: str, streams: int) -> float:
        """Return the median time to the first word."""
        return median(each.first for each in self.rounds[name, streams]) * 1e3

    def ratio(
        self,
        name: str,
        other: str,
        load: int | str,
        of: Callable[[ChatRound], float] = lambda each: each.tokens_per_second,
    ) -> float:
        """Return how many times as large a figure of `name` is: the median of the ratios of the rounds."""
        pairs = zip(self.rounds[name, load], self.rounds[other, load], strict=True)
        return median(of(ours) / of(theirs) for ours, theirs in pairs)

    def bound(self, size: ModelSize, streams: int) -> float:
        """Return the tokens/s if reading the weights were all the work; one pass serves all streams.

        The KV cache of each chat is read as well, but is small beside the weights here.
        """
        return streams * self.bandwidth / size.weight_bytes

    @property
    def tuned_over_base(self) -> float:
        """The lowest ratio over all numbers of streams."""
        return min(self.ratio(TUNED, BASE, streams) for streams in STREAMS)

    def summary(self) -> dict[str, Any]:
        """Return the figures by name. Bandwidth share and first word are the base's with one stream."""
        return {
            "runtime": self.runtime,
            "tuned_over_base": self.tuned_over_base,
            "share_of_bandwidth_bound": self.tokens_per_second(BASE, 1) / self.bound(self.base, 1),
            "ttft_ms": self.first_ms(BASE, 1),
            "ttft_16_ms": self.first_ms(TUNED, 16),
            "ttft_ratio_16": self.ratio(TUNED, PEER, 16, lambda each: each.first),
            **{f"speedup_{streams}": self.ratio(TUNED, PEER, streams) for streams in STREAMS},
            "speedup_build": self.ratio(BASE, PEER_BASE, BUILD),
            "cpu_per_token_ratio_8": self.ratio(TUNED, PEER, 8, lambda each: each.cpu_per_token),
            "serve_mib": self.serve_mib,
            "serve_two_models_mib": self.two_models_mib,
            "train_tok_s": self.supervised.tokens_per_second,
            "train_gib": self.supervised.peak_gib,
            "dpo_gib": self.dpo.peak_gib,
            "chat_latency_ratio_while_training": self.busy_seconds / self.quiet_seconds,
        }

    def add_rows(self, table: Table) -> None:
        """Add one row for each figure: its value, its bound or what it is compared with, and the ratio."""
        for streams in STREAMS:
            self._chat_rows(table, streams)
            table.add_section()
        self._compare(table, BASE, PEER_BASE, BUILD, "a dataset build")
        table.add_row(
            "engine: base + 2 tuned",
            f"{self.serve_mib:.0f} MiB",
            f"llama.cpp's server, base alone: {self.llama_mib:.0f} MiB",
            f"{self.serve_mib / self.llama_mib:.2f}",
        )
        table.add_row(
            "engine: base + 1 tuned",
            f"{self.two_models_mib:.0f} MiB",
            f"llama.cpp: {self.peer_mib:.0f} MiB",
            f"{self.two_models_mib / self.peer_mib:.2f}",
        )
        for name, job in (("supervised", self.supervised), ("dpo", self.dpo)):
            weights_gib = self.packed_bytes / 2**30
            table.add_row(
                f"trainer's memory, {name}",
                f"{job.peak_gib:.2f} GiB",
                f"packed weights: {weights_gib:.2f} GiB",
                f"{job.peak_gib / weights_gib:.0f} x",
            )
        table.add_row(
            "short chat while training",
            f"{self.busy_seconds * 1e3:.0f} ms",
            f"without: {self.quiet_seconds * 1e3:.0f} ms",
            f"{self.busy_seconds / self.quiet_seconds:.2f}",
        )

    def _chat_rows(self, table: Table, streams: int) -> None:
        at = f"{streams} stream{'s' if streams > 1 else ''}"
        for name, size in ((BASE, self.base), (TUNED, self.tuned)):
            speed, bound = self.tokens_per_second(name, streams), self.bound(size, streams)
            table.add_row(
                f"{name}, {at}",
                f"{speed:.1f} tok/s",
                f"memory bound: {bound:.0f} tok/s",
                f"{speed / bound:.2f}",
            )
        for name, other in ((TUNED, BASE), (TUNED, PEER), (BASE, LLAMA)):
            self._compare(table, name, other, streams, f"{name}, {at}")
        table.add_row(
            f"processor time a token, {at}",
            f"{self._cpu_ms(TUNED, streams):.1f} ms",
            f"{PEER}: {self._cpu_ms(PEER, streams):.1f} ms",
            f"{self.ratio(TUNED, PEER, streams, lambda each: each.cpu_per_token):.2f}",
        )
        for name, other in ((TUNED, PEER), (BASE, LLAMA)):
            table.add_row(
                f"first word, {name}, {at}",
                f"{self.first_ms(name, streams):.0f} ms",
                f"{other}: {self.first_ms(other, streams):.0f} ms",
                f"{self.ratio(name, other, streams, lambda each: each.first):.2f}",
            )

    def _compare(self, table: Table, name: str, other: str, load: int | str, what: str) -> None:
        table.add_row(
            what,
            f"{self.tokens_per_second(name, load):.1f} tok/s",
            f"{other}: {self.tokens_per_second(other, load):.1f} tok/s",
            f"{self.ratio(name, other, load):.2f}",
        )

    def _cpu_ms(self, name: str, streams: int) -> float:
        return median(each.cpu_per_token for each in self.rounds[name, streams]) * 1e3


async def measure(plan: Plan, base: Path | None, base_file: Path, base_id: str, folder: Path) -> Serving:
    """Measure with all data in a folder. `base_file` and `base_id` are what `base` stands for.

    Raises BenchError.
    """
    log_progress("measuring memory bandwidth ...")
    bandwidth = machine.memory_bandwidth()
    ours, theirs = folder / "engine", folder / "llama.cpp"
    async with servers.engine_server(ours, base, runtime="auto") as engine:
        runtime = await _until_chosen(engine)  # before the trainings, which would disturb it
        supervised = await _train_supervised(engine, base_id, plan)
        dpo = await _train_dpo(engine, base_id, plan)
        base_model = ServedModel(engine, base_id)
        shutil.copytree(ours / "models", theirs / "models", ignore=shutil.ignore_patterns("openvino.gguf"))
        async with AsyncExitStack() as stack:
            peer = await stack.enter_async_context(servers.engine_server(theirs, base, runtime="llama.cpp"))
            llama = await stack.enter_async_context(
                servers.llama_server(base_file, max(STREAMS), folder / "llama.log")
            )
            models = {
                BASE: base_model,
                TUNED: ServedModel(engine, supervised.model),
                PEER: ServedModel(peer, supervised.model),
                PEER_BASE: ServedModel(peer, base_id),
                LLAMA: ServedModel(llama, base_id),
            }
            await _load(models.values())
            if runtime == "openvino":
                await _until_loaded(engine, 2)
            rounds = await _rounds(models, plan.rounds)
            await _require(engine, runtime)
            peer_mib, llama_mib = _memory_mib(peer), _memory_mib(llama)
        two_models_mib = _memory_mib(engine)
        await run_chat(ServedModel(engine, dpo.model), next(questions()), seed=1)
        if runtime == "openvino":
            await _until_loaded(engine, 3)
        serve_mib = _memory_mib(engine)

        # before and after, so that other work that starts meanwhile is not blamed on the training
        quiet = await _short_chats(base_model, plan.short_chats)
        busy = await _short_chats_while_training(base_model, plan)
        quiet += await _short_chats(base_model, plan.short_chats)
    tuned_file = ours / "models" / supervised.model.replace(":", "_") / "model.gguf"
    return Serving(
        runtime=runtime,
        bandwidth=bandwidth,
        base=model_size.read_size(next((ours / "openvino").glob("*.gguf"), base_file)),
        packed_bytes=model_size.read_size(base_file).weight_bytes,
        tuned=model_size.read_size(tuned_file),
        rounds=rounds,
        serve_mib=serve_mib,
        two_models_mib=two_models_mib,
        peer_mib=peer_mib,
        llama_mib=llama_mib,
        supervised=supervised,
        dpo=dpo,
        quiet_seconds=median(quiet),
        busy_seconds=median(busy),
    )


async def _train_supervised(server: RunningServer, base: str, plan: Plan) -> TrainingRun:
    log_progress(f"training on {plan.examples} examples ...")
    return await _train(server, base, [text.to_supervised() for text in texts(plan.examples)], _SUPERVISED)


async def _train_dpo(server: RunningServer, base: str, plan: Plan) -> TrainingRun:
    log_progress(f"training on {plan.pairs} preferences ...")
    better, worse = texts(plan.examples), texts(plan.pairs, seed=3)
    pairs = [text.to_preference(other.answer) for text, other in zip(better, worse, strict=False)]
    return await _train(server, base, pairs, _DPO)


async def _train(
    server: RunningServer, base: str, lines: list[dict[str, Any]], method: dict[str, Any]
) -> TrainingRun:
    return await training.follow_job(server, await training.start_job(server, base, lines, method))


async def _until_chosen(engine: RunningServer) -> str:
    """Return the runtime that the engine chose. It measures both when it has loaded its base."""
    deadline = time.monotonic() + _LOADING_SECONDS
    while time.monotonic() < deadline:
        found = await _runtime(engine)
        if not found["is_measuring"]:
            return str(found["name"])
        await asyncio.sleep(0.5)  # nothing tells that it has been chosen
    raise BenchError(f"The engine has chosen no runtime in {_LOADING_SECONDS:.0f} s")


async def _load(models: Iterable[ServedModel]) -> None:
    prompts = questions(seed=7)
    for model in models:
        await run_chats(model, prompts, streams=2, count=4)


async def _until_loaded(server: RunningServer, models: int) -> None:
    """Wait until OpenVINO has loaded so many models; llama.cpp answers before."""
    metrics = str(server.client.base_url).replace("/v1/", "/metrics")
    deadline = time.monotonic() + _LOADING_SECONDS
    while f"engine_openvino_models {models}.0" not in await server.client.get(metrics, cast_to=str):
        if time.monotonic() > deadline:
            raise BenchError(f"OpenVINO has not loaded {models} models in {_LOADING_SECONDS:.0f} s")
        await asyncio.sleep(0.2)  # only the metrics tell


async def _require(server: RunningServer, runtime: str) -> None:
    """Raise BenchError if another runtime has answered meanwhile."""
    found = await _runtime(server)
    if found["name"] != runtime or found["crashes"]["count"]:
        raise BenchError(f"{runtime} has not answered throughout: {found}")


async def _runtime(server: RunningServer) -> dict[str, Any]:
    """Return what /healthz tells of the runtime."""
    health = str(server.client.base_url).replace("/v1/", "/healthz")
    found: Any = await server.client.get(health, cast_to=dict)
    return dict(found["runtime"])


def _memory_mib(server: RunningServer) -> float:
    return processes.memory_mib(processes.answering(server.process_id))


async def _rounds(models: Mapping[str, ServedModel], count: int) -> Rounds:
    """Let the models take turns."""
    prompts, beginnings = questions(), author_prompts()
    rounds: dict[tuple[str, int | str], list[ChatRound]] = {}
    for number in range(count):
        log_progress(f"chatting: round {number + 1} of {count} ...")
        for streams in STREAMS:
            for name in rotated(_CHATTING, number):
                result = await run_chats(models[name], prompts, streams=streams, count=max(2, streams))
                _note(rounds, name, streams, result)
        for name in rotated(tuple(_BUILDERS), number):
            workers, parameters = _BUILDERS[name]
            asked = (each.with_parameters(parameters) for each in beginnings)
            result = await run_chats(models[name], asked, streams=workers, count=_BUILD_TEXTS)
            _note(rounds, name, BUILD, result)
    return rounds


def _note(
    rounds: dict[tuple[str, int | str], list[ChatRound]], name: str, load: int | str, result: ChatRound
) -> None:
    """Keep a round's result, and print it: a run may be broken off."""
    rounds.setdefault((name, load), []).append(result)
    log_progress(
        f"  {name}, {load}: {result.tokens_per_second:.1f} tokens/s, first word {1e3 * result.first:.0f} ms,"
        f" {1e3 * result.cpu_per_token:.2f} ms of processor time a token"
    )


async def _short_chats(model: ServedModel, count: int) -> list[float]:
    """Return the seconds of short chats, one after the other."""
    prompts = questions(seed=5, tokens=_SHORT_ANSWER)
    timings = [await run_chat(model, next(prompts), seed=number) for number in range(count)]
    return [timing.seconds for timing in timings]


async def _short_chats_while_training(model: ServedModel, plan: Plan) -> list[float]:
    """Return the seconds of the same short chats while a training runs."""
    log_progress("chatting while a training runs ...")
    lines = [text.to_supervised() for text in texts(400, seed=4)]  # more than it gets to
    job = await training.start_job(model.server, model.id, lines, _SUPERVISED)
    await training.wait_for_first_step(model.server, job)
    seconds = await _short_chats(model, plan.short_chats)
    await model.server.client.fine_tuning.jobs.cancel(job)
    return seconds
