"""A base in transformers: unpacked once, kept, and unpacked anew when the file is another."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

# Run apart, so that the tests' own process never loads torch.
_CODE = """
import json, os, sys
from pathlib import Path
import torch
from engine import base_model

gguf, cache = map(Path, sys.argv[1:])
marker = cache / "marker"

def load(dtype=torch.float32):
    model, tokenizer = base_model.load(gguf, dtype=dtype, cache=cache)
    kept = marker.exists()
    marker.touch()
    return kept, model.state_dict(), tokenizer("40, woman <|im_end|>")["input_ids"], tokenizer.chat_template

unpacked, weights, *words = load()
kept, weights_kept, *words_kept = load()
same = words == words_kept and weights.keys() == weights_kept.keys()
same = same and all(torch.equal(weights[name], weights_kept[name]) for name in weights)
other_numbers, *_ = load(torch.bfloat16)
os.utime(gguf, (1, 1))
other_file, *_ = load(torch.bfloat16)
(cache / "unpacked_from.json").unlink()
torn, *_ = load(torch.bfloat16)
print(json.dumps([[unpacked, kept, other_numbers, other_file, torn], same]))
"""


def test_an_unpacked_base_is_kept_as_long_as_it_fits(tiny_base: Path, tmp_path: Path) -> None:
    gguf = tmp_path / "copy.gguf"
    shutil.copy(tiny_base, gguf)
    command = [sys.executable, "-c", _CODE, str(gguf), str(tmp_path / "cache")]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert json.loads(said) == [[False, True, False, False, False], True]
