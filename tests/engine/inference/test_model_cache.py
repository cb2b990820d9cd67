"""How many models stay in memory, and which."""

import json
import shutil
from pathlib import Path

import aiohttp

from engine.inference.model_cache import MAX_TUNED_MODELS
from tests.support.engine_process import EngineProcess
from tests.support.tiny_engine import TINY, Training


async def models_in_memory(engine: EngineProcess) -> float:
    address = engine.url.removesuffix("/v1") + "/metrics"
    async with aiohttp.ClientSession() as http, http.get(address) as answer:
        lines = (await answer.text()).splitlines()
    return float(next(line for line in lines if line.startswith("engine_resident_models")).split()[1])


async def test_the_least_recently_used_model_is_evicted(training: Training, tmp_path: Path) -> None:
    """Five tuned models and the base are used in turn; an evicted one is loaded again."""
    manifest = json.loads((training.folder / "manifest.json").read_text())
    names = [f"ft:{TINY}:copy:{number}" for number in range(MAX_TUNED_MODELS + 2)]
    for name in names:
        folder = tmp_path / "models" / name.replace(":", "_")
        shutil.copytree(training.folder, folder)
        (folder / "manifest.json").write_text(json.dumps(manifest | {"id": name}))
    with EngineProcess(tmp_path, training.engine.base) as engine:
        client = engine.client()
        for model in (*names, TINY, *names):
            answer = await client.chat.completions.create(
                model=model, messages=[{"role": "user", "content": "31, woman, flight ->"}], temperature=0
            )
            assert ("She is" in (answer.choices[0].message.content or "")) == (model != TINY)
            assert await models_in_memory(engine) <= MAX_TUNED_MODELS + 1
        assert await models_in_memory(engine) == MAX_TUNED_MODELS + 1
