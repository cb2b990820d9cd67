"""How fast this machine is: a short measurement of what serving and tuning do, with the packaged weights.

Serving a single chat reads the whole file for each token, so words a second are in proportion to its size.
Tuning computes each token with each parameter, so its time is in proportion to both.
"""

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass
from statistics import median
from typing import Any

from engine import system
from engine.storage import weights

_ANSWERS = 2
_ANSWER_TOKENS = 96
_ANSWER_SECONDS = 3.0  # after which an answer is cut
_REQUEST: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "Tell me about a town by the sea and the people who live there."}
    ],
    "temperature": 0.8,
    "max_tokens": _ANSWER_TOKENS,
}
# A fifth of the packaged model: with a fifth of its layers and of its vocabulary, a step has the same parts
_SHARE = 5
_LAYERS, _WIDTH, _FEED_FORWARD, _HEADS, _KV_HEADS, _VOCABULARY = 30, 576, 1536, 9, 3, 49_152
_TEXTS, _TEXT_TOKENS = 8, 128  # a micro-batch of a training
_STEPS = 5
_TRAINING_SECONDS = 5.0  # after which no further step begins


@dataclass(frozen=True)
class Probe:
    """What was measured."""

    words_per_second: float
    """Of one chat, with the packaged weights."""
    file_bytes: int
    """Of these weights."""
    training_rate: float
    """Trained tokens a second, times the parameters that are all trained."""
    processor: float
    """The share of the processor that it had, from 0 to 1: less if other programs worked, too."""
    seconds: float
    """That the measurement took."""

    def words_of(self, file_bytes: int) -> float:
        """Estimate the words a second of one chat with a file of another size."""
        return self.words_per_second * self.file_bytes / file_bytes

    def training_seconds(self, tokens: int, parameters: int, *, share: float) -> float:
        """Estimate the time of a training; `share` is what it computes of one of all weights."""
        return share * tokens * parameters / self.training_rate


def measure() -> Probe:
    """Measure this machine. Raises what llama.cpp, torch and the system do, and WeightsError."""
    started = time.monotonic()
    base = weights.find(None)
    words = asyncio.run(_words_per_second(base))
    rate, processor = _training_rate()
    return Probe(words, base.path.stat().st_size, rate, processor, time.monotonic() - started)


async def _words_per_second(base: weights.Weights) -> float:
    from engine.inference.llama_cpp import LlamaCppGenerator  # noqa: PLC0415  native code

    generator = await asyncio.to_thread(LlamaCppGenerator.load, base.path)
    try:
        return max([await _answer_speed(generator, seed) for seed in range(_ANSWERS)])
    finally:
        await generator.close()


async def _answer_speed(generator: Any, seed: int) -> float:
    """Return the words a second of an answer, from its first word on."""
    text, first, last = "", 0.0, 0.0
    async with aclosing(generator.chunks({**_REQUEST, "seed": seed})) as chunks:
        async for chunk in chunks:
            if "error" in chunk:
                raise RuntimeError(chunk["error"]["message"])
            content = "".join(each["delta"].get("content") or "" for each in chunk.get("choices", ()))
            if content:
                last = time.monotonic()
                first = first or last
                text += content
            if last - first > _ANSWER_SECONDS:
                break
    return max(0, len(text.split()) - 1) / max(last - first, 1e-3)


def _training_rate() -> tuple[float, float]:
    """Return the tokens a second of training steps, times the parameters of their model, as the trainer's.

    Also return the share of the processor that they had.
    """
    # torch alone takes seconds to load
    import torch  # noqa: PLC0415
    from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415

    from engine import base_model  # noqa: PLC0415
    from engine.training import attention  # noqa: PLC0415

    torch.set_num_threads(min(torch.get_num_threads(), system.compute_threads()))
    device = base_model.best_device()
    config = LlamaConfig(
        hidden_size=_WIDTH,
        intermediate_size=_FEED_FORWARD,
        num_hidden_layers=_LAYERS // _SHARE,
        num_attention_heads=_HEADS,
        num_key_value_heads=_KV_HEADS,
        vocab_size=_VOCABULARY // _SHARE,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config).to(device=device, dtype=base_model.fastest_dtype(device))
    attention.use(model)
    weights_of = list(model.parameters())
    masters = [torch.nn.Parameter(each.detach().float()) for each in weights_of]
    optimizer = torch.optim.AdamW(masters, lr=1e-4, fused=True)
    ids = torch.randint(config.vocab_size, (_TEXTS, _TEXT_TOKENS), device=device)

    def step() -> float:
        started = time.monotonic()
        logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten())
        loss.backward()  # type: ignore[no-untyped-call]
        for weight, master in zip(weights_of, masters, strict=True):
            assert weight.grad is not None  # noqa: S101  it was just computed
            master.grad, weight.grad = weight.grad.float(), None
        optimizer.step()
        with torch.no_grad():
            for weight, master in zip(weights_of, masters, strict=True):
                weight.copy_(master)
        loss.item()  # waits for a graphics card
        return time.monotonic() - started

    step()  # prepares what the others use again
    started, used = time.monotonic(), time.process_time()
    steps = [step()]
    while len(steps) < _STEPS and sum(steps) < _TRAINING_SECONDS:
        steps.append(step())
    elapsed, used = time.monotonic() - started, time.process_time() - used
    parameters = sum(int(each.numel()) for each in weights_of)
    rate = parameters * _TEXTS * _TEXT_TOKENS / median(steps)
    return rate, 1.0 if device != "cpu" else min(1.0, used / elapsed / torch.get_num_threads())
