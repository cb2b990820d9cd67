"""Download the adapter of a tuned model."""

import io
import tarfile
from typing import Any

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI, HttpxBinaryResponseContent

from tests.support.engine_process import EngineProcess
from tests.support.tiny_engine import TINY, Training


async def adapter_of(client: AsyncOpenAI, model: str) -> Any:
    return await client.get(f"/models/{model}/adapter", cast_to=HttpxBinaryResponseContent)


async def test_it_is_a_tar_of_the_files_on_disk(adapter_training: Training, client: AsyncOpenAI) -> None:
    answer = await adapter_of(client, adapter_training.model)
    assert answer.response.headers["Content-Type"] == "application/x-tar"
    assert int(answer.response.headers["Content-Length"]) == len(answer.content)
    with tarfile.open(fileobj=io.BytesIO(answer.content), mode="r:") as tar:
        members = {member.name: tar.extractfile(member) for member in tar.getmembers()}
        found = {name: file.read() for name, file in members.items() if file}
    folder = adapter_training.folder / "adapter"
    assert found == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(found) == {"adapter_config.json", "adapter_model.safetensors"}


async def test_a_checkpoint_has_its_own_adapter(adapter_training: Training, client: AsyncOpenAI) -> None:
    checkpoints = await client.fine_tuning.jobs.checkpoints.list(adapter_training.job.id)
    answer = await adapter_of(client, checkpoints.data[-1].fine_tuned_model_checkpoint)
    assert answer.content != (await adapter_of(client, adapter_training.model)).content


async def test_the_base_and_unknown_models_have_no_adapter(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="is the base model") as base:
        await adapter_of(client, TINY)
    assert (base.value.code, base.value.param) == ("no_adapter", "model")
    for unknown in ("ft:tiny:none:1", "ft:owner%2Fname:none:1"):
        with pytest.raises(openai.NotFoundError) as caught:
            await adapter_of(client, unknown)
        assert caught.value.code == "model_not_found"


async def test_a_head_request_has_no_body(engine: EngineProcess, adapter_training: Training) -> None:
    address = f"{engine.url}/models/{adapter_training.model}/adapter"
    async with aiohttp.ClientSession() as http, http.head(address) as answer:
        assert answer.status == 200
        assert int(answer.headers["Content-Length"]) > 10_000
        assert await answer.read() == b""
