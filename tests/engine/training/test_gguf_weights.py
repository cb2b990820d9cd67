"""Serving has the weights that training made, by transformers and PEFT."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.tiny_engine import Training

# In a process of its own, so that the process of the tests never loads torch. Prints the largest relative
# difference between what PEFT merges and a tuned model's export, and between that and its base.
PEFT_MERGE = """
import json, sys
from pathlib import Path
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, GgufConfig

base, tuned = map(Path, sys.argv[1:])

def read(path):
    config = GgufConfig(dequantize=True)
    return AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32, quantization_config=config
    )

def largest_difference(one, other):
    return max(float((one[name] - other[name]).abs().max() / one[name].abs().max()) for name in one)

merged = PeftModel.from_pretrained(read(base), tuned / "adapter").merge_and_unload().state_dict()
others = (read(tuned / "model.gguf"), read(base))
print(json.dumps([largest_difference(merged, other.state_dict()) for other in others]))
"""


# Trains all weights a step, writes and reads them. Prints the largest relative difference between the masters
# and what transformers reads of the file, what `read` reads of it, and the base; and how far the masters are
# from what bfloat16 could hold.
_ALL_WEIGHTS = """
import json, sys
from pathlib import Path
import torch
from transformers import AutoModelForCausalLM, GgufConfig
from engine.tokens import Encoded
from engine.training import gguf_weights
from engine.training.full_model import FullModel
from engine.training.trainable_model import StartingWeights

base, out = map(Path, sys.argv[1:])

def load(path):
    config = GgufConfig(dequantize=True)
    return AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32, quantization_config=config
    ).state_dict()

def largest_difference(one, other):
    return max(float((one[name] - other[name]).abs().max() / one[name].abs().max()) for name in one)

model = FullModel(StartingWeights("tiny", base, out / "unpacked"), seed=0, max_length=1024)
optimizer = torch.optim.AdamW(model.trainable, lr=1e-3)
for _ in range(3):
    (-model.log_probs([Encoded(list(range(5, 60)), [(10, 55)])]).sum() / 45).backward()
    assert all(weight.grad is not None for weight in model.trainable)
    optimizer.step()
    model.apply_update()
    optimizer.zero_grad()
model.save(out)
names = dict(model._model.named_parameters())
masters = dict(zip(names, [weight.detach() for weight in model.trainable]))
read = {name: torch.tensor(values) for name, values in gguf_weights.read(out / "model.gguf")}
assert set(read) == set(masters)
written = load(out / "model.gguf")
assert torch.equal(written["lm_head.weight"], written["model.embed_tokens.weight"])
rounded = max(float((value - names[name].float()).abs().max()) for name, value in masters.items())
found = [largest_difference(masters, other) for other in (written, read, load(base))]
print(json.dumps([*found, rounded, str(model.dtype)]))
"""


def test_all_weights_are_written_and_read_again(tiny_base: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _ALL_WEIGHTS, str(tiny_base), str(tmp_path)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    from_transformers, from_ours, from_base, rounded, dtype = json.loads(output)
    assert max(from_transformers, from_ours) < 0.01
    assert from_base > from_transformers
    assert (rounded > 0) == (dtype == "torch.bfloat16")  # the steps are kept that bfloat16 would lose


def test_the_export_is_what_peft_merges(adapter_training: Training, tiny_base: Path) -> None:
    """Transformers reads the export with its own rotary order; 8 bits are within 1 %."""
    command = [sys.executable, "-c", PEFT_MERGE, str(tiny_base), str(adapter_training.folder)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    from_export, from_base = json.loads(output)
    assert from_export < 0.01
    assert from_base > 0.1
