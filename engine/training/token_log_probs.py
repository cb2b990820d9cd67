"""The log-probabilities of tokens, from the last hidden states, in little memory. Imports torch.

The logits are as wide as the vocabulary: in float32, with softmax and gradient, those of 8 short texts would
take half a GiB. Here they stay in the dtype of the layers, and float32 is computed for some tokens at a time.
"""

from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

_TOKENS_AT_A_TIME = 64  # 64 x 49152 float32 numbers stay in a processor's cache


def token_log_probs(head: nn.Module, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the log-probability (nats) of each target, [tokens], by a head that gives logits.

    `hidden` is [tokens, width] and `targets` [tokens].
    """
    if isinstance(head, nn.Linear) and head.bias is None:
        log_probs: torch.Tensor = _TokenLogProbs.apply(hidden, head.weight, targets)
        return log_probs
    return -cross_entropy(head(hidden).float(), targets, reduction="none")


class _TokenLogProbs(torch.autograd.Function):
    """Log-softmax of a linear head at the targets; its backward pass may run once."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        logits = hidden @ weight.T
        parts = torch.split(logits, _TOKENS_AT_A_TIME)
        normalizers = torch.cat([part.float().logsumexp(1) for part in parts])
        ctx.save_for_backward(hidden, weight, targets, logits, normalizers)
        return logits.gather(1, targets[:, None]).squeeze(1).float() - normalizers

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        hidden, weight, targets, logits, normalizers = ctx.saved_tensors
        # in place of the logits: their gradient, (target - probability) x the gradient of the log-probability
        for start in range(0, len(targets), _TOKENS_AT_A_TIME):
            part = slice(start, start + _TOKENS_AT_A_TIME)
            change = logits[part].float().sub_(normalizers[part, None]).exp_().neg_()
            change[torch.arange(len(change), device=change.device), targets[part]] += 1
            logits[part] = change.mul_(gradients[0][part, None])
        for_hidden = logits @ weight if ctx.needs_input_grad[0] else None
        for_weight = logits.T @ hidden if ctx.needs_input_grad[1] else None
        return for_hidden, for_weight, None
