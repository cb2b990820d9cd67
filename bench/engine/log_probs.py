"""What the serving runtimes make of a model: log-probabilities of held-out texts, beside torch in float32.

    python -m bench.engine.log_probs [--base MODEL.gguf] [--texts 40] [--examples 64] [--json]

Tunes the base twice with the engine, all weights and an adapter, on texts of the first dataset, and scores
its held-out texts by three models of each: torch in float32 (with an adapter: the base's weights and the
adapter, merged in float32), llama.cpp with the file that it serves, and OpenVINO, if it reads the base's
architecture, with the weights and settings that it serves. A score is the log-probability of a learned
token, in nats. The base is any GGUF file that can be tuned. Results: bench/engine/serving.md.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from rich.table import Table

from bench.common import machine, servers
from bench.common.report import comparison_table, exit_on, log_progress, print_report
from bench.common.servers import RunningServer
from bench.engine import training
from bot.heroes.blocklist import Blocklist
from bot.heroes.config import read_heroes
from bot.heroes.first_dataset import FirstDataset
from bot.settings import ROOT
from engine import system
from engine.inference.llama_cpp import LlamaCppGenerator
from engine.limits import OPENVINO_SLOTS
from engine.messages import Message
from engine.storage import gguf_header, weights
from engine.storage.weights import WeightsError
from engine.tokens import Turn

RUNTIMES = ("llama.cpp", "openvino")
_EVERY = 8  # llama.cpp scores a token a request, so only each of so many is scored; the others score all
_LIKELIEST = 1000  # tokens whose log-probabilities llama.cpp is asked for; all of them if another one came

Scores = list[list[float]]
"""The log-probabilities of the learned tokens of each text; llama.cpp's are those of every eighth."""


@dataclass(frozen=True)
class Scored:
    """A served model, and where its weights come from. folder: of a tuned model, None for the base."""

    name: str
    gguf: Path
    folder: Path | None


@dataclass(frozen=True)
class Texts:
    """What is learned, as lines of a training file, and what is scored."""

    training: list[dict[str, Any]]
    held_out: list[dict[str, Any]]


def texts(training_examples: int, held_out: int) -> Texts:
    """Return texts of the first dataset, in its order."""
    heroes = read_heroes(ROOT / "data" / "heroes.toml")
    blocklist = Blocklist(ROOT / "data" / "blocked.txt", heroes.vocabulary.powers)
    first = FirstDataset(ROOT / "data" / "first_dataset.jsonl", heroes, blocklist)
    learned = [text for text in first.read() if not text.held_out]
    step = max(1, len(learned) // training_examples)  # the file is ordered by age
    lines = [
        {
            "messages": [
                {"role": "user", "content": heroes.prompts.tuning_prompt(text.hero)},
                {"role": "assistant", "content": text.text},
            ]
        }
        for text in learned[::step][:training_examples]
    ]
    return Texts(lines, [dict(example) for example in first.held_out_examples()[:held_out]])


async def measure(base: Path | None, found: Texts, folder: Path) -> dict[str, Any]:
    """Return the figures by name."""
    served = weights.find(base)
    data = folder / "engine"
    models = [Scored("base", served.path, None)]
    async with servers.engine_server(data, base) as server:
        for name in ("all", "adapter"):
            log_progress(f"training on {len(found.training)} examples ({name}) ...")
            tuned = await _tune(server, served.id, found.training, name)
            path = next(path for path in _ggufs(data) if path not in [model.gguf for model in models])
            log_progress(f"{tuned}: {path.name}")
            models.append(Scored(name, path, path.parent))
    return await score(models, served.path, found.held_out, folder)


async def score(
    models: Sequence[Scored], base: Path, examples: Sequence[Mapping[str, Any]], folder: Path
) -> dict[str, Any]:
    """Return the figures of models by name, with copies of weights in `folder`."""
    runtimes = RUNTIMES if _openvino_reads(base) else RUNTIMES[:1]
    figures: dict[str, Any] = {}
    for model in models:
        figures |= await _figures(model, base, examples, folder, runtimes)
    return figures


def _openvino_reads(base: Path) -> bool:
    from engine.inference.openvino import weights_copy  # noqa: PLC0415  heavy, and --help does not need it

    return gguf_header.read(base).architecture in weights_copy.ARCHITECTURES


async def _tune(server: RunningServer, base: str, lines: Sequence[dict[str, Any]], changed: str) -> str:
    method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1, "weights": changed}}}
    run = await training.follow_job(server, await training.start_job(server, base, list(lines), method))
    return run.model


def _ggufs(data: Path) -> list[Path]:
    return sorted(path for path in (data / "models").rglob("*.gguf") if path.name != "openvino.gguf")


async def _figures(
    model: Scored,
    base: Path,
    examples: Sequence[Mapping[str, Any]],
    folder: Path,
    runtimes: Sequence[str],
) -> dict[str, Any]:
    log_progress(f"scoring {len(examples)} texts by {model.name}: llama.cpp ...")
    key = secrets.token_hex(32)
    llama = LlamaCppGenerator.load(model.gguf, key=key)
    try:
        turns = [await llama.tokenize_turn(_messages(example)) for example in examples]
        scores = {"llama.cpp": await _llama_scores(llama.address, key, turns)}
    finally:
        await llama.close()
    if "openvino" in runtimes:
        log_progress("... OpenVINO ...")
        scores["openvino"] = _openvino_scores(model, folder, turns)
    log_progress("... torch ...")
    scores["torch"] = _torch_scores(model, base, folder, turns)
    return summary(model.name, scores)


def summary(name: str, scores: Mapping[str, Scores]) -> dict[str, Any]:
    """Return a model's mean log-probabilities, and how far those of a runtime lie from torch's."""
    reference = scores["torch"]
    figures = {f"{name}_{runtime}": _mean(_flat(found)) for runtime, found in scores.items()}
    for runtime, ours in scores.items():
        if runtime == "torch":
            continue
        same = [text[::_EVERY] for text in reference] if runtime == "llama.cpp" else reference
        pairs = list(zip(_flat(ours), _flat(same), strict=True))
        figures[f"{name}_{runtime}_minus_torch"] = _mean([one - torch for one, torch in pairs])
        figures[f"{name}_{runtime}_apart_a_token"] = _mean([abs(one - torch) for one, torch in pairs])
        figures[f"{name}_{runtime}_apart_a_text"] = max(
            abs(_mean(one) - _mean(torch)) for one, torch in zip(ours, same, strict=True)
        )
    return {key: round(value, 5) for key, value in figures.items()}


def _flat(scores: Scores) -> list[float]:
    return [score for text in scores for score in text]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _messages(example: Mapping[str, Any]) -> list[Message]:
    return [Message.model_validate(message) for message in example["messages"]]


def _ids(turn: Turn) -> list[int]:
    return turn.prompt + turn.answer[: turn.learned]


async def _llama_scores(address: str, key: str, turns: Sequence[Turn]) -> Scores:
    """Ask llama.cpp's own port for the next token after some beginnings; it keeps what it has read."""
    headers = {"Authorization": f"Bearer {key}"}
    # a connection for each request: llama.cpp closes those that it keeps without a word
    connections = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(address, headers=headers, connector=connections) as client:
        return [
            [
                await _llama_score(client, _ids(turn)[:position], _ids(turn)[position])
                for position in range(len(turn.prompt), len(_ids(turn)), _EVERY)
            ]
            for turn in turns
        ]


async def _llama_score(client: aiohttp.ClientSession, before: list[int], token: int) -> float:
    for likeliest in (_LIKELIEST, 10**6):
        body = {"prompt": before, "n_predict": 1, "n_probs": likeliest, "temperature": 0, "id_slot": 0}
        async with client.post("/completion", json=body) as response:
            found = (await response.json())["completion_probabilities"][0]["top_logprobs"]
        for each in found:
            if each["id"] == token:
                return float(each["logprob"])
    raise ValueError(f"token {token} is not in the vocabulary")


def _openvino_scores(model: Scored, folder: Path, turns: Sequence[Turn]) -> Scores:
    """Read each text as a prompt in the pipeline that serves, and have it echoed with log-probabilities."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # as the engine's own process does
    import numpy as np  # noqa: PLC0415  heavy, and --help does not need it
    import openvino_genai  # noqa: PLC0415
    from openvino import Tensor  # noqa: PLC0415

    from engine.inference.openvino import pipeline, weights_copy  # noqa: PLC0415

    gguf = weights_copy.readable(model.gguf, folder / f"{model.name}.gguf")
    # a beginning that another text has left would not be computed, and so not be scored
    served = pipeline.open_model(gguf, system.compute_threads(), OPENVINO_SLOTS, prefix_caching=False)
    config = openvino_genai.GenerationConfig()
    config.apply_chat_template = False
    config.max_new_tokens = 1
    config.echo, config.logprobs = True, 1
    scores = []
    for number, turn in enumerate(turns):
        ids = _ids(turn)
        handle = served.add_request(number, Tensor(np.array([ids], dtype=np.int64)), config)
        while handle.get_status() == openvino_genai.GenerationStatus.RUNNING:
            served.step()
        (output,) = handle.read_all()
        assert list(output.generated_ids)[: len(ids)] == ids  # noqa: S101  the prompt is echoed
        scores.append(list(output.generated_log_probs)[len(turn.prompt) : len(ids)])
    return scores


def _torch_scores(model: Scored, base: Path, folder: Path, turns: Sequence[Turn]) -> Scores:
    import torch  # noqa: PLC0415  heavy, and --help does not need it

    from engine import base_model  # noqa: PLC0415
    from engine.training import unpacked_base  # noqa: PLC0415

    cache = folder / "unpacked"
    adapted = model.folder if model.folder and (model.folder / "adapter").is_dir() else None
    gguf = base if adapted else model.gguf
    loaded = unpacked_base.load(gguf, dtype=torch.float32, device="cpu", cache=cache)
    if adapted:
        loaded = base_model.load_tuned(cache, adapted, dtype=torch.float32, device="cpu")
    scores = []
    with torch.inference_mode():
        for turn in turns:
            ids = torch.tensor([_ids(turn)])
            logits = loaded(ids).logits[0, len(turn.prompt) - 1 : -1].float()
            found = torch.log_softmax(logits, dim=-1).gather(1, ids[0, len(turn.prompt) :, None])
            scores.append(found[:, 0].tolist())
    return scores


def _table(figures: Mapping[str, Any], title: str) -> Table:
    columns = ("torch, float32", "runtime", "difference", "a token", "a text at most")
    table = comparison_table("log-probability, nats a token", *columns, title=title)
    for model in ("base", "all", "adapter"):
        for runtime in RUNTIMES:
            if f"{model}_{runtime}" not in figures:
                continue
            apart = [figures[f"{model}_{runtime}_{what}"] for what in ("apart_a_token", "apart_a_text")]
            table.add_row(
                f"{model}, {runtime}",
                f"{figures[f'{model}_torch']:.4f}",
                f"{figures[f'{model}_{runtime}']:.4f}",
                f"{figures[f'{model}_{runtime}_minus_torch']:+.4f}",
                *(f"{value:.4f}" for value in apart),
            )
    return table


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.engine.log_probs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--base", type=Path, help="a .gguf file (default: the packaged weights)")
    parser.add_argument("--texts", type=int, default=40, help="held-out texts to score")
    parser.add_argument("--examples", type=int, default=64, help="texts to train on")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on the last line")
    options = parser.parse_args()
    title = machine.describe()
    with exit_on(WeightsError), tempfile.TemporaryDirectory(prefix="bench-log-probs-") as folder:
        found = texts(options.examples, options.texts)
        figures = asyncio.run(measure(options.base, found, Path(folder)))
    print_report(_table(figures, title), figures, as_json=options.json)


if __name__ == "__main__":
    main()
