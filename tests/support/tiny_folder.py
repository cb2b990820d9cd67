"""Hugging Face folders with random weights, and an adapter for one of them.

`python -m tests.support.tiny_folder OUT TOKENIZER.gguf` writes `llama`, `gpt-neox` and `adapter` (PEFT, for
`llama`) below OUT, and `expected.json`: what transformers itself generates for PROMPT at temperature 0. It
runs in a process of its own, so that the process of the tests never loads torch.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROMPT: Any = [{"role": "user", "content": "40, woman, flight ->"}]
EXPECTED_TOKENS = 12


def write(out: Path, tokenizer_from: Path) -> Path:
    """Write the folders below `out` in a process of their own; return `out`."""
    command = [sys.executable, "-m", "tests.support.tiny_folder", str(out), str(tokenizer_from)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2], capture_output=True)
    return out


def _main(out: Path, tokenizer_from: Path) -> None:
    import torch
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM, GPTNeoXConfig, LlamaConfig, PreTrainedTokenizerFast

    from engine import base_model

    torch.manual_seed(0)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tokenizer_from.parent, gguf_file=tokenizer_from.name)
    size = {
        "vocab_size": 2048,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "initializer_range": 0.2,  # larger than usual: rounding must not change the likeliest token
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    for name, config in {"llama": LlamaConfig(**size), "gpt-neox": GPTNeoXConfig(**size)}.items():
        AutoModelForCausalLM.from_config(config).save_pretrained(out / name)
        tokenizer.save_pretrained(out / name)

    dtype = base_model.fastest_dtype("cpu")

    def llama() -> Any:
        return AutoModelForCausalLM.from_pretrained(out / "llama", dtype=dtype)

    random = LoraConfig(
        r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM"
    )
    get_peft_model(llama(), random).save_pretrained(out / "adapter")
    models = {
        "llama": llama(),
        "gpt-neox": AutoModelForCausalLM.from_pretrained(out / "gpt-neox", dtype=dtype),
        "adapter": PeftModel.from_pretrained(llama(), out / "adapter").merge_and_unload(),
    }
    expected = {}
    for name, model in models.items():
        prompt = tokenizer.apply_chat_template(
            PROMPT, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        answer = model.generate(**prompt, do_sample=False, max_new_tokens=EXPECTED_TOKENS)
        tokens = answer[0, prompt["input_ids"].shape[1] :]
        expected[name] = tokenizer.decode(tokens, skip_special_tokens=True)
    (out / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    _main(*map(Path, sys.argv[1:]))
