"""Each architecture that can be tuned, on a tiny random model: llama.cpp serves what torch computes."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from engine.architectures import ARCHITECTURES
from engine.inference.llama_cpp import LlamaCppGenerator
from tests.support import tiny_architectures
from tests.support.tiny_architectures import NAMES, PROMPT, TOKENS

pytestmark = pytest.mark.timeout(600)  # the first test has all models tuned, in 17 s of processor time

_KEY = "key"
_NEAR_TIE = 0.1
"""Nats. llama.cpp keeps keys and values in 16 bits: of two tokens so close, either may be the likeliest."""


@pytest.fixture(scope="module")
def models(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which `tests.support.tiny_architectures` wrote its models."""
    return tiny_architectures.write(tmp_path_factory.mktemp("architectures"), tiny_base)


@pytest.fixture(scope="module")
def expected(models: Path) -> Any:
    """Return what torch computes."""
    return json.loads((models / "expected.json").read_text())


def generate(gguf: Path) -> tuple[list[int], list[float]]:
    """Return the likeliest tokens that llama.cpp writes after the prompt, and their log-probabilities."""
    generator = LlamaCppGenerator.load(gguf, key=_KEY)
    body = {
        "prompt": PROMPT,
        "n_predict": TOKENS,
        "temperature": 0,
        "n_probs": 1,
        "return_tokens": True,
        "ignore_eos": True,
    }
    try:
        headers = {"Authorization": f"Bearer {_KEY}"}
        answer = httpx2.post(f"{generator.address}/completion", json=body, headers=headers, timeout=60).json()
    finally:
        asyncio.run(generator.close())
    tokens, log_probs = answer["tokens"], answer["completion_probabilities"]
    assert [each["id"] for each in log_probs] == tokens
    return tokens, [each["logprob"] for each in log_probs]


@pytest.mark.parametrize("name", NAMES)
def test_what_llama_cpp_serves_is_what_torch_computes(models: Path, expected: Any, name: str) -> None:
    """The base as it is, with an adapter merged, and with all weights changed; greedily."""
    assert expected[name]["difference"] < 1e-4  # the file as the trainer reads it, from the model it is of
    trainer, torch = expected[name]["log_prob"]  # the trainer computes in bfloat16, if the processor can
    assert trainer == pytest.approx(torch, rel=0.02)
    for kind, file in (("base", "base"), ("adapter", "adapter/model"), ("all", "all/model")):
        tokens, log_probs = generate(models / name / f"{file}.gguf")
        torch = expected[name][kind]
        for place, lead in enumerate(torch["leads"]):
            if tokens[place] != torch["tokens"][place]:
                assert lead < _NEAR_TIE, f"{kind}: another token after {place}"
                assert place > 0, kind
                break  # what follows has another beginning
            assert log_probs[place] == pytest.approx(torch["log_probs"][place], abs=_NEAR_TIE), kind
    assert expected[name]["base"]["tokens"] != expected[name]["adapter"]["tokens"]
    assert expected[name]["base"]["tokens"] != expected[name]["all"]["tokens"]


@pytest.mark.parametrize("row", ARCHITECTURES, ids=lambda row: row.model_type)
def test_adapters_train_all_linear_layers(expected: Any, row: Any) -> None:
    name = row.model_type.removesuffix("_text")
    assert expected[name]["linear"] == sorted(row.matrices)
