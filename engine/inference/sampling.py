"""Sample the next token, in llama.cpp's order: grammar, penalties, top_k, top_p, min_p, temperature.

Imports torch.
"""

import secrets
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

_REPEAT_WINDOW = 64  # tokens that `repeat_penalty` applies to, the prompt's included: llama.cpp's default


class Sampler:
    """Samples one completion; its result depends only on the seed and the logits."""

    def __init__(self, request: dict[str, Any], prompt: Sequence[int]) -> None:
        """Take the settings of a request in llama.cpp's format; temperature 0 selects the likeliest token."""
        self._temperature: float = request["temperature"]
        self._top_k: int = request["top_k"]
        self._top_p: float = request["top_p"]
        self._min_p: float = request["min_p"]
        self._presence: float = request.get("presence_penalty", 0.0)
        self._frequency: float = request.get("frequency_penalty", 0.0)
        self._repeat: float = request.get("repeat_penalty", 1.0)
        self._random = torch.Generator().manual_seed(request.get("seed", secrets.randbelow(2**32)))
        self._recent = deque(prompt, maxlen=_REPEAT_WINDOW)
        self._sampled: Counter[int] = Counter()

    def sample(self, logits: torch.Tensor, allowed: npt.NDArray[np.bool_] | None = None) -> int:
        """Return the next token, one of those that are `allowed`; `logits` is [vocabulary]."""
        logits = logits.to("cpu", torch.float32, copy=True)
        if allowed is not None:
            # before all else, so that top_k, top_p and min_p choose among the allowed tokens
            logits[~torch.from_numpy(allowed[: len(logits)])] = -torch.inf
        token = self._select(self._penalize(logits))
        self._recent.append(token)
        self._sampled[token] += 1
        return token

    def _penalize(self, logits: torch.Tensor) -> torch.Tensor:
        if self._repeat != 1:
            tokens = torch.tensor(sorted(set(self._recent)))
            before = logits[tokens]
            logits[tokens] = torch.where(before > 0, before / self._repeat, before * self._repeat)
        if self._sampled and (self._presence or self._frequency):
            counts = torch.tensor(list(self._sampled.values()))
            logits[torch.tensor(list(self._sampled))] -= self._presence + self._frequency * counts
        return logits

    def _select(self, logits: torch.Tensor) -> int:
        if self._temperature == 0:
            return int(logits.argmax())
        top, tokens = logits.topk(min(self._top_k, len(logits)))
        probabilities = top.softmax(-1)
        # the token that crosses top_p is included
        below_top_p = probabilities.cumsum(-1) - probabilities < self._top_p
        kept = below_top_p & (probabilities >= self._min_p * probabilities[0])
        probabilities = (top / self._temperature).masked_fill(~kept, -torch.inf).softmax(-1)
        return int(tokens[torch.multinomial(probabilities, 1, generator=self._random)])
