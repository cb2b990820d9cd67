"""How fast the engine serves and trains, each figure beside a bound or a peer of the same run.

    python -m bench.engine [--quick] [--json] [--base MODEL.gguf]

starts an engine in a temporary folder, trains two small models through its API, and chats with them and with
the base; beside it runs llama.cpp's own server with its defaults. About ten minutes on two
cores, three with --quick. Leave the machine alone meanwhile. With --json the last line is one JSON object.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from openai import OpenAIError
from rich.console import Console

from bench.common import machine, servers
from bench.common.servers import BenchError, Running
from bench.engine import training, work
from bench.engine.figures import STREAMS, Figures, Rounds
from bench.engine.load import Model, Round, chat, chats
from bench.engine.texts import questions, texts
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
    """Carry out a plan in a folder. Raises BenchError or WeightsError."""
    found = weights.find(base)
    if not found.is_gguf:
        raise BenchError("Only a .gguf base can be measured: the peer is llama.cpp.")
    _say("reading memory and multiplying matrices ...")
    bandwidth, peak = machine.bandwidth(), machine.matrix_peak()
    lines = texts(plan.examples)
    async with servers.engine(folder / "engine", base) as server:
        _say(f"training on {plan.examples} examples ...")
        job = await training.start(server, found.id, [text.supervised() for text in lines], _SUPERVISED)
        supervised = await training.follow(server, job)
        _say(f"training on {plan.pairs} preferences ...")
        worse = [text.answer for text in texts(plan.pairs, seed=3)]
        pairs = [text.preferred(other) for text, other in zip(lines, worse, strict=False)]
        dpo = await training.follow(server, await training.start(server, found.id, pairs, _DPO))

        base_model, tuned = Model(server.client, found.id), Model(server.client, supervised.model)
        async with servers.peer(found.path, max(STREAMS), folder / "peer.log") as peer:
            models = {"base": base_model, "tuned": tuned, "llama.cpp": Model(peer.client, found.id)}
            rounds = await _chat_rounds(models, plan.rounds)
            peer_mib = machine.resident_mib(peer.process_id)
        await chat(Model(server.client, dpo.model), next(questions()), seed=1)
        serve_mib = machine.resident_mib(server.process_id)  # base, and two tuned models

        # before and after: a machine that grows busier meanwhile must not look like the training's doing
        quiet = await _short_chats(base_model, plan.short_chats)
        busy = await _while_training(server, base_model, plan)
        quiet += await _short_chats(base_model, plan.short_chats)
    tuned_file = folder / "engine" / "models" / supervised.model.replace(":", "_") / "model.gguf"
    return Figures(
        bandwidth=bandwidth,
        peak=peak,
        base=work.read_size(found.path),
        tuned=work.read_size(tuned_file),
        learned_share=work.learned_share(found.path, lines),
        rounds=rounds,
        serve_mib=serve_mib,
        peer_mib=peer_mib,
        supervised=supervised,
        dpo=dpo,
        quiet_seconds=median(quiet),
        busy_seconds=median(busy),
    )


async def _chat_rounds(models: Mapping[str, Model], count: int) -> Rounds:
    """Let the models take turns, so that whatever disturbs the machine disturbs them alike."""
    asked = questions()
    for model in models.values():
        await chat(model, next(asked), seed=0)
    rounds: dict[tuple[str, int], list[Round]] = {}
    for number in range(count):
        _say(f"chatting: round {number + 1} of {count} ...")
        for streams in STREAMS:
            for name in rotated(list(models), number):
                done = await chats(models[name], asked, streams=streams, count=max(2, streams))
                rounds.setdefault((name, streams), []).append(done)
    return rounds


async def _short_chats(model: Model, count: int) -> list[float]:
    """Return the seconds of short chats, one after the other."""
    asked = questions(seed=5)
    answers = [await chat(model, next(asked), seed=number, tokens=_SHORT_ANSWER) for number in range(count)]
    return [answer.seconds for answer in answers]


async def _while_training(server: Running, model: Model, plan: Plan) -> list[float]:
    """Return the seconds of the same short chats while a training is at work."""
    _say("chatting while a training runs ...")
    endless = [text.supervised() for text in texts(400, seed=4)]
    job = await training.start(server, model.id, endless, _SUPERVISED)
    await training.until_it_steps(server, job)
    seconds = await _short_chats(model, plan.short_chats)
    await server.client.fine_tuning.jobs.cancel(job)
    return seconds


def rotated(names: Sequence[str], by: int) -> list[str]:
    """Return the names in the same order, beginning with another one each time."""
    start = by % len(names)
    return [*names[start:], *names[:start]]


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.engine",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds and shorter trainings")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--base", type=Path, help="a .gguf file (default: the packaged weights)")
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-engine-") as folder:
        try:
            figures = asyncio.run(measure(QUICK if options.quick else FULL, options.base, Path(folder)))
        except (BenchError, weights.WeightsError, OpenAIError) as error:
            sys.exit(f"bench: {error}")
    _say(f"done after {time.monotonic() - started:.0f} s")
    # piped into a file, rich would fold the columns at 80 characters
    console = Console() if sys.stdout.isatty() else Console(width=110)
    console.print(figures.table(machine.describe()))
    if options.json:
        print(json.dumps(figures.summary()))


if __name__ == "__main__":
    main()
