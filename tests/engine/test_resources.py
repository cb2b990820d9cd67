"""Too little disk or memory fails the job with a readable error, and nothing else."""

import resource
from pathlib import Path

import psutil
import pytest

from engine import resources, system
from engine.model_size import ModelSize
from engine.training_request import TrainedWeights, TrainingError, TrainingRequest
from tests.support.engine_jobs import start, trainer_of, until_step
from tests.support.engine_process import EngineProcess
from tests.support.large_base import large_base
from tests.support.tiny_engine import TINY


def training_request(base: Path, out: Path, weights: TrainedWeights) -> TrainingRequest:
    return TrainingRequest(
        base_id=TINY,
        base=base,
        size=ModelSize.read(base),
        start=None,
        weights=weights,
        unpacked=out / "unpacked",
        method="supervised",
        training_tokens=base,
        validation_tokens=None,
        out=out / "models" / "one",
        state=out / "state.pt",
        losses=out / "losses.csv",
        n_epochs=2,
        batch_size=8,
        learning_rate_multiplier=1.0,
        seed=0,
        max_length=1024,
    )


async def test_a_full_disk_fails_the_job_only(tiny_base: Path, tmp_path: Path) -> None:
    """A file size limit of 400 kB for the engine and its trainer stands for a full disk."""
    with EngineProcess(tmp_path, tiny_base) as engine:
        process = psutil.Process(engine.process.pid)
        limits = process.rlimit(psutil.RLIMIT_FSIZE)
        process.rlimit(psutil.RLIMIT_FSIZE, (400_000, limits[1]))
        client = engine.client()
        job = await engine.until((await start(client)).id, {"failed"})
        assert job.error.code == "disk_full"
        assert "The disk has no room" in job.error.message
        answer = await client.chat.completions.create(
            model=TINY, messages=[{"role": "user", "content": "still there?"}], max_tokens=3
        )
        assert answer.usage is not None
        for each in (process, *process.children()):  # the trainers' template, too
            each.rlimit(psutil.RLIMIT_FSIZE, limits)
        await engine.until((await start(client, hyperparameters={"n_epochs": 1})).id, {"succeeded"})


@pytest.mark.slow
async def test_running_out_of_memory_fails_the_job_only(engine: EngineProcess) -> None:
    client = engine.client()
    job = await start(client)
    await engine.until(job.id, {"running"})
    await until_step(engine, job.id, 1)
    limit = 1 << 20
    psutil.Process(trainer_of(engine).pid).rlimit(resource.RLIMIT_AS, (limit, limit))
    failed = await engine.until(job.id, {"failed"})
    assert failed.error.code == "out_of_memory"
    assert "too little free memory" in failed.error.message
    await engine.until((await start(client, hyperparameters={"n_epochs": 1})).id, {"succeeded"})


PACKAGED = ModelSize(parameters=134_515_008, layers=30, width=576, vocabulary=49_152)
"""The size of the packaged weights."""


@pytest.mark.parametrize("weights", ["all", "adapter"])
def test_disk_is_checked_before_the_training(
    tiny_base: Path, tmp_path: Path, weights: TrainedWeights
) -> None:
    request = training_request(tiny_base, tmp_path, weights)
    resources.check(request, longest=100, on_cpu=True)
    with pytest.raises(TrainingError, match=r"cannot begin: 0\.0 GiB of disk are needed, and 0\.0 are free"):
        resources.check(request, longest=100, on_cpu=True, free_disk=lambda _: 1000)


@pytest.mark.parametrize(
    ("weights", "cure"),
    [("all", "train an adapter instead of all weights"), ("adapter", "choose a smaller base")],
)
def test_too_little_memory_names_the_base_and_what_helps(
    tiny_base: Path, tmp_path: Path, weights: TrainedWeights, cure: str
) -> None:
    request = training_request(tiny_base, tmp_path, weights)
    with pytest.raises(TrainingError) as refused:
        resources.check(request, longest=100, on_cpu=True, free_memory=lambda: 2**29)
    assert f"The training of {TINY} cannot begin: " in str(refused.value)
    assert str(refused.value).endswith(
        f"and 0.5 are free. Close other programs, use a machine with more, or {cure}."
    )


def test_a_base_fits_if_its_weights_do(tmp_path: Path) -> None:
    base = large_base(tmp_path, 2**30)
    computed = 2 if system.multiplies_bfloat16() or system.has_gpu() else 4
    assert resources.serving_shortage(base, computed * 2**30) is None
    shortage = resources.serving_shortage(base, 2**30)
    assert str(shortage) == f"{computed}.0 GiB of memory and swap are needed, and 1.0 are free"
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 269060552\n"
    header = b'{"weight": {"dtype": "F32"}}'
    for damaged in (b"damaged", pointer, len(header).to_bytes(8, "little") + header):
        (base / "model.safetensors").write_bytes(damaged)
        assert resources.serving_shortage(base, 0) is None  # to load it says what is wrong


def test_what_an_interrupted_training_left_counts_as_room(tiny_base: Path, tmp_path: Path) -> None:
    request = training_request(tiny_base, tmp_path, "all")
    needed = resources.disk_needed(ModelSize.read(tiny_base), "all", models=2, is_gguf=True)
    room = int(needed) - 500_000
    with pytest.raises(TrainingError, match="of disk"):
        resources.check(request, longest=100, on_cpu=True, free_disk=lambda _: room)
    request.state.write_bytes(bytes(400_000))
    request.state.with_name("state.pt.part").write_bytes(bytes(200_000))
    resources.check(request, longest=100, on_cpu=True, free_disk=lambda _: room)


def test_the_disk_holds_two_states_and_the_kept_models() -> None:
    """A state of all weights has three float32 numbers of each: 1.5 GiB of the packaged weights."""
    everything, adapter = (
        resources.disk_needed(PACKAGED, weights, models=3, is_gguf=True) / 2**30
        for weights in ("all", "adapter")
    )
    assert 3.6 < everything < 3.8
    assert 0.7 < adapter < 1.0


def test_memory_of_each_way() -> None:
    """bench/engine/training.md: a whole training of all packaged weights took 4.40 GiB, in bfloat16.

    docs/tuning.md names what has to be free; that of all weights has a quarter for chats.
    """
    everything, adapter = (
        resources.memory_needed(PACKAGED, weights) / 2**30 for weights in ("all", "adapter")
    )
    assert 4.40 < everything < 4.5 or not system.multiplies_bfloat16()
    rows = (Path(__file__).parents[2] / "docs" / "tuning.md").read_text().splitlines()
    for name, needed_here in (("all weights", everything + 0.25), ("an adapter", adapter)):
        (row,) = (line for line in rows if line.startswith(f"| {name} |"))
        cell = row.split("|")[2 if system.multiplies_bfloat16() else 3]
        assert cell == f" {needed_here:.1f} GiB "
    assert adapter < everything, "an adapter is trained where there is too little memory for all weights"
    assert resources.memory_needed(PACKAGED, "all", longest=2048) > everything * 2**30
    needed = 2**30
    assert resources.shortage("memory", needed, needed) is None
    shortage = resources.shortage("memory", needed, 2**29)
    assert str(shortage) == "1.0 GiB of memory are needed, and 0.5 are free"


def test_the_size_of_a_base_is_read_from_its_files(tiny_base: Path, folders: Path) -> None:
    size = ModelSize.read(tiny_base)
    assert (size.layers, size.width, size.vocabulary) == (2, 64, 2048)
    assert size.parameters == 2048 * 64 + 64 + 2 * (64 * (64 + 32 + 32 + 64 + 128 + 128 + 128) + 2 * 64)
    assert ModelSize.read(folders / "llama").parameters > size.parameters  # its head is not the embedding
    assert ModelSize.read(folders / "gpt-neox").layers == 2
