"""Our attention over short texts against torch's fused one, in a real model: outputs and gradients."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM

pytestmark = pytest.mark.xdist_group("torch")  # one process of the tests loads it, when the first test runs

LONGEST_TEXT = 256


def model(**changes: object) -> "LlamaForCausalLM":
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(7)
    config = {
        "vocab_size": 90,
        "hidden_size": 48,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
    }
    return LlamaForCausalLM(LlamaConfig(**config | changes))


def gradients(llama: "LlamaForCausalLM", ids: "torch.Tensor") -> "tuple[torch.Tensor, list[torch.Tensor]]":
    logits = llama(input_ids=ids, use_cache=False).logits
    logits.logsumexp(-1).sum().backward()
    return logits.detach(), [weight.grad for weight in llama.parameters() if weight.grad is not None]


@pytest.mark.parametrize("key_value_heads", [1, 2, 6])
@pytest.mark.parametrize("tokens", [1, 2, 31, LONGEST_TEXT, LONGEST_TEXT + 1])
def test_outputs_and_gradients_are_those_of_the_fused_attention(tokens: int, key_value_heads: int) -> None:
    import torch

    from engine.training import attention

    assert attention.LONGEST_TEXT == LONGEST_TEXT
    ids = torch.randint(0, 90, (3, tokens), generator=torch.Generator().manual_seed(1))
    fused, ours = (model(num_key_value_heads=key_value_heads) for _ in range(2))
    attention.use(ours)
    assert ours.config._attn_implementation != fused.config._attn_implementation

    expected, actual = gradients(fused, ids), gradients(ours, ids)

    torch.testing.assert_close(actual[0], expected[0])
    torch.testing.assert_close(actual[1], expected[1], rtol=1e-4, atol=1e-4)


def test_a_mask_of_the_models_own_is_kept() -> None:
    import torch

    from engine.training import attention

    ids = torch.randint(0, 90, (2, 20), generator=torch.Generator().manual_seed(1))
    hidden = torch.ones_like(ids)
    hidden[0, :7] = 0
    fused, ours = model(), model()
    attention.use(ours)

    logits = [llama(input_ids=ids, attention_mask=hidden, use_cache=False).logits for llama in (fused, ours)]

    torch.testing.assert_close(logits[1][:, 7:], logits[0][:, 7:])


def test_a_model_with_an_attention_of_its_own_keeps_it() -> None:
    from engine.training import attention

    eager = model(attn_implementation="eager")
    attention.use(eager)
    assert eager.config._attn_implementation == "eager"
