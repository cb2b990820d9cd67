"""The gradients of the LoRA layers equal those of torch's autograd."""

import subprocess
import sys

import pytest

# In a process of its own, so that the process of the tests never loads torch.
_CHECK = """
import sys, torch
from torch import nn
from engine.training.lora import LoraLinear

torch.manual_seed(0)
frozen = nn.Linear(6, 5, bias=sys.argv[1] == "bias").double().requires_grad_(False)
layer = LoraLinear(frozen, rank=3, scale=2).double()
nn.init.normal_(layer.up)
inputs = torch.randn(2, 4, 6, dtype=torch.float64, requires_grad=True)

def plain(inputs):
    return frozen(inputs) + inputs @ layer.down.T @ layer.up.T * layer.scale

weights = [inputs, layer.down, layer.up]
ours, theirs = [torch.autograd.grad(make(inputs).tanh().sum(), weights) for make in (layer, plain)]
assert torch.allclose(layer(inputs), plain(inputs))
for one, other in zip(ours, theirs):
    assert torch.allclose(one, other), (one - other).abs().max()
layer(inputs.detach()).sum().backward()  # as in the first layer, whose inputs need no gradient
assert layer.down.grad is not None
"""


@pytest.mark.parametrize("bias", ["bias", "no bias"])
def test_gradients_equal_those_of_the_plain_sum(bias: str) -> None:
    subprocess.run([sys.executable, "-c", _CHECK, bias], check=True)
