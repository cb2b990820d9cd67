"""Chat templates of the families that can be tuned: training reads what serving reads, and learns the answer.

The templates are shortened: without tools, documents and reasoning.
"""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from gguf import GGUFValueType, TokenType

from engine.inference.llama_cpp import LlamaCppGenerator
from engine.jobs import encoding
from engine.messages import TrainingExample
from tests.support import tiny_model, tiny_tokenizer
from tests.support.tiny_tokenizer import Field

_KEY = "key"
_CONTROLS = (
    "<start_of_turn>",
    "<end_of_turn>",
    "<|start_of_role|>",
    "<|end_of_role|>",
    "<|end_of_text|>",
    "[INST]",
    "[/INST]",
)
_NO_THOUGHT = "<think>\n\n</think>\n"

_QWEN_2 = (
    "{%- if messages[0].role != 'system' %}"
    "{{- '<|im_start|>system\\nYou are Qwen.<|im_end|>\\n' }}{%- endif %}{%- for m in messages %}"
    "{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
# the empty thought stands in the prompt and in the last answer, and earlier answers have none
_QWEN_3 = (
    "{%- for m in messages %}{{- '<|im_start|>' + m.role + '\\n' }}"
    "{%- if m.role == 'assistant' and loop.last %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}"
    "{{- m.content.lstrip('\\n') + '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}"
    "{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}{%- endif %}"
)
_GEMMA_3 = (
    "{{ bos_token }}{%- if messages[0]['role'] == 'system' -%}"
    "{%- set first = messages[0]['content'] + '\\n\\n' -%}{%- set rest = messages[1:] -%}"
    "{%- else -%}{%- set first = '' -%}{%- set rest = messages -%}{%- endif -%}"
    "{%- for m in rest -%}"
    "{%- if (m['role'] == 'user') != (loop.index0 % 2 == 0) -%}"
    "{{ raise_exception('Conversation roles must alternate') }}{%- endif -%}"
    "{{ '<start_of_turn>' + ('model' if m['role'] == 'assistant' else m['role']) + '\\n'"
    " + (first if loop.first else '') + m['content'] | trim + '<end_of_turn>\\n' }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}"
)
_LFM_2 = (
    "{{- bos_token -}}{%- for m in messages -%}"
    "{{- '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' -}}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
_SMOLLM_3 = (
    "{%- if enable_thinking is not defined -%}{%- set enable_thinking = true -%}{%- endif -%}"
    "{%- set mode = '/think' if enable_thinking else '/no_think' -%}"
    "{{- '<|im_start|>system\\nToday: ' + strftime_now('%d %B %Y') + '\\nReasoning Mode: ' + mode + '\\n' -}}"
    "{%- if messages[0].role == 'system' -%}{{- messages[0].content -}}{%- endif -%}{{- '<|im_end|>\\n' -}}"
    "{%- for m in messages -%}{%- if m.role == 'user' -%}"
    "{{ '<|im_start|>user\\n' + m.content + '<|im_end|>\\n' }}"
    "{%- elif m.role == 'assistant' -%}{% generation %}"
    "{{ '<|im_start|>assistant\\n' + ('' if mode == '/think' else '<think>\\n\\n</think>\\n')"
    " + m.content.lstrip('\\n') + '<|im_end|>\\n' }}{% endgeneration %}{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}"
    "{{ '<|im_start|>assistant\\n' + ('' if mode == '/think' else '<think>\\n\\n</think>\\n') }}{%- endif -%}"
)
_GRANITE = (
    "{%- if messages[0]['role'] != 'system' %}{{- '<|start_of_role|>system<|end_of_role|>Today is '"
    " + strftime_now('%B %d, %Y') + '. You are Granite.<|end_of_text|>\\n' }}{%- endif %}"
    "{%- for m in messages %}"
    "{{- '<|start_of_role|>' + m['role'] + '<|end_of_role|>' + m['content'] + '<|end_of_text|>\\n' }}"
    "{%- if loop.last and add_generation_prompt %}"
    "{{- '<|start_of_role|>assistant<|end_of_role|>' }}{%- endif %}{%- endfor %}"
)
_MISTRAL = (
    "{{- bos_token }}{%- for m in messages %}{%- if m['role'] == 'assistant' %}"
    "{{- ' ' + m['content'] + eos_token }}{%- else %}{{- '[INST] ' + m['content'] + ' [/INST]' }}"
    "{%- endif %}{%- endfor %}"
)


@dataclass(frozen=True)
class Family:
    """A template, what a prompt must contain, and what ends an answer."""

    template: str
    end: str
    prompt_has: str = ""
    before_answer: str = ""
    eos: str = "<|im_end|>"
    """What the vocabulary says that it ends texts with."""


FAMILIES = {
    "qwen2": Family(_QWEN_2, "<|im_end|>", prompt_has="You are Qwen."),
    "qwen3": Family(_QWEN_3, "<|im_end|>", prompt_has=_NO_THOUGHT),
    "gemma3": Family(_GEMMA_3, "<end_of_turn>", eos="<|endoftext|>"),
    "lfm2": Family(_LFM_2, "<|im_end|>"),
    "smollm3": Family(_SMOLLM_3, "<|im_end|>", prompt_has=_NO_THOUGHT),
    "granite": Family(_GRANITE, "<|end_of_text|>", prompt_has="You are Granite.", eos="<|end_of_text|>"),
    "mistral": Family(_MISTRAL, "<|endoftext|>", before_answer=" ", eos="<|endoftext|>"),
}
CHAT: Any = [
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": "Two it is."},
    {"role": "user", "content": "three"},
    {"role": "assistant", "content": "Four then."},
]


class Served:
    """A tiny model with a family's template, in memory."""

    def __init__(self, generator: LlamaCppGenerator) -> None:
        self.generator = generator

    def text(self, ids: list[int]) -> str:
        """Return what llama.cpp writes for some ids, control tokens included."""
        headers = {"Authorization": f"Bearer {_KEY}"}
        answer = httpx2.post(f"{self.generator.address}/detokenize", json={"tokens": ids}, headers=headers)
        return str(answer.json()["content"])


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> Family:
    """Return each family."""
    return FAMILIES[request.param]


@pytest.fixture
def served(family: Family, tiny_base: Path, tmp_path: Path) -> Iterator[Served]:
    """Load a tiny model of the family."""
    tokenizer = tiny_tokenizer.byte_pairs(tiny_base, _CONTROLS)
    tokens, kinds = tokenizer["tokenizer.ggml.tokens"].value, tokenizer["tokenizer.ggml.token_type"].value
    kinds = [*kinds[: -len(_CONTROLS)], *[int(TokenType.CONTROL)] * len(_CONTROLS)]
    tokenizer |= {
        "tokenizer.ggml.token_type": Field(kinds, GGUFValueType.ARRAY, GGUFValueType.INT32),
        "tokenizer.chat_template": Field(family.template, GGUFValueType.STRING),
        "tokenizer.ggml.eos_token_id": Field(tokens.index(family.eos), GGUFValueType.UINT32),
    }
    generator = LlamaCppGenerator.load(tiny_model.write_with(tmp_path / "family.gguf", tokenizer), key=_KEY)
    yield Served(generator)
    asyncio.run(generator.close())


def test_training_reads_what_serving_reads_and_learns_the_answer(served: Served, family: Family) -> None:
    async def check() -> None:
        example = TrainingExample.model_validate({"messages": CHAT})
        turn = await served.generator.tokenize_turn(example.messages)
        assert turn.prompt == await served.generator.prompt_ids(CHAT[:-1])
        assert family.prompt_has in served.text(turn.prompt)
        assert served.text(turn.answer[: turn.learned]) == f"{family.before_answer}Four then.{family.end}"
        texts = await encoding.encode(example, served.generator.tokenize_turn, 1024)
        learned = [served.text(text.ids[start:end]) for text in texts for start, end in text.learned]
        ends = [f"{family.before_answer}{answer}{family.end}" for answer in ("Two it is.", "Four then.")]
        assert learned == ends

    asyncio.run(check())


def test_a_system_message_is_read_alike(served: Served) -> None:
    async def check() -> None:
        chat = [{"role": "system", "content": "Be brief."}, *CHAT[:2]]
        turn = await served.generator.tokenize_turn(
            TrainingExample.model_validate({"messages": chat}).messages
        )
        assert turn.prompt == await served.generator.prompt_ids(chat[:-1])
        assert "Be brief." in served.text(turn.prompt)

    asyncio.run(check())


# Prints the prompt and what is learned of the last turn, as torch reads a Hugging Face folder.
_TORCH = """
import asyncio, json, sys
from pathlib import Path
from engine import base_model
from engine.inference.torch_generator import TorchGenerator
from engine.messages import TrainingExample

folder, chat = Path(sys.argv[1]), json.loads(sys.argv[2])
messages = TrainingExample.model_validate({"messages": chat}).messages
turn = asyncio.run(TorchGenerator.load(folder).tokenize_turn(messages))
tokenizer = base_model.load_tokenizer(folder)
print(json.dumps([tokenizer.decode(ids) for ids in (turn.prompt, turn.answer[: turn.learned])]))
"""
_OTHER_END = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}<file_sep>\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


@pytest.mark.parametrize(
    ("template", "end_of_prompt", "learned"),
    [
        (_QWEN_3, "<|im_start|>assistant\n<think>\n\n</think>\n\n", "Four then.<|im_end|>"),
        (_OTHER_END, "<file_sep>\nassistant: ", "Four then.<file_sep>"),
    ],
)
def test_torch_reads_them_alike(
    folders: Path, tmp_path: Path, template: str, end_of_prompt: str, learned: str
) -> None:
    folder = shutil.copytree(folders / "llama", tmp_path / "llama")
    (folder / "chat_template.jinja").write_text(template)
    command = [sys.executable, "-c", _TORCH, str(folder), json.dumps(CHAT)]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=120).stdout
    prompt, answer = json.loads(output)
    assert prompt.endswith(end_of_prompt)
    assert answer == learned
