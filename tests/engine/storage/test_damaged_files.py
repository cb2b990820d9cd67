"""Files that a disk or a person has damaged: they are named, and all others still count."""

import json
import shutil
from pathlib import Path

import pytest

from engine.storage.gguf_reader import GGUFReader
from engine.training import gguf_weights
from engine.training_request import TrainingError
from tests.support.engine_chats import ask
from tests.support.engine_process import EngineProcess
from tests.support.tiny_engine import TINY, Training

DAMAGES = (b"", b"{", bytes(100), b"[]", b'{"id": "only"}')
RECORDS = ("models/{}/manifest.json", "jobs/{}/job.json", "batches/{}/batch.json", "files/{}/meta.json")


async def test_the_engine_starts_without_what_is_damaged(training: Training, tmp_path: Path) -> None:
    whole = tmp_path / "models" / training.folder.name
    shutil.copytree(training.folder, whole)
    damaged = [
        tmp_path / record.format(f"damaged-{number}") for record in RECORDS for number in range(len(DAMAGES))
    ]
    for number, path in enumerate(damaged):
        path.parent.mkdir(parents=True)
        path.write_bytes(DAMAGES[number % len(DAMAGES)])
    with EngineProcess(tmp_path, training.engine.base) as engine:
        models = [model.id async for model in engine.client().models.list()]
        assert models == [TINY, json.loads((whole / "manifest.json").read_text())["id"]]
        assert (await ask(engine.client())).choices
        log = engine.log.read_text()
        assert "Traceback" not in log
    for path in damaged:
        assert f"{path} is damaged, and what it describes is left out" in log
        assert path.exists()


def test_a_damaged_model_file_is_named(tiny_base: Path, tmp_path: Path) -> None:
    content = tiny_base.read_bytes()
    damaged = tmp_path / "damaged.gguf"
    for end in (1, 4, 23, 100, 1000, 20_000):
        damaged.write_bytes(content[:end])
        with pytest.raises(ValueError, match=r"damaged\.gguf is damaged, or is no GGUF file"):
            GGUFReader(damaged)
        with pytest.raises(TrainingError, match="The base model could not be read"):
            gguf_weights.check(damaged)
