"""Trainings on a cluster of two nodes: losses as of one process, lost workers and nodes, pauses, room."""

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.cluster import shared_folder
from engine.cluster.ray_cluster import joined
from engine.cluster.train_runner import ClusterTrainings
from engine.jobs.schema import JobEvent
from engine.jobs.trainer_process import TrainerProcesses
from engine.jobs.training_runner import TrainingFailed, TrainingRunner
from engine.training_request import Checkpoint, TrainingRequest, TrainingResult
from tests.support.eventually import eventually
from tests.support.local_cluster import LocalCluster
from tests.support.training_requests import write_request

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.xdist_group("cluster"),
]

_STARTED = 240.0  # seconds for a worker to load torch on a busy machine
_PROMISED = 2.0  # seconds to a pause or an end


@pytest.fixture(scope="module", autouse=True)
def _joined(cluster: LocalCluster) -> Iterator[None]:
    with joined(cluster.address):
        yield


@pytest.fixture(scope="module")
def undisturbed(_joined: None, tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> "Followed":
    """A training by two workers, which nobody disturbs."""
    followed = Followed(tmp_path_factory.mktemp("shared"), tiny_base)
    asyncio.run(followed.train(workers=2))
    return followed


class Followed:
    """One training and what it tells. It is long enough to be disturbed: 15 epochs of three steps."""

    def __init__(self, shared: Path, base: Path, **changes: Any) -> None:
        shared.mkdir(exist_ok=True)
        self.mark = shared_folder.leave_mark(shared)
        self.folder = shared / "jobs" / "ftjob-1"
        self.request: TrainingRequest = write_request(self.folder, base, **({"n_epochs": 15} | changes))
        self.pause = asyncio.Event()
        self.told: list[JobEvent] = []
        self.checkpoints: list[Checkpoint] = []
        self.result: TrainingResult | None = None

    async def train(self, runner: TrainingRunner | None = None, *, workers: int = 1) -> None:
        runner = runner or ClusterTrainings(self.mark, workers=workers)
        self.result = await runner.train(self.folder, self.request, self.pause, self._note)

    def _note(self, message: JobEvent | Checkpoint) -> None:
        if isinstance(message, Checkpoint):
            self.checkpoints.append(message)
        else:
            self.told.append(message)

    async def until_step(self, step: int) -> None:
        await eventually(lambda: self.step >= step, timeout=_STARTED, what=f"step {step}: {self.messages}")

    @property
    def step(self) -> int:
        return max((event.data["step"] for event in self.told if event.data), default=0)

    @property
    def messages(self) -> list[str]:
        return [event.message for event in self.told]

    @property
    def losses(self) -> dict[int, float]:
        """By step, each as it was told of last."""
        data = [event.data for event in self.told if event.data and "train_loss" in event.data]
        return {each["step"]: each["train_loss"] for each in data}


def workers() -> list[psutil.Process]:
    """Return the processes of all workers on the nodes, which this process has started."""
    return [each for each in psutil.Process().children(recursive=True) if _is_worker(each)]


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "".join(process.cmdline()).startswith("ray::TrainWorker")
    except psutil.Error:  # it has just ended
        return False


async def test_two_workers_tell_what_one_process_tells(
    undisturbed: Followed, tiny_base: Path, tmp_path: Path
) -> None:
    alone = Followed(tmp_path, tiny_base)
    runner = TrainerProcesses()
    await alone.train(runner)
    await runner.close()
    assert undisturbed.losses == pytest.approx(alone.losses, rel=5e-3, abs=5e-4)
    assert [each.step for each in undisturbed.checkpoints] == [each.step for each in alone.checkpoints]
    assert [_without_figures(each) for each in undisturbed.messages] == [
        _without_figures(each) for each in alone.messages
    ]
    assert undisturbed.result
    assert alone.result
    assert undisturbed.result.trained_tokens == alone.result.trained_tokens
    assert (undisturbed.request.out / "model.gguf").is_file()
    assert undisturbed.request.losses.is_file()
    assert workers() == []


@pytest.mark.parametrize("method", ["dpo", "kto"])
async def test_preferences_are_learnt_by_two_workers_as_by_one(
    tiny_base: Path, tmp_path: Path, method: str
) -> None:
    found = []
    for number in (1, 2):
        followed = Followed(tmp_path / f"{number}", tiny_base, method=method, weights="adapter", n_epochs=2)
        await followed.train(workers=number)
        found.append(followed.losses)
    one, two = found
    assert len(one) == 6
    assert two == pytest.approx(one, rel=5e-3, abs=5e-4)


async def test_a_killed_worker_costs_no_more_than_the_steps_since_the_last_state(
    undisturbed: Followed, tiny_base: Path, tmp_path: Path
) -> None:
    followed = Followed(tmp_path, tiny_base)
    training = asyncio.create_task(followed.train(workers=2))
    await followed.until_step(7)
    workers()[-1].kill()
    await training
    assert "A worker of the training was lost: it goes on from its last saved state" in followed.messages
    assert any(re.match(r"Resuming after step (\d+) of 45", each) for each in followed.messages)
    # another number of workers, as fit before and after, adds up a step's gradients in another order
    assert followed.losses == pytest.approx(undisturbed.losses, rel=5e-3, abs=5e-4)
    assert followed.result


async def test_a_killed_node_leaves_the_rest_to_the_other_ones(
    undisturbed: Followed, cluster: LocalCluster, tiny_base: Path, tmp_path: Path
) -> None:
    """A third node takes the place of one of the two; the training goes on with what is left."""
    node = cluster.add_node()
    followed = Followed(tmp_path, tiny_base)
    training = asyncio.create_task(followed.train(workers=3))
    await followed.until_step(7)
    cluster.kill_node(node)
    await training
    assert any("A worker of the training was lost" in each for each in followed.messages)
    assert followed.losses == pytest.approx(undisturbed.losses, rel=5e-3, abs=5e-4)
    assert followed.result


async def test_a_pause_saves_and_ends_within_two_seconds_and_goes_on_with_another_number(
    undisturbed: Followed, tiny_base: Path, tmp_path: Path
) -> None:
    followed = Followed(tmp_path, tiny_base)
    training = asyncio.create_task(followed.train(workers=2))
    await followed.until_step(4)
    began = time.monotonic()
    followed.pause.set()
    await training
    assert time.monotonic() - began < _PROMISED
    assert followed.result is None
    assert followed.request.state.is_file()
    await eventually(lambda: workers() == [], what="the workers have ended")
    followed.pause.clear()
    await followed.train(workers=1)
    assert followed.losses == pytest.approx(undisturbed.losses, rel=5e-3, abs=5e-4)
    assert followed.result


async def test_a_cancelled_one_ends_within_two_seconds_while_another_one_runs_beside_it(
    tiny_base: Path, tmp_path: Path
) -> None:
    """Each has one of the two processors, so that a third one has to wait."""
    runners = [Followed(tmp_path / name, tiny_base, n_epochs=60) for name in ("one", "other")]
    trainings = [asyncio.create_task(each.train()) for each in runners]
    for each in runners:
        await each.until_step(1)
    assert len(workers()) == 2
    waiting = Followed(tmp_path / "waiting", tiny_base)
    obstacle = await ClusterTrainings(waiting.mark).obstacle(waiting.request)
    assert obstacle.startswith("A worker of the training needs 1 CPU and ")
    assert obstacle.endswith("it waits until so much is free on a node")

    steps = runners[1].step
    began = time.monotonic()
    trainings[0].cancel()
    await asyncio.wait(trainings[:1])
    await eventually(lambda: len(workers()) == 1, timeout=_PROMISED, what="one worker has ended")
    assert time.monotonic() - began < _PROMISED
    await runners[1].until_step(steps + 2)
    runners[1].pause.set()
    await trainings[1]
    await eventually(lambda: workers() == [], what="the other one has ended")


async def test_states_may_be_kept_in_another_place(
    undisturbed: Followed, tiny_base: Path, tmp_path: Path
) -> None:
    """As in S3; here it is a folder, which pyarrow writes to in the same way."""
    followed = Followed(tmp_path / "shared", tiny_base)
    place = tmp_path / "elsewhere"
    runner = ClusterTrainings(followed.mark, states=place.as_uri())
    training = asyncio.create_task(followed.train(runner))
    await followed.until_step(4)
    followed.pause.set()
    await training
    assert not followed.request.state.exists()
    [state] = (place / followed.folder.name).iterdir()
    followed.pause.clear()
    await followed.train(runner)
    assert any(each.startswith("Resuming after step") for each in followed.messages)
    assert followed.losses == pytest.approx(undisturbed.losses, rel=5e-3, abs=5e-4)
    assert not state.exists(), "a later one has replaced it"
    runner.forget(followed.folder)
    await runner.close()
    assert list(place.iterdir()) == []


async def test_a_cluster_that_is_too_small_for_a_worker_is_told(tiny_base: Path, tmp_path: Path) -> None:
    """Also if its nodes were lost while it trained: it waits for one, and can be paused meanwhile."""
    followed = Followed(tmp_path, tiny_base)
    runner = ClusterTrainings(followed.mark, cpus=8)
    told = await runner.obstacle(followed.request)
    assert told.startswith("No node of the cluster has the 8 CPUs and ")
    assert told.endswith("Add one, or start the engine with fewer of --worker-cpus and --worker-gpus")
    training = asyncio.create_task(followed.train(runner))
    await eventually(lambda: bool(followed.told), what="the obstacle is told")
    assert followed.messages == [told]
    followed.pause.set()
    await training
    assert followed.result is None


async def test_a_worker_without_the_shared_folder_says_so(tiny_base: Path, tmp_path: Path) -> None:
    followed = Followed(tmp_path, tiny_base)
    with pytest.raises(
        TrainingFailed, match=r"does not see the head's folder .* It is the node 127\.0\.0\.1"
    ):
        await followed.train(ClusterTrainings("another mark"))


async def test_a_worker_without_the_base_says_so(tiny_base: Path, tmp_path: Path) -> None:
    followed = Followed(tmp_path, tiny_base)
    followed.request = followed.request.model_copy(update={"base": tmp_path / "gone.gguf"})
    with pytest.raises(TrainingFailed, match="put it into the shared folder, and name it by --base"):
        await followed.train()


def _without_figures(message: str) -> str:
    return re.sub(r"\d+\.\d+", "", message)
