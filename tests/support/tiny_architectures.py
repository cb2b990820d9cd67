"""A tiny random model of each architecture that can be tuned, tuned in both ways.

`python -m tests.support.tiny_architectures OUT TOKENIZER.gguf` writes below OUT, for each of NAMES,
`base.gguf` as llama.cpp's converter does, and `adapter/model.gguf` and `all/model.gguf`, tuned from it as the
trainer does. `expected.json` has what transformers and PEFT compute of the same weights in float32, without
any GGUF file. It runs in a process of its own, so that the process of the tests never loads torch.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.tokens import Encoded
from tests.support import tiny_tokenizer
from tests.support.tiny_tokenizer import Tokenizer

TOKENS = 16
"""How many are generated."""
PROMPT = [37 * number % 1700 + 300 for number in range(40)]
_TEXT = Encoded(PROMPT, [(10, 40)])
WINDOW = 12
"""Of Gemma 3's sliding attention: shorter than the prompt."""


@dataclass(frozen=True)
class _Kind:
    """An architecture: its names, and how its tiny model differs from the others."""

    model_type: str
    gguf: str
    config: Mapping[str, Any] = field(default_factory=dict)
    layers: int = 2
    is_permuted: bool = False
    norm_offset: float = 0.0
    says: Callable[[Any, Any], None] | None = None
    """Writes what only files of this kind tell."""


def _heads(writer: Any, config: Any) -> None:
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)


def _gemma3(writer: Any, config: Any) -> None:
    _heads(writer, config)
    writer.add_sliding_window(WINDOW)


def _gemma3_scaled(writer: Any, config: Any) -> None:
    from gguf import RopeScalingType

    _gemma3(writer, config)
    writer.add_rope_scaling_type(RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(config.rope_parameters["full_attention"]["factor"])


def _lfm2(writer: Any, config: Any) -> None:
    writer.add_shortconv_l_cache(config.conv_L_cache)


def _granite(writer: Any, config: Any) -> None:
    writer.add_attention_scale(config.attention_multiplier)
    writer.add_embedding_scale(config.embedding_multiplier)
    writer.add_residual_scale(config.residual_multiplier)
    writer.add_logit_scale(config.logits_scaling)


_SCALED = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
_KINDS = {
    "llama": _Kind("llama", "llama", {"tie_word_embeddings": True}, is_permuted=True),
    "llama-3.2": _Kind(
        "llama",
        "llama",
        {
            "rope_parameters": _SCALED | {"rope_theta": 50.0, "original_max_position_embeddings": 8192},
            "tie_word_embeddings": True,
        },
        is_permuted=True,
    ),
    "mistral": _Kind(
        "mistral", "llama", {"head_dim": 20, "sliding_window": None}, is_permuted=True, says=_heads
    ),
    "qwen2": _Kind("qwen2", "qwen2", {"tie_word_embeddings": True}),
    "qwen3": _Kind("qwen3", "qwen3", {"head_dim": 20, "tie_word_embeddings": True}, says=_heads),
    "gemma3": _Kind(
        "gemma3_text",
        "gemma3",
        {"head_dim": 20, "query_pre_attn_scalar": 20, "sliding_window": WINDOW},
        layers=6,  # the sixth attends to the whole text
        norm_offset=1.0,
        says=_gemma3,
    ),
    "gemma3-4b": _Kind(
        "gemma3_text",
        "gemma3",
        {
            "head_dim": 20,
            "query_pre_attn_scalar": 20,
            "sliding_window": WINDOW,
            "rope_parameters": {
                "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000.0},
                "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
            },
        },
        layers=6,
        norm_offset=1.0,
        says=_gemma3_scaled,
    ),
    "lfm2": _Kind(
        "lfm2",
        "lfm2",
        {"layer_types": ["conv", "full_attention", "conv"], "block_auto_adjust_ff_dim": False},
        layers=3,
        says=_lfm2,
    ),
    "smollm3": _Kind("smollm3", "smollm3", layers=4, is_permuted=True),  # the fourth has no positions
    "granite": _Kind(
        "granite",
        "granite",
        {
            "attention_multiplier": 0.2,
            "embedding_multiplier": 3.0,
            "residual_multiplier": 0.6,
            "logits_scaling": 1.5,
            "tie_word_embeddings": True,
        },
        is_permuted=True,
        says=_granite,
    ),
}
NAMES = tuple(_KINDS)


def write(out: Path, tokenizer_from: Path) -> Path:
    """Write everything below `out` in a process of its own; return `out`."""
    command = [sys.executable, "-m", "tests.support.tiny_architectures", str(out), str(tokenizer_from)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL)
    return out


def _main(out: Path, tokenizer_from: Path) -> None:
    import torch

    torch.set_num_threads(1)  # they would only wait for each other
    expected = {name: _expected(out / name, kind, tokenizer_from) for name, kind in _KINDS.items()}
    (out / "expected.json").write_text(json.dumps(expected))


def _expected(folder: Path, kind: _Kind, tokenizer_from: Path) -> dict[str, Any]:
    """Write the files of one architecture; return what is expected of them."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from engine.training import unpacked_base
    from engine.training.full_model import FullModel
    from engine.training.lora_model import LoraModel
    from engine.training.trainable_model import StartingWeights

    tokenizer = tiny_tokenizer.byte_pairs(tokenizer_from)
    base = _random_model(kind, tokenizer)
    base.save_pretrained(folder / "hf")
    _write_gguf(folder / "base.gguf", kind, base, tokenizer)
    start = StartingWeights("tiny", folder / "base.gguf", folder / "unpacked")
    read = unpacked_base.load(
        start.base, dtype=torch.float32, device="cpu", cache=folder / "unpacked-float32"
    ).eval()
    ids = torch.tensor([PROMPT])
    with torch.inference_mode():
        difference = float((base(ids).logits - read(ids).logits).abs().max())

    adapter = LoraModel(start, seed=0, max_length=1024)
    trainer_reads = float(adapter.log_probs([_TEXT]).sum())
    _train(adapter, rate=0.02)
    adapter.save(folder / "adapter")
    merged = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(folder / "hf", dtype=torch.float32),
        folder / "adapter" / "adapter",
    ).merge_and_unload()

    tuned = FullModel(start, seed=0, max_length=1024)
    _train(tuned, rate=0.02)
    tuned.save(folder / "all")
    changed = AutoModelForCausalLM.from_pretrained(folder / "hf", dtype=torch.float32)
    names = [name for name, _ in changed.named_parameters()]
    with torch.no_grad():
        for name, weight in zip(names, tuned.trainable, strict=True):
            changed.get_parameter(name).copy_(weight)
    return {
        "difference": difference,
        "log_prob": (trainer_reads, _log_prob(base)),
        "linear": sorted(
            {
                name.split(".", 3)[3]
                for name, layer in base.named_modules()
                if isinstance(layer, torch.nn.Linear) and ".layers." in name
            }
        ),
        "base": _generate(base),
        "adapter": _generate(merged),
        "all": _generate(changed),
    }


def _random_model(kind: _Kind, tokenizer: Tokenizer) -> Any:
    """Return a model whose logits are far apart, so that no rounding changes the likeliest token.

    It writes ASCII: llama.cpp tells no log-probability of a token that is a part of a character.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes = {
        "vocab_size": 2048,
        # rows of no multiple of 32: the trainer writes them unrounded, and the tokens must be the same
        "hidden_size": 72,
        "intermediate_size": 104,
        "num_hidden_layers": kind.layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
    }
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind.model_type, **sizes, **kind.config)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    words = tokenizer["tokenizer.ggml.tokens"].value
    others = [token for token, word in enumerate(words) if not word.replace("\u0120", "").isascii()]
    by_model = {"gemma3": config.hidden_size**0.5, "granite": getattr(config, "embedding_multiplier", 1)}
    embeddings = 0.3 / by_model.get(kind.gguf, 1)  # some models multiply them
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name in {"model.norm.weight", "model.embedding_norm.weight"}:
                torch.nn.init.normal_(weight, 1.2 / embeddings - kind.norm_offset, 0.3)
            elif name.endswith("norm.weight"):
                torch.nn.init.normal_(weight, 1 - kind.norm_offset, 0.3)
            elif "embed_tokens" in name or "lm_head" in name:
                torch.nn.init.normal_(weight, 0, embeddings)
                weight[others] = 0
            else:
                torch.nn.init.normal_(weight, 0, 0.15)
    return model


def _train(model: Any, rate: float) -> None:
    """Train a few steps on one text."""
    import torch

    optimizer = torch.optim.AdamW(model.trainable, lr=rate)
    for _ in range(3):
        (-model.log_probs([_TEXT]).sum() / len(_TEXT.ids)).backward()
        optimizer.step()
        model.apply_update()
        optimizer.zero_grad()


def _log_prob(model: Any) -> float:
    """Return the log-probability of what is learned of the text."""
    import torch

    ids = torch.tensor([_TEXT.ids])
    ((start, end),) = _TEXT.learned
    with torch.inference_mode():
        log_probs = model(ids).logits[0].log_softmax(-1)[:-1].gather(1, ids[0, 1:, None])
    return float(log_probs[start - 1 : end - 1].sum())


def _generate(model: Any) -> dict[str, Any]:
    """Return the likeliest tokens after the prompt, their log-probabilities, and by how much they lead."""
    import torch

    ids, log_probs, leads = list(PROMPT), [], []
    with torch.inference_mode():
        for _ in range(TOKENS):
            logits = model(torch.tensor([ids]), use_cache=False).logits[0, -1].log_softmax(-1)
            first, second = logits.topk(2).values.tolist()
            ids.append(int(logits.argmax()))
            log_probs.append(first)
            leads.append(first - second)
    return {"tokens": ids[len(PROMPT) :], "log_probs": log_probs, "leads": leads}


def _write_gguf(path: Path, kind: _Kind, model: Any, tokenizer: Tokenizer) -> None:
    """Write a model with the names of gguf's own table, and with the changes of llama.cpp's converter."""
    from gguf import MODEL_ARCH_NAMES, GGUFWriter, get_tensor_name_map

    config = model.config
    writer = GGUFWriter(path, kind.gguf)
    for key, value in tokenizer.items():
        writer.add_key_value(key, value.value, value.kind, sub_type=value.item_kind)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_layer_norm_rms_eps(getattr(config, "rms_norm_eps", None) or config.norm_eps)
    parameters = config.rope_parameters
    writer.add_rope_freq_base(parameters.get("full_attention", parameters)["rope_theta"])
    kinds = getattr(config, "layer_types", None) or []
    writer.add_head_count_kv(
        [0 if each == "conv" else config.num_key_value_heads for each in kinds]
        if "conv" in kinds
        else config.num_key_value_heads
    )
    if kind.says:
        kind.says(writer, config)
    architecture = next(key for key, name in MODEL_ARCH_NAMES.items() if name == kind.gguf)
    names = get_tensor_name_map(architecture, config.num_hidden_layers)
    for name, weight in model.named_parameters():
        stem, _, end = name.rpartition(".")
        values = weight.detach().numpy()
        if kind.is_permuted and "q_proj" in name:
            values = _permuted(values, config.num_attention_heads)
        elif kind.is_permuted and "k_proj" in name:
            values = _permuted(values, config.num_key_value_heads)
        elif "norm" in stem.rpartition(".")[2]:
            values = values + kind.norm_offset
        elif "conv.conv" in name:
            values = values.squeeze(1)
        writer.add_tensor(f"{names.get_name(stem)}.{end}", values)
    if parameters.get("rope_type") == "llama3":
        writer.add_tensor("rope_freqs.weight", _frequency_factors(model))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _permuted(values: Any, heads: int) -> Any:
    halves = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:])
    return halves.swapaxes(1, 2).reshape(values.shape)


def _frequency_factors(model: Any) -> Any:
    import torch

    head = model.config.head_dim
    plain = model.config.rope_parameters["rope_theta"] ** -(torch.arange(0, head, 2) / head)
    return (plain / model.model.rotary_emb.inv_freq).numpy()


if __name__ == "__main__":
    _main(*map(Path, sys.argv[1:]))
