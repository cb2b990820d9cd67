"""The training step of version 0.1, to measure today's beside it. Imports torch.

An adapter of rank 16, torch's fused attention, and the logits of all learned tokens in float32 at once.
"""

from collections.abc import Sequence

import torch
from torch.nn.functional import cross_entropy

from engine.tokens import Encoded
from engine.training.lora_model import LoraModel
from engine.training.trainable_model import IGNORED, StartingWeights


class PeerModel(LoraModel):
    """The adapter of today, whose layers are those of 0.1, computed as 0.1 did."""

    def __init__(self, start: StartingWeights, *, seed: int, max_length: int) -> None:
        super().__init__(start, seed=seed, max_length=max_length)
        self._model.set_attn_implementation("sdpa")

    def log_probs(self, texts: Sequence[Encoded]) -> torch.Tensor:
        ids, targets = self._pad(texts)
        hidden = self._backbone(input_ids=ids, use_cache=False).last_hidden_state
        learned = targets != IGNORED
        logits = self._head(hidden[learned]).float()
        each = -cross_entropy(logits, targets[learned], reduction="none")
        rows = learned.nonzero()[:, 0]
        return torch.zeros(len(texts)).index_add(0, rows, each)
