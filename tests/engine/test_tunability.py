"""Which bases can be tuned: what cannot is named with the list, also in requests; it may be served."""

import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openai
import pytest
from gguf import GGUFWriter

from engine import tunability
from engine.storage import gguf_header
from engine.storage.gguf_reader import GGUFReader
from tests.engine.api.test_start import reason_of
from tests.support import tiny_model, tiny_tokenizer
from tests.support.engine_chats import ask
from tests.support.engine_process import EngineProcess, example, jsonl
from tests.support.tiny_engine import TINY


def write(
    path: Path, source: Path, *, settings: Mapping[str, Any] | None = None, tensor: str = "", **changes: str
) -> Path:
    """Write a copy of a GGUF file that tells more, has one tensor more, or is of another architecture."""
    reader = GGUFReader(source)
    architecture = changes.get("architecture", "llama")
    writer = GGUFWriter(path, architecture)
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        kinds = field.types
        key = name.replace("llama.", f"{architecture}.", 1) if name.startswith("llama.") else name
        writer.add_key_value(key, field.contents(), kinds[0], sub_type=kinds[-1] if len(kinds) > 1 else None)
    for name, value in (settings or {}).items():
        add = {str: writer.add_string, float: writer.add_float32, int: writer.add_uint32}[type(value)]
        add(f"{architecture}.{name}", value)
    for each in reader.tensors:
        writer.add_tensor(each.name, each.data, raw_dtype=each.tensor_type)
    if tensor:
        writer.add_tensor(tensor, reader.tensors[0].data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_the_header_is_what_the_whole_reader_finds(tiny_base: Path) -> None:
    header, reader = gguf_header.read(tiny_base), GGUFReader(tiny_base)
    assert header.architecture == "llama"
    assert header.has_chat_template
    assert header.tensors == {tensor.name for tensor in reader.tensors}
    fields = {name: field.contents() for name, field in reader.fields.items() if "GGUF." not in name}
    assert header.metadata == fields


@pytest.mark.parametrize("end", [0, 3, 20, 100, 5_000, -1000, -1])
def test_a_damaged_file_is_named(tiny_base: Path, tmp_path: Path, end: int) -> None:
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(tiny_base.read_bytes()[:end])
    with pytest.raises(ValueError, match=r"damaged\.gguf is damaged, or is no GGUF file"):
        gguf_header.read(damaged)
    assert "damaged.gguf is damaged" in tunability.obstacle(damaged)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (struct.pack("<IIQ", 9, 8, 5000) + struct.pack("<Q", 2**63) * 5000, "it is cut short"),
        (struct.pack("<IIQ", 9, 8, 2**63), "it is cut short"),
        (struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 5000, "recursion"),
        (struct.pack("<I", 77), "unknown kind 77"),
    ],
)
def test_a_value_that_no_file_has_is_named(tmp_path: Path, value: bytes, fault: str) -> None:
    path = tmp_path / "odd.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"a" + value)
    assert re.search(rf"odd\.gguf is damaged, or is no GGUF file: .*{fault}", tunability.obstacle(path))


def test_all_architectures_are_listed() -> None:
    listed = tunability.tunable()
    for name in (
        "llama (SmolLM2",
        "Mistral",
        "qwen2 (",
        "qwen3 (",
        "gemma3 (",
        "lfm2 (",
        "smollm3 (",
        "granite (",
    ):
        assert name in listed


@pytest.mark.parametrize(
    ("changes", "reason"),  # the reason as a pattern
    [
        ({}, ""),
        ({"settings": {"rope.scaling.type": "linear", "rope.scaling.factor": 2.0}}, ""),
        ({"settings": {"expert_count": 0}}, ""),
        ({"settings": {"expert_count": 8}}, "it has expert_count = 8"),
        ({"settings": {"rope.scaling.type": "yarn", "rope.scaling.factor": 2.0}}, "rope.scaling.type = yarn"),
        ({"settings": {"attention.value_length": 8}}, "its heads have several widths"),
        ({"settings": {"attention.key_length": "x"}}, "its heads have several widths|no numbers"),
        ({"tensor": "blk.0.attn_q.bias"}, r"it has the tensor blk\.0\.attn_q\.bias"),
        ({"tensor": "blk.0.ffn_gate_exps.weight"}, r"it has the tensor blk\.0\.ffn_gate_exps\.weight"),
        ({"architecture": "qwen3"}, ""),
        ({"architecture": "gemma3"}, r"it does not tell its attention\.sliding_window"),
        ({"architecture": "phi3"}, "architecture 'phi3', and GGUF files can be tuned of these: llama"),
    ],
)  # fmt: skip
def test_what_cannot_be_tuned_is_named(
    tiny_base: Path, tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    obstacle = tunability.obstacle(write(tmp_path / "other.gguf", tiny_base, **changes))
    assert re.search(reason, obstacle) if reason else obstacle == ""


def test_the_engine_refuses_to_tune_it_at_the_start(tiny_base: Path, tmp_path: Path) -> None:
    base = write(tmp_path / "other.gguf", tiny_base, settings={"expert_count": 8})
    said = reason_of("--data", tmp_path / "data", "--base", base, "--port", "0", "--tune", "adapter")
    assert said.startswith(
        "engine: The base is a variant of 'llama' that cannot be tuned: it has expert_count"
    )
    assert said.endswith("To serve it without tuning, leave out --tune adapter.")


def test_a_base_without_a_chat_template_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer.byte_pairs(tiny_base)
    del tokenizer["tokenizer.chat_template"]
    base = tiny_model.write_with(tmp_path / "silent.gguf", tokenizer)
    assert reason_of("--data", tmp_path / "data", "--base", base, "--port", "0") == (
        f"engine: {base} has no chat template, and the engine only serves chats: choose its instruct variant"
        " by --base (ENGINE_BASE)."
    )


def test_a_base_that_has_not_arrived_whole_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    base = tmp_path / "half.gguf"
    content = tiny_base.read_bytes()
    base.write_bytes(content[: len(content) // 2])
    assert reason_of("--data", tmp_path / "data", "--base", base, "--port", "0") == (
        f"engine: {base} cannot be read: half.gguf is damaged, or is no GGUF file: it is cut short. Choose "
        "otherwise by --base (ENGINE_BASE), or fetch the file anew."
    )


async def test_it_is_served_and_jobs_are_refused(tiny_base: Path, tmp_path: Path) -> None:
    base = write(tmp_path / "tiny.gguf", tiny_base, settings={"use_parallel_residual": 1})
    with EngineProcess(tmp_path / "data", base) as engine:
        client = engine.client()
        assert (await ask(client)).choices
        file = await client.files.create(file=jsonl(map(example, range(20, 32))), purpose="fine-tune")
        with pytest.raises(
            openai.BadRequestError, match="cannot be tuned: it has use_parallel_residual"
        ) as refused:
            await client.fine_tuning.jobs.create(model=TINY, training_file=file.id)
        assert refused.value.code == "base_not_tunable"
        assert [job async for job in client.fine_tuning.jobs.list()] == []
        assert "no job can tune the base" in engine.log.read_text()
