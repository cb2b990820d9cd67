"""Workers that share each step: whatever their number, losses and models are those of one."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.training_request import MethodName, TrainedWeights, TrainingRequest
from tests.support.training_requests import write_request

pytestmark = pytest.mark.xdist_group("torch")  # one process of the tests loads it, when the first test runs

Messages = list[dict[str, Any]]


def threads(size: int) -> list[Any]:
    """Return the workers of a group whose members are threads of this process."""
    import torch

    from engine.training.worker_group import WorkerGroup

    barrier = threading.Barrier(size)
    held: list[list[torch.Tensor]] = [[] for _ in range(size)]

    class Thread(WorkerGroup):
        has_model = threading.Event()

        def __init__(self, rank: int) -> None:
            self.rank, self.size = rank, size

        def reduce(self, tensors: Any) -> None:
            self._exchange(tensors, lambda group: sum(group[1:], group[0]))

        def broadcast(self, tensors: Any) -> None:
            self.has_model.set()
            self._exchange(tensors, lambda group: group[0])

        def _exchange(self, tensors: Any, combine: Callable[[list[Any]], Any]) -> None:
            held[self.rank] = [tensor.clone() for tensor in tensors]
            barrier.wait(timeout=120)
            for index, tensor in enumerate(tensors):
                with torch.no_grad():
                    tensor.copy_(combine([each[index] for each in held]))
            barrier.wait(timeout=120)

    return [Thread(rank) for rank in range(size)]


def train(request: TrainingRequest, size: int, pause_after: int | None = None) -> list[Messages]:
    """Train with so many workers; return what each has sent, its end last.

    A pause is requested to the last worker alone, when it has told of so many steps.
    """
    from engine.training.run import TrainingRun

    workers = threads(size)
    sent: list[Messages] = [[] for _ in workers]

    def requested(rank: int) -> bool:
        told = (message["data"]["step"] for message in sent[rank] if message.get("data"))
        return pause_after is not None and rank == size - 1 and max(told, default=0) >= pause_after

    def run(rank: int) -> None:
        if rank:  # threads share torch's random numbers: the first worker makes its adapter undisturbed
            workers[0].has_model.wait(timeout=120)
        training = TrainingRun(request, sent[rank].append, lambda: requested(rank), workers[rank])
        sent[rank].append(training.run())

    running = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for each in running:
        each.start()
    for each in running:
        each.join(timeout=300)
    return sent


def losses(messages: Messages) -> dict[str, float]:
    """Return losses by step, those of held-out texts under the step's number and a v."""
    found = {}
    for data in (message["data"] for message in messages if message.get("type") == "metrics"):
        for name, suffix in (("train_loss", ""), ("full_valid_loss", "v")):
            if name in data:
                found[f"{data['step']}{suffix}"] = data[name]
    return found


@pytest.mark.parametrize("method", ["supervised", "dpo", "kto"])
@pytest.mark.parametrize("weights", ["all", "adapter"])
def test_any_number_of_workers_gives_the_same_losses(
    tiny_base: Path, tmp_path: Path, method: MethodName, weights: TrainedWeights
) -> None:
    """The last batch of an epoch has two examples, so that one of three workers has nothing to do."""
    found = []
    for size in (1, 2, 3):
        folder = tmp_path / f"{size}"
        request = write_request(folder, tiny_base, method=method, weights=weights, examples=10)
        sent = train(request, size)
        found.append(losses(sent[0]))
        assert [losses(each) for each in sent[1:]] == [found[-1]] * (size - 1)
        assert (request.out / "model.gguf").is_file()
        assert request.losses.read_text().count("\n") == 1 + 5
    alone = found[0]
    assert len(alone) == 4 + 3
    assert alone["4v"] < alone["0v"]
    for each in found[1:]:
        assert each == pytest.approx(alone, rel=2e-3, abs=2e-4)


def test_all_workers_give_up_the_same_step_and_go_on_with_it(tiny_base: Path, tmp_path: Path) -> None:
    """A step that was given up leaves nothing behind: the losses are those of an undisturbed training."""
    undisturbed = losses(train(write_request(tmp_path / "one", tiny_base), 2)[0])
    request = write_request(tmp_path / "other", tiny_base)
    paused = train(request, 2, pause_after=2)
    assert [each[-1] for each in paused] == [{"paused": 2}] * 2
    assert request.state.is_file()
    resumed = train(request, 2)
    assert any(message.get("message", "").startswith("Resuming after step 2") for message in resumed[0])
    assert losses(paused[0]) | losses(resumed[0]) == undisturbed
