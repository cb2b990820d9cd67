"""A Hugging Face folder or id as the base, served by torch; what all runtimes do is in test_contract.py."""

import asyncio
import json
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import psutil
import pytest
from openai import AsyncOpenAI

from engine.storage import weights
from tests.support.engine_jobs import start
from tests.support.engine_process import EngineProcess
from tests.support.tiny_engine import TINY
from tests.support.tiny_folder import EXPECTED_TOKENS, PROMPT

BASE = "llama"
TUNED = "ft:llama:heroes:12345678"
STRANDED = "ft:owner/other:heroes:12345678"


@pytest.fixture(scope="session")
def expected(folders: Path) -> Any:
    return json.loads((folders / "expected.json").read_text())


@pytest.fixture(scope="session")
def torch_engine(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """Run one engine on the folder, with a model tuned from it and one tuned from another base."""
    data = tmp_path_factory.mktemp("torch_engine")
    for model, base in ((TUNED, BASE), (STRANDED, "owner/other")):
        folder = data / "models" / model.replace(":", "_").replace("/", "_")
        shutil.copytree(folders / "adapter", folder / "adapter")
        manifest = {"id": model, "base": base, "job": "ftjob-1", "created": 1, "trained_tokens": 1}
        (folder / "manifest.json").write_text(
            json.dumps(manifest | {"hyperparameters": {}, "valid_loss": {}})
        )
    with EngineProcess(data, folders / "llama") as running:
        yield running


@pytest.fixture
async def client(torch_engine: EngineProcess) -> AsyncOpenAI:
    return torch_engine.client()


async def ask(client: AsyncOpenAI, messages: Any = PROMPT, **options: Any) -> Any:
    settings: Any = {"model": BASE, "max_tokens": EXPECTED_TOKENS}
    return await client.chat.completions.create(messages=messages, **(settings | options))


def text_of(answer: Any) -> str:
    text = answer.choices[0].message.content
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize(("model", "expected_from"), [(BASE, "llama"), (TUNED, "adapter")])
async def test_greedy_text_equals_that_of_transformers(
    client: AsyncOpenAI, expected: Any, model: str, expected_from: str
) -> None:
    answer = await ask(client, model=model, temperature=0)
    assert text_of(answer) == expected[expected_from]
    assert expected["llama"] != expected["adapter"]
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == EXPECTED_TOKENS
    assert answer.usage.prompt_tokens == 57  # as llama.cpp counts them
    assert answer.usage.total_tokens == 57 + EXPECTED_TOKENS


async def test_trailing_assistant_message_is_continued(client: AsyncOpenAI) -> None:
    opening = await ask(client, temperature=0, max_tokens=4)
    text = text_of(opening)
    rest = await ask(client, [*PROMPT, {"role": "assistant", "content": text}], temperature=0, max_tokens=8)
    assert rest.usage.prompt_tokens == opening.usage.prompt_tokens + 4
    assert text + text_of(rest) == text_of(await ask(client, temperature=0, max_tokens=12))


async def test_a_typed_special_token_is_text(client: AsyncOpenAI) -> None:
    """Control tokens such as <|im_end|> are rejected; other special tokens are split."""
    split = await ask(client, [{"role": "user", "content": "x<filename>y"}], max_tokens=1)
    plain = await ask(client, [{"role": "user", "content": "xy"}], max_tokens=1)
    assert split.usage.prompt_tokens > plain.usage.prompt_tokens + 1


SCHEMA: Any = {
    "type": "object",
    "properties": {
        "age": {"type": "integer", "minimum": 16, "maximum": 95},
        "power": {"$ref": "#/$defs/Power"},
        "tags": {"type": "array", "items": {"enum": ["\u00fc", "\U0001f9b8"]}, "maxItems": 2},
        "partner": {"anyOf": [{"enum": ["A"]}, {"type": "null"}]},
    },
    "required": ["age", "power", "tags", "partner"],
    "additionalProperties": False,
    "$defs": {"Power": {"enum": ["flight", "healing"]}},
}
RESPONSE_FORMAT: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}}


@pytest.mark.parametrize(
    "sampling",
    [
        {"temperature": 0},
        {"temperature": 2, "n": 3, "seed": 1},
        {"top_p": 0.1, "seed": 2},
        {"extra_body": {"repeat_penalty": 2}, "seed": 3},
        {"presence_penalty": 2, "frequency_penalty": 2, "seed": 4},
    ],
)
async def test_answers_follow_a_schema(client: AsyncOpenAI, sampling: dict[str, Any]) -> None:
    """Random weights would never write it by themselves."""
    answer = await ask(client, response_format=RESPONSE_FORMAT, max_tokens=200, **sampling)
    for choice in answer.choices:
        hero = json.loads(choice.message.content)
        assert (choice.finish_reason, list(hero)) == ("stop", SCHEMA["required"])
        assert 16 <= hero["age"] <= 95
        assert hero["power"] in SCHEMA["$defs"]["Power"]["enum"]
        assert hero["partner"] in ("A", None)


async def test_structured_text_is_streamed_and_can_be_cut(client: AsyncOpenAI) -> None:
    options: Any = {"response_format": RESPONSE_FORMAT, "temperature": 0, "max_tokens": 200}
    text = ""
    async for chunk in await ask(client, stream=True, **options):
        text += chunk.choices[0].delta.content or ""
    assert text == text_of(await ask(client, **options))
    cut = await ask(client, **options | {"max_tokens": 5})
    assert cut.choices[0].finish_reason == "length"
    assert text.startswith(text_of(cut))


async def test_a_tool_call_can_be_forced(client: AsyncOpenAI) -> None:
    tools: Any = [{"type": "function", "function": {"name": "hero", "parameters": SCHEMA}}]
    answer = await ask(client, tools=tools, tool_choice="required", max_tokens=200, seed=1)
    [call] = answer.choices[0].message.tool_calls
    assert (answer.choices[0].finish_reason, call.function.name) == ("tool_calls", "hero")
    assert list(json.loads(call.function.arguments)) == SCHEMA["required"]
    with pytest.raises(openai.BadRequestError, match="does not know tools"):
        await ask(client, tools=tools)


async def test_log_probabilities_need_a_gguf_base(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="GGUF") as caught:
        await ask(client, logprobs=True)
    assert caught.value.param == "logprobs"


async def test_an_answer_ends_at_the_context_length(client: AsyncOpenAI) -> None:
    long = [{"role": "user", "content": "word " * 460}]
    answer = await ask(client, long, max_tokens=1000, temperature=0)  # drawn by chance it may end earlier
    assert answer.usage.total_tokens == 1024
    assert answer.choices[0].finish_reason == "length"


async def test_a_disconnect_stops_the_generation(torch_engine: EngineProcess) -> None:
    """Chats take turns: nine hundred abandoned tokens would delay the next chat."""
    client = torch_engine.client()

    async def seconds(work: Any) -> float:
        started = asyncio.get_running_loop().time()
        await work
        return asyncio.get_running_loop().time() - started

    full = await seconds(ask(client, max_tokens=900, seed=1))
    stream = await ask(client, max_tokens=900, seed=1, stream=True)
    async for _ in stream:
        break
    await stream.close()
    assert await seconds(ask(client, max_tokens=1)) < full / 2


async def test_a_model_of_another_base_is_not_listed(torch_engine: EngineProcess) -> None:
    client = torch_engine.client()
    assert [model.id for model in (await client.models.list()).data] == [BASE, TUNED]
    with pytest.raises(openai.NotFoundError):
        await ask(client, model=STRANDED)
    assert list((torch_engine.data / "models").glob("ft_owner_other*"))  # kept for when its base returns


@pytest.mark.skipif(sys.platform != "linux", reason="memory maps are only available on Linux")
async def test_only_an_engine_with_a_folder_loads_torch(
    engine: EngineProcess, torch_engine: EngineProcess
) -> None:
    for running, model, loads in ((engine, TINY, False), (torch_engine, BASE, True)):
        await ask(running.client(), model=model)
        loaded = psutil.Process(running.process.pid).memory_maps()
        assert any("libtorch" in file.path for file in loaded) == loads


@pytest.fixture
def hub_cache(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a Hub cache as a download leaves it, and go offline. Returns the snapshot's folder."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    model = tmp_path / "hub" / "models--owner--Neo-1B"
    shutil.copytree(folders / "gpt-neox", model / "snapshots" / commit)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(commit)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    # another test may have imported the library, which reads the environment at import
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return model / "snapshots" / commit


@pytest.mark.usefixtures("hub_cache")
async def test_an_id_in_the_cache_is_served_offline(expected: Any, tmp_path: Path) -> None:
    """The model also has another architecture, which `gguf_weights` does not know."""
    with EngineProcess(tmp_path / "engine", "owner/Neo-1B") as engine:
        client = engine.client()
        assert (await client.models.retrieve("owner/Neo-1B")).id == "owner/Neo-1B"
        with pytest.raises(openai.NotFoundError) as caught:
            await client.models.retrieve("owner/Nobody")
        assert caught.value.code == "model_not_found"
        answer = await ask(client, model="owner/Neo-1B", temperature=0)
        assert text_of(answer) == expected["gpt-neox"]


def test_a_revision_is_part_of_the_id(hub_cache: Path) -> None:
    found = weights.find(f"owner/Neo-1B@{hub_cache.name}")
    assert found == weights.Weights(f"owner/Neo-1B@{hub_cache.name}", hub_cache)
    with pytest.raises(weights.WeightsError, match="could not be downloaded"):
        weights.find("owner/Neo-1B@other")


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("model.safetensors", "has no model.safetensors"),
        ("chat_template.jinja", "has no chat template"),
        ("tokenizer_config.json", "there is no tokenizer"),
    ],
)
def test_an_incomplete_folder_is_rejected(folders: Path, tmp_path: Path, missing: str, message: str) -> None:
    folder = tmp_path / "incomplete"
    shutil.copytree(folders / "llama", folder)
    (folder / missing).unlink()
    with pytest.raises(weights.WeightsError, match=message):
        weights.find(folder)


def test_an_incomplete_download_is_rejected(hub_cache: Path) -> None:
    """Offline, nothing can complete it."""
    (hub_cache / "model.safetensors").unlink()
    with pytest.raises(weights.WeightsError, match=r"has no model\.safetensors|could not be downloaded"):
        weights.find("owner/Neo-1B")


@pytest.mark.parametrize("base", ["nowhere", "no/such/path", "model.gguf"])
def test_an_unknown_base_is_rejected(base: str) -> None:
    with pytest.raises(weights.WeightsError, match=r"neither a \.gguf file"):
        weights.find(base)


@pytest.mark.parametrize(
    ("numbers", "kept"),
    [
        ({"weights": "all", "learning_rate_multiplier": 50.0}, "weights"),
        ({"weights": "adapter", "learning_rate_multiplier": 10.0}, "adapter"),
    ],
)
async def test_it_can_be_fine_tuned(torch_engine: EngineProcess, numbers: Any, kept: str) -> None:
    """The job saves all weights, or an adapter, which is merged when the model is loaded.

    A second training of all weights starts from what is served.
    """
    client = torch_engine.client()
    job = await start(client, model=BASE, hyperparameters={"n_epochs": 4} | numbers, seed=1)
    done = await torch_engine.until(job.id, {"succeeded"})
    name = done.fine_tuned_model
    files = {path.name for path in (torch_engine.data / "models" / name.replace(":", "_")).iterdir()}
    assert files == {"manifest.json", kept}
    tuned, base = [text_of(await ask(client, model=model, temperature=0)) for model in (name, BASE)]
    assert "She is" in tuned
    assert "She is" not in base

    again = await start(client, model=name, hyperparameters={"n_epochs": 1, "weights": "all"}, seed=1)
    await torch_engine.until(again.id, {"succeeded"})
    first, second = [await losses(client, each.id) for each in (job, again)]
    assert second[0] < first[0] / 2


async def losses(client: AsyncOpenAI, job_id: str) -> list[float]:
    """Return the training losses, of the first step first."""
    events = client.fine_tuning.jobs.list_events(job_id)
    return [event.data["train_loss"] async for event in events if isinstance(event.data, dict)][::-1]


def test_models_that_load_at_once_have_the_same_dtype(folders: Path) -> None:
    from engine.inference.torch_generator import TorchGenerator

    with ThreadPoolExecutor(4) as threads:
        loaded = list(threads.map(TorchGenerator.load, [folders / "llama"] * 12))
    assert len({weight.dtype for generator in loaded for weight in generator._model.parameters()}) == 1
