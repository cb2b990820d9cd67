"""Measure an engine beside llama.cpp's own server: chat, training, memory, and chat while training."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.common import machine, servers
from bench.common.errors import BenchError
from bench.common.report import log_progress
from bench.common.rounds import rotated
from bench.common.servers import RunningServer
from bench.engine import model_size, training
from bench.engine.figures import STREAMS, Figures, Rounds
from bench.engine.load import ChatRound, ServedModel, run_chat, run_chats
from bench.engine.texts import encode, questions, texts
from bench.engine.training import TrainingRun
from engine.storage import weights

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


FULL, QUICK = Plan(160, 40, 5, 20), Plan(32, 10, 2, 8)


async def measure(plan: Plan, base: Path | None, folder: Path) -> Figures:
    """Measure with all data in a folder. Raises BenchError or WeightsError."""
    base_weights = weights.find(base)
    if not base_weights.is_gguf:
        raise BenchError("Only a .gguf base can be measured: the baseline is llama.cpp.")
    log_progress("measuring memory bandwidth and matrix products ...")
    bandwidth, peak = machine.memory_bandwidth(), machine.matrix_peak()
    async with servers.engine_server(folder / "engine", base) as server:
        supervised = await _train_supervised(server, base_weights.id, plan)
        dpo = await _train_dpo(server, base_weights.id, plan)
        base_model = ServedModel(server.client, base_weights.id)
        tuned_model = ServedModel(server.client, supervised.model)
        async with servers.llama_server(base_weights.path, max(STREAMS), folder / "llama.log") as llama:
            llama_model = ServedModel(llama.client, base_weights.id)
            models = {"base": base_model, "tuned": tuned_model, "llama.cpp": llama_model}
            rounds = await _chat_rounds(models, plan.rounds)
            baseline_mib = machine.resident_mib(llama.process_id)
        await run_chat(ServedModel(server.client, dpo.model), next(questions()), seed=1)
        serve_mib = machine.resident_mib(server.process_id)  # base, and two tuned models

        # before and after, so that other work that starts meanwhile is not blamed on the training
        quiet = await _short_chats(base_model, plan.short_chats)
        busy = await _short_chats_while_training(server, base_model, plan)
        quiet += await _short_chats(base_model, plan.short_chats)
    encoded = await encode(base_weights.path, texts(plan.examples), folder / "encoded")
    tuned_file = folder / "engine" / "models" / supervised.model.replace(":", "_") / "model.gguf"
    return Figures(
        bandwidth=bandwidth,
        peak=peak,
        base=model_size.read_size(base_weights.path),
        tuned=model_size.read_size(tuned_file),
        learned_share=model_size.learned_share(encoded),
        rounds=rounds,
        serve_mib=serve_mib,
        baseline_mib=baseline_mib,
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


async def _chat_rounds(models: Mapping[str, ServedModel], count: int) -> Rounds:
    """Let the models take turns, so that other work on the machine disturbs them alike."""
    prompts = questions()
    for model in models.values():
        await run_chat(model, next(prompts), seed=0)
    rounds: dict[tuple[str, int], list[ChatRound]] = {}
    for number in range(count):
        log_progress(f"chatting: round {number + 1} of {count} ...")
        for streams in STREAMS:
            for name in rotated(list(models), number):
                result = await run_chats(models[name], prompts, streams=streams, count=max(2, streams))
                rounds.setdefault((name, streams), []).append(result)
    return rounds


async def _short_chats(model: ServedModel, count: int) -> list[float]:
    """Return the seconds of short chats, one after the other."""
    prompts = questions(seed=5)
    timings = [
        await run_chat(model, next(prompts), seed=number, tokens=_SHORT_ANSWER) for number in range(count)
    ]
    return [timing.seconds for timing in timings]


async def _short_chats_while_training(server: RunningServer, model: ServedModel, plan: Plan) -> list[float]:
    """Return the seconds of the same short chats while a training runs."""
    log_progress("chatting while a training runs ...")
    lines = [text.to_supervised() for text in texts(400, seed=4)]  # more than it gets to
    job = await training.start_job(server, model.id, lines, _SUPERVISED)
    await training.wait_for_first_step(server, job)
    seconds = await _short_chats(model, plan.short_chats)
    await server.client.fine_tuning.jobs.cancel(job)
    return seconds
