"""Drawing the next token, in llama.cpp's order: penalties, top_k, top_p, min_p, temperature.

Imports torch.
"""

import secrets
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

import torch

_REPEAT_WINDOW = (
    64  # tokens, the prompt's among them, that `repeat_penalty` looks back on: llama.cpp's number
)


class Sampler:
    """Draws one answer. The same seed and the same logits bring the same tokens, whatever else goes on."""

    def __init__(self, request: dict[str, Any], prompt: Sequence[int]) -> None:
        """Take the settings of a request as llama.cpp gets it; temperature 0 always takes the likeliest."""
        self._temperature: float = request["temperature"]
        self._top_k: int = request["top_k"]
        self._top_p: float = request["top_p"]
        self._min_p: float = request["min_p"]
        self._presence: float = request.get("presence_penalty", 0.0)
        self._frequency: float = request.get("frequency_penalty", 0.0)
        self._repeat: float = request.get("repeat_penalty", 1.0)
        self._random = torch.Generator().manual_seed(request.get("seed", secrets.randbelow(2**32)))
        self._recent = deque(prompt, maxlen=_REPEAT_WINDOW)
        self._drawn: Counter[int] = Counter()

    def draw(self, logits: torch.Tensor) -> int:
        """Return the next token; `logits` is [vocabulary]."""
        token = self._pick(self._penalised(logits.to("cpu", torch.float32, copy=True)))
        self._recent.append(token)
        self._drawn[token] += 1
        return token

    def _penalised(self, logits: torch.Tensor) -> torch.Tensor:
        if self._repeat != 1:
            seen = torch.tensor(sorted(set(self._recent)))
            found = logits[seen]
            logits[seen] = torch.where(found > 0, found / self._repeat, found * self._repeat)
        if self._drawn and (self._presence or self._frequency):
            counts = torch.tensor(list(self._drawn.values()))
            logits[torch.tensor(list(self._drawn))] -= self._presence + self._frequency * counts
        return logits

    def _pick(self, logits: torch.Tensor) -> int:
        if self._temperature == 0:
            return int(logits.argmax())
        likeliest, tokens = logits.topk(min(self._top_k, len(logits)))
        chances = likeliest.softmax(-1)
        # the token that crosses top_p is still in
        kept = (chances.cumsum(-1) - chances < self._top_p) & (chances >= self._min_p * chances[0])
        tempered = (likeliest / self._temperature).masked_fill(~kept, -torch.inf).softmax(-1)
        return int(tokens[torch.multinomial(tempered, 1, generator=self._random)])
