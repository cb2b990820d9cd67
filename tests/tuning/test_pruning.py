"""Files of retired models and checkpoints are deleted at a real engine, and nothing that is needed."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.app import App, open_app
from bot.errors import UserError
from bot.settings import Settings
from bot.store import models
from tests.support.engine_process import EngineProcess

NAMES = [f"ft:tiny:herosmith-0000000{number}:{number}" for number in range(1, 6)]
OWN = "ft:tiny:mine:9"
OTHER = "ft:tiny:herosmith-00000008:8"  # of another bot at the same engine
OTHERS = {OWN, OTHER, f"{OTHER}:ckpt-step-3"}
ADAPTER = NAMES[0]


def add_model(engine: Path, name: str, *, job: str = "ftjob-0", step: int | None = None) -> Path:
    """Add a model as the engine writes it."""
    folder = engine / "models" / re.sub("[:/]", "_", name)
    folder.mkdir(parents=True)
    (folder / "model.gguf").write_bytes(bytes(100_000))
    weights = "adapter" if name == ADAPTER else "all"
    if weights == "adapter":
        (folder / "adapter").mkdir()
        (folder / "adapter" / "adapter_config.json").write_text("{}")
        (folder / "adapter" / "adapter_model.safetensors").write_bytes(b"small")
    manifest = {"id": name, "base": "tiny", "job": job, "created": 1, "trained_tokens": 1}
    manifest |= {"weights": weights, "hyperparameters": {}, "valid_loss": {}, "step": step}
    (folder / "manifest.json").write_text(json.dumps(manifest | {"is_checkpoint": step is not None}))
    return folder


def add_training(engine: Path, name: str, number: int) -> str:
    """Add an ended training of the bot's with a checkpoint. Return the checkpoint's name."""
    job = f"ftjob-{number}"
    folder = engine / "jobs" / job
    folder.mkdir(parents=True)
    content = json.loads(_OLD_JOB.read_text())
    suffix = name.split(":")[2]
    content |= {"id": job, "fine_tuned_model": name, "model": "tiny", "user_provided_suffix": suffix}
    (folder / "job.json").write_text(json.dumps(content))
    checkpoint = f"{name}:ckpt-step-3"
    add_model(engine, checkpoint, job=job, step=3)
    return checkpoint


_OLD = Path(__file__).parents[1] / "data" / "installation_0_1" / "engine" / "jobs"
_OLD_JOB = next(_OLD.glob("*/job.json"))


@pytest.fixture
def engine(tmp_path: Path, tiny_base: Path) -> Iterator[EngineProcess]:
    """Run an engine with five models of heroes, one of a person's own, and a checkpoint of the live one."""
    data = tmp_path / "data"
    for name in (*NAMES, OWN, OTHER):
        add_model(data, name)
    add_training(data, NAMES[4], 5)
    add_training(data, OTHER, 6)
    with EngineProcess(data, tiny_base) as running:
        yield running


@pytest.fixture
def settings(settings: Settings, engine: EngineProcess) -> Settings:
    return settings.model_copy(update={"engine_url": engine.url, "keep_models": 1})


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[App]:
    """Five models: the last one is live, the fourth was before it, the others are retired."""
    async with open_app(settings) as opened:
        async with opened.db.write() as tx:
            await tx.exec_driver_sql(
                "INSERT INTO job (kind, spec, state) VALUES ('finetune', '{}', 'succeeded')"
            )
            await tx.exec_driver_sql(
                "INSERT INTO dataset (id, kind, content_hash, recipe, counts, created_at) "
                "VALUES (1, 'sft', 'h', '{}', '{}', 1)"
            )
            for name in NAMES:
                await models.add(
                    tx,
                    name=name,
                    base="tiny",
                    dataset_id=1,
                    job_id=1,
                    state="candidate",
                    metrics={},
                    served_as=name,
                    created_at=1.0,
                )
        for number in range(1, 6):
            await opened.registry.promote(number)
        yield opened


def on_disk(engine: EngineProcess) -> set[str]:
    manifests = (engine.data / "models").glob("*/manifest.json")
    return {str(json.loads(manifest.read_text())["id"]) for manifest in manifests}


async def test_old_retired_models_and_checkpoints_go(app: App, engine: EngineProcess) -> None:
    checkpoint = f"{NAMES[4]}:ckpt-step-3"
    everything = {*NAMES, *OTHERS, checkpoint}
    assert on_disk(engine) == everything
    planned = await app.pruner.plan()
    assert [each.name for each in planned] == [NAMES[0], NAMES[1], checkpoint]
    assert all(each.bytes > 100_000 for each in planned)
    assert on_disk(engine) == everything  # a plan deletes nothing

    deleted = await app.pruner.prune()
    assert [each.name for each in deleted] == [each.name for each in planned]
    # the newest retired one stays besides the one for a rollback
    assert on_disk(engine) == {*NAMES[2:], *OTHERS}
    adapter = app.settings.adapters / ADAPTER
    assert (adapter / "adapter_model.safetensors").read_bytes() == b"small"
    assert await app.pruner.plan() == []

    record = await app.registry.record(1)
    assert record.model.pruned_at is not None
    assert record.events[-1].what == "pruned"
    with pytest.raises(UserError, match="files of model 1 were deleted"):
        await app.registry.promote(1)
    before = await app.registry.roll_back()
    assert before is not None
    assert before.id == 4


async def test_what_became_needed_meanwhile_stays(app: App, engine: EngineProcess) -> None:
    await app.registry.promote(1)
    deleted = {each.name for each in await app.pruner.prune()}
    assert deleted == {NAMES[1], NAMES[2], f"{NAMES[4]}:ckpt-step-3"}
    assert {NAMES[0], NAMES[4]} <= on_disk(engine)  # live, and for a rollback


async def test_a_model_that_a_crash_left_marked_is_deleted_later(app: App, engine: EngineProcess) -> None:
    async with app.db.write() as tx:
        await models.change(tx, 1, pruned_at=1.0)
        await models.change(tx, 2, pruned_at=1.0)
    deleted = {each.name for each in await app.pruner.prune()}
    assert {NAMES[0], NAMES[1]} <= deleted
    assert not {NAMES[0], NAMES[1]} & on_disk(engine)
