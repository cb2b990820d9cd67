"""How many models stay in memory."""

import json
import shutil
from pathlib import Path

import aiohttp

from engine.inference.model_cache import TUNED_IN_MEMORY
from tests.support.engine_process import EngineProcess
from tests.support.tiny_engine import TINY, Training


async def resident(engine: EngineProcess) -> float:
    address = engine.url.removesuffix("/v1") + "/metrics"
    async with aiohttp.ClientSession() as http, http.get(address) as answer:
        lines = (await answer.text()).splitlines()
    return float(next(line for line in lines if line.startswith("engine_resident_models")).split()[1])


async def test_the_models_asked_for_last_stay(training: Training, tmp_path: Path) -> None:
    """Five tuned models and the base take turns; all of them answer, whether they were forgotten or not."""
    manifest = json.loads((training.folder / "manifest.json").read_text())
    names = [f"ft:{TINY}:copy:{number}" for number in range(TUNED_IN_MEMORY + 2)]
    for name in names:
        place = tmp_path / "models" / name.replace(":", "_")
        shutil.copytree(training.folder, place)
        (place / "manifest.json").write_text(json.dumps(manifest | {"id": name}))
    with EngineProcess(tmp_path, training.engine.base) as engine:
        client = engine.client()
        for model in (*names, TINY, *names):
            answer = await client.chat.completions.create(
                model=model, messages=[{"role": "user", "content": "31, woman, flight ->"}], temperature=0
            )
            assert ("She is" in (answer.choices[0].message.content or "")) == (model != TINY)
            assert await resident(engine) <= TUNED_IN_MEMORY + 1
        assert await resident(engine) == TUNED_IN_MEMORY + 1
