"""Training and serving agree on token ids and weights, by llama.cpp, transformers and PEFT."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from engine.inference.llama_cpp import LlamaCppGenerator
from engine.storage.weights import find
from tests.support.tiny_engine import Training

_CHATS: Any = [
    [{"role": "user", "content": "40, woman, flight ->"}],
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": " naïve 漢字 🦸 1234\n\n\ttab "},
    ],
    [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two <filename> three"},
        {"role": "user", "content": "four"},
    ],
]

# In a process of its own, so that the process of the tests never loads torch. Prints for each chat the ids
# before the last answer and the text that counts in the loss; for a tuned model the largest relative
# difference between its export and what PEFT merges.
_TRAINING_SIDE = """
import json, sys
from pathlib import Path
from transformers import PreTrainedTokenizerFast
from engine.training.tokenization import encode
from engine.messages import TrainingExample

base = Path(sys.argv[1])
tokenizer = PreTrainedTokenizerFast.from_pretrained(base.parent, gguf_file=base.name)
prompts = []
for chat in json.loads(sys.argv[2]):
    example = TrainingExample(messages=[*chat, {"role": "assistant", "content": "An answer."}])
    encoded = encode(tokenizer, example)
    end = start = max(index for index, learned in enumerate(encoded.loss_mask) if learned)
    while encoded.loss_mask[start - 1]:
        start -= 1
    prompts.append([encoded.ids[:start], tokenizer.decode(encoded.ids[start : end + 1])])
result = {"prompts": prompts}
if len(sys.argv) > 3:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, GgufConfig

    def read(path):
        config = GgufConfig(dequantize=True)
        return AutoModelForCausalLM.from_pretrained(
            path.parent, gguf_file=path.name, dtype=torch.float32, quantization_config=config
        )

    def largest_difference(one, other):
        return max(float((one[name] - other[name]).abs().max() / one[name].abs().max()) for name in one)

    tuned = Path(sys.argv[3])
    merged = PeftModel.from_pretrained(read(base), tuned / "adapter").merge_and_unload().state_dict()
    result["from_export"] = largest_difference(merged, read(tuned / "model.gguf").state_dict())
    result["from_base"] = largest_difference(merged, read(base).state_dict())
print(json.dumps(result))
"""


def training_side(base: Path, *tuned: Path) -> Any:
    command = [sys.executable, "-c", _TRAINING_SIDE, str(base), json.dumps(_CHATS), *map(str, tuned)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


async def compare_prompts(base: Path, prompts: Any) -> None:
    """Compare the ids of training with those of llama.cpp, over its own port."""
    key = "for this test"
    generator = LlamaCppGenerator.load(base, key=key)

    def ask(path: str, body: Any) -> Any:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        request = urllib.request.Request(generator.address + path, json.dumps(body).encode(), headers)  # noqa: S310
        with urllib.request.urlopen(request) as answer:  # noqa: S310  a loopback address
            return json.load(answer)

    try:
        for chat, (ids, answer) in zip(_CHATS, prompts, strict=True):
            text = ask("/apply-template", {"messages": chat})["prompt"]
            served = ask("/tokenize", {"content": text, "parse_special": True, "add_special": True})
            assert ids == served["tokens"]
            assert answer == "An answer.<|im_end|>"
    finally:
        await generator.close()


async def test_training_and_serving_agree(training: Training, tiny_base: Path) -> None:
    """Transformers reads the export with its own rotary order; 8 bits are within 1 %."""
    folder = training.folder
    result = training_side(tiny_base, folder)
    await compare_prompts(tiny_base, result["prompts"])
    assert result["from_export"] < 0.01
    assert result["from_base"] > 0.1


@pytest.mark.real
async def test_prompts_of_the_packaged_weights() -> None:
    base = find(None).path
    await compare_prompts(base, training_side(base)["prompts"])
