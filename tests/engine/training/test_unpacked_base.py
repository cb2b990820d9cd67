"""The unpacked base: as transformers makes it, used again, and replaced if the file or dtype changed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gguf import GGUFWriter

from engine.storage.gguf_reader import GGUFReader

# In processes of their own, so that the process of the tests never loads torch.
_CACHED = """
import json, os, sys
from pathlib import Path
import torch
from engine.training import unpacked_base

gguf, cache = map(Path, sys.argv[1:])
marker = cache / "marker"

def unpack(dtype=torch.float32):
    model = unpacked_base.load(gguf, dtype=dtype, device="cpu", cache=cache)
    assert model.dtype == dtype
    cached = marker.exists()
    marker.touch()
    return cached

first, second, other_dtype = unpack(), unpack(), unpack(torch.bfloat16)
os.utime(gguf, (1, 1))
other_file = unpack(torch.bfloat16)
(cache / "unpacked_from.json").unlink()
incomplete = unpack(torch.bfloat16)
found = [first, second, other_dtype, other_file, incomplete]
for name in ("unpacked_from.json", "config.json", "model.safetensors"):
    for damage in (b"", b"{", bytes(2000)):
        (cache / name).write_bytes(damage)
        found.append(unpack(torch.bfloat16))
    (cache / name).unlink()
    found.append(unpack(torch.bfloat16))
print(json.dumps(found))
"""

_COMPARED = """
import json, sys
from pathlib import Path
import torch
from engine import base_model
from engine.training import unpacked_base

gguf, cache = map(Path, sys.argv[1:])
ours = unpacked_base.load(gguf, dtype=torch.bfloat16, device="cpu", cache=cache)
theirs = base_model.load(gguf, dtype=torch.bfloat16)
ids = torch.tensor([[1, 2, 3, 4, 5]])
with torch.inference_mode():
    same = torch.equal(ours(ids).logits, theirs(ids).logits)
ours_of, theirs_of = (model.config.to_dict() for model in (ours, theirs))
names = {*ours_of, *theirs_of} - {"_name_or_path", "_model_name_or_path", "architectures", "unk_token_id"}
differences = sorted(name for name in names if ours_of.get(name) != theirs_of.get(name))
print(json.dumps([same, ours.state_dict().keys() == theirs.state_dict().keys(), differences]))
"""


def run(program: str, *arguments: Path) -> Any:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return json.loads(
        subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=120).stdout
    )


def variant(base: Path, out: Path, **further: float) -> Path:
    """Write a copy of a file that tells more about its model; with `head`, it has a head of its own."""
    reader = GGUFReader(base)
    writer = GGUFWriter(out, "llama")
    for name, field in reader.fields.items():
        if not name.startswith("GGUF.") and name != "general.architecture":
            kinds = field.types
            writer.add_key_value(
                name, field.contents(), kinds[0], sub_type=kinds[-1] if len(kinds) > 1 else None
            )
    for name, value in further.items():
        writer.add_float32(name.replace("__", "."), value)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        if tensor.name == "token_embd.weight" and "head" in further:
            writer.add_tensor("output.weight", tensor.data[::-1].copy(), raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out


def test_it_is_used_again_unless_file_or_dtype_differ_or_it_is_damaged(
    tiny_base: Path, tmp_path: Path
) -> None:
    gguf = tmp_path / "copy.gguf"
    shutil.copy(tiny_base, gguf)
    assert run(_CACHED, gguf, tmp_path / "cache") == [False, True, False, False, False] + 12 * [False]


@pytest.mark.parametrize("further", [{}, {"head": 1.0}])
def test_it_is_what_transformers_makes_of_the_file(
    tiny_base: Path, tmp_path: Path, further: dict[str, float]
) -> None:
    gguf = variant(tiny_base, tmp_path / "variant.gguf", **further) if further else tiny_base
    same, same_names, differences = run(_COMPARED, gguf, tmp_path / "cache")
    assert (same, same_names) == (True, True)
    assert differences == []
