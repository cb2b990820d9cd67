"""Causal attention over short texts, whose backward pass is fast on a CPU. Imports torch.

torch's fused attention has a slow backward pass on CPUs: for 8 texts of 140 tokens plain matrix products take
7 ms a layer, forward and backward, where it takes 17 ms (bench/engine/training.md). They keep the scores of
all pairs of tokens for the backward pass, so longer texts go through the fused attention.
"""

from functools import lru_cache
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

LONGEST_TEXT = 256
"""Tokens; the scores that are kept grow with the square of it."""

_FUSED = "sdpa"  # transformers' names of attentions
_OURS = "short_texts"


def use(model: PreTrainedModel) -> None:
    """Let a model on a CPU attend as this module does, unless it has an attention of its own."""
    if model.device.type == "cpu" and model.config._attn_implementation == _FUSED:  # noqa: SLF001  no public name
        AttentionInterface.register(_OURS, _attention)
        AttentionMaskInterface.register(_OURS, sdpa_mask)
        model.set_attn_implementation(_OURS)


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Return the attention's output, [texts, tokens, heads, head width], and no weights.

    `query` is [texts, heads, tokens, head width]; `key` and `value` may have fewer heads, each for a group of
    the query's. `options` are transformers': https://huggingface.co/docs/transformers/attention_interface
    """
    tokens = query.shape[2]
    plainly_causal = attention_mask is None and getattr(module, "is_causal", True)
    if not (plainly_causal and query.requires_grad and tokens == key.shape[2] <= LONGEST_TEXT):
        output, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **options)
        return output, None
    texts, heads, _, width = query.shape
    groups = key.shape[1]
    queries = query.reshape(texts * groups, -1, width)  # the heads of a group below each other
    keys, values = (tensor.reshape(texts * groups, tokens, -1) for tensor in (key, value))
    scaling = options.get("scaling") or width**-0.5
    mask = _mask(tokens, heads // groups, query.dtype)
    scores = torch.baddbmm(mask, queries, keys.transpose(1, 2), alpha=scaling)
    output = torch.bmm(torch.softmax(scores, dim=-1), values).view(texts, heads, tokens, -1)
    return output.transpose(1, 2).contiguous(), None


@lru_cache(maxsize=32)
def _mask(tokens: int, heads: int, dtype: torch.dtype) -> torch.Tensor:
    """Return what hides later tokens, below each other for so many heads: [1, heads * tokens, tokens]."""
    hidden = torch.full((tokens, tokens), float("-inf"), dtype=dtype).triu(1)
    return hidden.repeat(heads, 1).unsqueeze(0)
