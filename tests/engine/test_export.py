"""What is trained is what is served: token ids and weights, beside implementations that are not ours."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from engine.generation import Generator
from engine.weights import find
from tests.engine.conftest import Training

_CHATS: Any = [
    [{"role": "user", "content": "40, woman, flight ->"}],
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": " naïve 漢字 🦸 1234\n\n\ttabs "},
    ],
    [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two <|im_end|> three"},
        {"role": "user", "content": "four"},
    ],
]

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
    encoded = encode(tokenizer, whole, 1024)
    learned = [place for place, flag in enumerate(encoded.learned) if flag]
    start = next(place for place in learned if all(encoded.learned[place : learned[-1] + 1]))
    prompts.append([encoded.ids[:start], tokenizer.decode(encoded.ids[start:learned[-1] + 1])])
print(json.dumps(prompts))
"""

_ROUND_TRIP = """
import sys
from pathlib import Path
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, GgufConfig
def read(path):
    path = Path(path)
    return AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32,
        quantization_config=GgufConfig(dequantize=True))
base, model = sys.argv[1:]
exported = read(Path(model) / "model.gguf").state_dict()
merged = PeftModel.from_pretrained(read(base), Path(model) / "adapter").merge_and_unload().state_dict()
before = read(base).state_dict()
worst, moved = 0.0, 0.0
for name, weight in merged.items():
    scale = weight.abs().max()
    worst = max(worst, float((weight - exported[name]).abs().max() / scale))
    moved = max(moved, float((weight - before[name]).abs().max() / scale))
print(worst, moved)
"""


def in_a_process(code: str, *arguments: str) -> str:
    """Run code that imports torch apart, so that this process stays small."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("which", ["tiny", "packaged"])
async def test_serving_prompts_are_training_prompts(which: str, tiny_base: Path) -> None:
    base = tiny_base if which == "tiny" else find(None).path
    trained = json.loads(in_a_process(_TRAINING_SIDE, str(base), json.dumps(_CHATS)))
    key = "for this test"
    generator = Generator.load(base, key=key)
    try:
        for chat, (ids, answer) in zip(_CHATS, trained, strict=True):
            text = _ask(generator, key, "/apply-template", {"messages": chat})["prompt"]
            served = _ask(
                generator, key, "/tokenize", {"content": text, "parse_special": True, "add_special": True}
            )
            assert ids == served["tokens"]
            assert answer == "An answer.<|im_end|>"
    finally:
        await generator.close()


def _ask(generator: Generator, key: str, path: str, body: Any) -> Any:
    """Ask llama.cpp over its own port, which nobody else has a key for."""
    request = urllib.request.Request(  # noqa: S310  our own loopback address
        generator.address + path,
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return json.load(answer)


def test_exported_weights_are_the_merged_ones(training: Training, tiny_base: Path) -> None:
    """Transformers reads the export back with its own idea of rotary order; 8 bits are good to 1 %."""
    [folder] = (training.engine.data / "models").glob(f"*{training.job.id[-8:]}")
    worst, moved = map(float, in_a_process(_ROUND_TRIP, str(tiny_base), str(folder)).split())
    assert worst < 0.01
    assert moved > 0.1
