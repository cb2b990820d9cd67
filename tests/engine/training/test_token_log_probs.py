"""Log-probabilities of tokens and their gradients against torch's cross-entropy."""

import pytest

pytestmark = pytest.mark.xdist_group("torch")  # one process of the tests loads it, when the first test runs

WIDTH, VOCABULARY = 12, 50


@pytest.mark.parametrize("tokens", [0, 1, 63, 64, 65, 200])
@pytest.mark.parametrize("bias", [False, True])
def test_values_and_gradients_are_those_of_cross_entropy(tokens: int, bias: bool) -> None:
    import torch
    from torch import nn
    from torch.nn.functional import cross_entropy

    from engine.training.token_log_probs import token_log_probs

    torch.manual_seed(3)
    head = nn.Linear(WIDTH, VOCABULARY, bias=bias)
    hidden = torch.randn(tokens, WIDTH, requires_grad=True)
    targets = torch.randint(0, VOCABULARY, (tokens,))
    weights = torch.randn(tokens)  # of each token in the loss, as dpo's texts have

    log_probs = token_log_probs(head, hidden, targets)
    expected = -cross_entropy(head(hidden), targets, reduction="none")
    torch.testing.assert_close(log_probs, expected)
    inputs = [hidden, *head.parameters()]
    torch.testing.assert_close(
        torch.autograd.grad((log_probs * weights).sum(), inputs),
        torch.autograd.grad((expected * weights).sum(), inputs),
    )


def test_a_frozen_head_takes_no_gradient() -> None:
    import torch
    from torch import nn

    from engine.training.token_log_probs import token_log_probs

    head = nn.Linear(WIDTH, VOCABULARY, bias=False).requires_grad_(requires_grad=False)
    hidden = torch.randn(3, WIDTH, requires_grad=True)
    loss = token_log_probs(head, hidden, torch.tensor([1, 2, 3])).sum()
    loss.backward()  # type: ignore[no-untyped-call]
    assert hidden.grad is not None
    assert head.weight.grad is None


def test_bfloat16_is_as_near_to_float32_as_its_own_rounding() -> None:
    import torch
    from torch import nn

    from engine.training.token_log_probs import token_log_probs

    torch.manual_seed(3)
    head = nn.Linear(WIDTH, VOCABULARY, bias=False)
    hidden, targets = torch.randn(9, WIDTH), torch.randint(0, VOCABULARY, (9,))
    expected = token_log_probs(head, hidden, targets)
    actual = token_log_probs(head.bfloat16(), hidden.bfloat16(), targets)
    assert actual.dtype == torch.float32
    torch.testing.assert_close(actual, expected, rtol=0.02, atol=0.02)
