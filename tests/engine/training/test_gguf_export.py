"""Serving has the weights that training made, by transformers and PEFT."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.tiny_engine import Training

# In a process of its own, so that the process of the tests never loads torch. Prints the largest relative
# difference between what PEFT merges and a tuned model's export, and between that and its base.
_CODE = """
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


def test_the_export_is_what_peft_merges(training: Training, tiny_base: Path) -> None:
    """Transformers reads the export with its own rotary order; 8 bits are within 1 %."""
    command = [sys.executable, "-c", _CODE, str(tiny_base), str(training.folder)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    from_export, from_base = json.loads(output)
    assert from_export < 0.01
    assert from_base > 0.1
