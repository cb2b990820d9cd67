"""What is trained is what is served: token ids and weights, beside implementations that are not ours."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from engine.inference.llama_cpp import Generator
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

# Run apart, so that the tests' own process never loads torch: with chats, the ids before the last answer and
# that answer as it is learned; with a tuned model, how far its export is from what PEFT merges.
_TRAINING_SIDE = """
import json, sys
from pathlib import Path
from transformers import PreTrainedTokenizerFast
from engine.encoding import encode
from engine.messages import TrainingExample

base = Path(sys.argv[1])
tokenizer = PreTrainedTokenizerFast.from_pretrained(base.parent, gguf_file=base.name)
prompts = []
for chat in json.loads(sys.argv[2]):
    whole = TrainingExample(messages=[*chat, {"role": "assistant", "content": "An answer."}])
    encoded = encode(tokenizer, whole)
    end = start = max(place for place, learned in enumerate(encoded.learned) if learned)
    while encoded.learned[start - 1]:
        start -= 1
    prompts.append([encoded.ids[:start], tokenizer.decode(encoded.ids[start : end + 1])])
said = {"prompts": prompts}
if len(sys.argv) > 3:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, GgufConfig

    def read(path):
        config = GgufConfig(dequantize=True)
        return AutoModelForCausalLM.from_pretrained(
            path.parent, gguf_file=path.name, dtype=torch.float32, quantization_config=config
        )

    def farthest(one, other):
        return max(float((one[name] - other[name]).abs().max() / one[name].abs().max()) for name in one)

    tuned = Path(sys.argv[3])
    merged = PeftModel.from_pretrained(read(base), tuned / "adapter").merge_and_unload().state_dict()
    said["from_export"] = farthest(merged, read(tuned / "model.gguf").state_dict())
    said["from_base"] = farthest(merged, read(base).state_dict())
print(json.dumps(said))
"""


def training_side(base: Path, *tuned: Path) -> Any:
    command = [sys.executable, "-c", _TRAINING_SIDE, str(base), json.dumps(_CHATS), *map(str, tuned)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


async def compare_prompts(base: Path, prompts: Any) -> None:
    """Hold the ids of training against those of llama.cpp, over a port that only this test has a key for."""
    key = "for this test"
    generator = Generator.load(base, key=key)

    def ask(path: str, body: Any) -> Any:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        request = urllib.request.Request(generator.address + path, json.dumps(body).encode(), headers)  # noqa: S310
        with urllib.request.urlopen(request) as answer:  # noqa: S310  our own loopback address
            return json.load(answer)

    try:
        for chat, (ids, answer) in zip(_CHATS, prompts, strict=True):
            text = ask("/apply-template", {"messages": chat})["prompt"]
            served = ask("/tokenize", {"content": text, "parse_special": True, "add_special": True})
            assert ids == served["tokens"]
            assert answer == "An answer.<|im_end|>"
    finally:
        await generator.close()


async def test_trained_and_served_are_one(training: Training, tiny_base: Path) -> None:
    """Transformers reads the export with its own idea of rotary order; 8 bits are good to 1 %."""
    folder = training.folder
    said = training_side(tiny_base, folder)
    await compare_prompts(tiny_base, said["prompts"])
    assert said["from_export"] < 0.01
    assert said["from_base"] > 0.1


@pytest.mark.real
async def test_prompts_of_the_packaged_weights() -> None:
    base = find(None).path
    await compare_prompts(base, training_side(base)["prompts"])
