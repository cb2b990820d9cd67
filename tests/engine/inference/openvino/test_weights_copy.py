"""The copy that OpenVINO reads: the same weights in 8 bits."""

import os
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGMLQuantizationType
from gguf.quants import dequantize

from engine.inference.openvino.weights_copy import readable
from engine.storage import weights
from engine.storage.gguf_reader import GGUFReader


def matrices(path: Path) -> dict[str, Any]:
    return {tensor.name: tensor for tensor in GGUFReader(path).tensors if len(tensor.shape) > 1}


@pytest.mark.parametrize("which", ["tiny", "packaged"])
def test_matrices_are_kept_within_the_rounding_of_8_bits(tiny_base: Path, tmp_path: Path, which: str) -> None:
    base = tiny_base if which == "tiny" else weights.find(None).path
    copy = readable(base, tmp_path / "copy.gguf")
    assert copy == tmp_path / "copy.gguf"
    copied = matrices(copy)
    assert {tensor.tensor_type for tensor in copied.values()} == {GGMLQuantizationType.Q8_0}
    before = matrices(base)
    assert before.keys() == copied.keys()
    for name in list(before)[:8]:
        old, new = (dequantize(tensor.data, tensor.tensor_type) for tensor in (before[name], copied[name]))
        largest = np.abs(old).reshape(-1, 32).max(axis=1, keepdims=True)  # of each block, which has one scale
        # half a step of the scale, which is itself rounded to float16
        assert (np.abs(old - new).reshape(-1, 32) <= largest / 127 * 0.6 + 1e-6).all()


def test_a_copy_is_read_as_it_is_and_made_once(tiny_base: Path, tmp_path: Path) -> None:
    copy = readable(tiny_base, tmp_path / "copy.gguf")
    assert readable(copy, tmp_path / "other.gguf") == copy
    assert not (tmp_path / "other.gguf").exists()
    written = copy.stat().st_mtime_ns
    assert readable(tiny_base, copy).stat().st_mtime_ns == written
    os.utime(copy, (1, 1))  # older than the file: made anew
    assert readable(tiny_base, copy).stat().st_mtime > 1


def test_a_full_disk_leaves_no_part_of_a_copy(tiny_base: Path, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match=r"written|too large"):
            readable(tiny_base, tmp_path / "copy.gguf")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_architecture_is_named(tiny_base: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    content = tiny_base.read_bytes()
    other.write_bytes(content.replace(b"llama", b"mamba", 1))
    with pytest.raises(ValueError, match="'mamba'"):
        readable(other, tmp_path / "copy.gguf")
