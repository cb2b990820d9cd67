"""The cache of the dequantized base: used again, and replaced if the file or dtype changed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

# In a process of its own, so that the process of the tests never loads torch.
_CODE = """
import json, os, sys
from pathlib import Path
import torch
from engine import base_model

gguf, cache = map(Path, sys.argv[1:])
marker = cache / "marker"

def load(dtype=torch.float32):
    model = base_model.load(gguf, dtype=dtype, cache=cache)
    cached = marker.exists()
    marker.touch()
    return cached, model.state_dict()

first, weights = load()
second, cached_weights = load()
same = weights.keys() == cached_weights.keys()
same = same and all(torch.equal(weights[name], cached_weights[name]) for name in weights)
other_dtype, *_ = load(torch.bfloat16)
os.utime(gguf, (1, 1))
other_file, *_ = load(torch.bfloat16)
(cache / "unpacked_from.json").unlink()
incomplete, *_ = load(torch.bfloat16)
print(json.dumps([[first, second, other_dtype, other_file, incomplete], same]))
"""


def test_the_cache_is_used_if_file_and_dtype_are_the_same(tiny_base: Path, tmp_path: Path) -> None:
    gguf = tmp_path / "copy.gguf"
    shutil.copy(tiny_base, gguf)
    command = [sys.executable, "-c", _CODE, str(gguf), str(tmp_path / "cache")]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert json.loads(output) == [[False, True, False, False, False], True]
