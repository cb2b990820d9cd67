"""LoRA on the CPU: the model, its loss on the learned tokens, and the steps. Imports torch."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, GgufConfig, PreTrainedTokenizerFast

from engine import recipe
from engine.encoding import Encoded

_LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
_IGNORE = -100


def fastest_dtype() -> torch.dtype:
    """Return bfloat16 where this CPU multiplies it faster than float32 (half the memory, too)."""

    def seconds(dtype: torch.dtype) -> float:
        left, right = torch.ones(512, 576, dtype=dtype), torch.ones(576, 1536, dtype=dtype)
        times = []
        for _ in range(5):
            start = time.perf_counter()
            left @ right
            times.append(time.perf_counter() - start)
        return min(times)

    return torch.bfloat16 if seconds(torch.bfloat16) < seconds(torch.float32) else torch.float32


class Adapter:
    """A base model with a fresh LoRA adapter on all its linear layers."""

    def __init__(self, base: Path, *, dtype: torch.dtype, seed: int) -> None:
        """Read the GGUF file into transformers; its weights stay frozen."""
        torch.manual_seed(seed)
        # not AutoTokenizer: that would read the whole file only to learn which class this is
        self.tokenizer: Any = PreTrainedTokenizerFast.from_pretrained(base.parent, gguf_file=base.name)
        model = AutoModelForCausalLM.from_pretrained(
            base.parent,
            gguf_file=base.name,
            dtype=dtype,
            # without it the weights stay packed and cannot be trained through
            quantization_config=GgufConfig(dequantize=True),
        )
        config = LoraConfig(
            r=recipe.RANK,
            lora_alpha=recipe.ALPHA,
            lora_dropout=0.0,
            target_modules=_LAYERS,
            task_type="CAUSAL_LM",
        )
        self._peft: Any = get_peft_model(model, config)
        self._inner: Any = self._peft.base_model.model
        self._trained = [weight for weight in self._peft.parameters() if weight.requires_grad]

    def train(
        self, examples: Sequence[Encoded], *, epochs: int, batch_size: int, multiplier: float, seed: int
    ) -> Iterator["Step"]:
        """Do one optimiser step at a time, yielding what it cost and brought."""
        rng = random.Random(seed)  # noqa: S311  order, not secrets
        lengths = [len(example.ids) for example in examples]
        total = recipe.steps(len(examples), epochs=epochs, batch_size=batch_size)
        optimizer = torch.optim.AdamW(self._trained, weight_decay=0.0, fused=True)
        self._peft.train()
        number = 0
        for _ in range(epochs):
            for batch in recipe.batches(lengths, batch_size, rng):
                rate = recipe.learning_rate(number, total, multiplier)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                loss, _ = self._loss([examples[index] for index in batch])
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(self._trained, recipe.CLIP_NORM)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
                number += 1
                yield Step(number, total, loss.item(), rate, sum(lengths[index] for index in batch))

    @torch.no_grad()
    def evaluate(self, examples: Sequence[Encoded], batch_size: int = recipe.BATCH_SIZE) -> float:
        """Return the mean loss (nats) over the learned tokens of `examples`."""
        self._peft.eval()
        by_length = sorted(examples, key=lambda example: len(example.ids))
        loss_sum, count = 0.0, 0
        for start in range(0, len(by_length), batch_size):
            loss, tokens = self._loss(by_length[start : start + batch_size])
            loss_sum += loss.item() * tokens
            count += tokens
        return loss_sum / count

    def save(self, folder: Path, base_id: str) -> None:
        """Write the adapter in PEFT's own form, which vLLM and transformers load."""
        self._peft.peft_config["default"].base_model_name_or_path = base_id
        self._peft.save_pretrained(folder, save_embedding_layers=False)

    def _loss(self, batch: Sequence[Encoded]) -> tuple[torch.Tensor, int]:
        ids, targets = _padded(batch, self.tokenizer.pad_token_id or 0)
        # Right padding under a causal mask: no real token can see the padding, so no attention mask is
        # needed, and attention without a mask takes a faster path.
        hidden = self._inner.model(input_ids=ids, use_cache=False).last_hidden_state
        learned = targets != _IGNORE
        # the head is as wide as the vocabulary: only where there is something to learn
        logits = self._inner.lm_head(hidden[learned]).float()
        return cross_entropy(logits, targets[learned]), int(learned.sum())


@dataclass(frozen=True)
class Step:
    """One optimiser step (from 1): mean loss of its learned tokens in nats, and how many tokens it read."""

    number: int
    total: int
    loss: float
    learning_rate: float
    tokens: int


def _padded(batch: Sequence[Encoded], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return inputs and next-token targets, [batch, longest - 1] each."""
    width = max(len(example.ids) for example in batch) - 1
    ids = torch.full((len(batch), width), pad)
    targets = torch.full((len(batch), width), _IGNORE)
    for row, example in enumerate(batch):
        length = len(example.ids) - 1
        ids[row, :length] = torch.tensor(example.ids[:-1])
        following = torch.tensor(example.ids[1:])
        learned = torch.tensor(example.learned[1:])
        targets[row, :length] = torch.where(learned, following, _IGNORE)
    return ids, targets
