"""The exchange between workers: sums and copies of tensors of all kinds, and the loss of a worker."""

import json
import subprocess
import sys
from typing import Any

from bot.settings import ROOT

# In processes of their own, as the workers are.
_WORKER = """
import json, sys
import torch
from engine.cluster import data_parallel

rank = int(sys.argv[1])
if rank == 0:
    store = data_parallel.open_store("127.0.0.1")
    print(store.port, flush=True)
else:
    store = data_parallel.reach_store("127.0.0.1", int(sys.argv[2]))
workers = data_parallel.DistributedWorkers(rank, 2, store, "127.0.0.1")

def tensors(value):
    matrix = torch.full((3, 2), value, requires_grad=True)
    large = torch.full((data_parallel.BUCKET_NUMBERS + 1,), value)
    return [matrix, torch.tensor(value, dtype=torch.float64), large, torch.full((4,), value).T]

summed, copied = tensors(1.0 + rank), tensors(5.0 + rank)
workers.reduce(summed)
workers.broadcast(copied)
found = [[tensor.unique().tolist() for tensor in each] for each in (summed, copied)]
shares = list(workers.micro_batches(range(5), [5, 1, 2, 4, 3], 100))
print(json.dumps([found, workers.first(7.0 + rank), shares]), flush=True)
if rank == 1:
    sys.exit()
try:
    workers.reduce(tensors(1.0))
except RuntimeError as error:
    print(json.dumps("lost"), flush=True)
"""


def _start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _WORKER, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def _next_line(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def test_two_workers_add_up_and_notice_that_one_is_lost() -> None:
    first = _start("0")
    second = _start("1", str(_next_line(first)))
    found = [_next_line(each) for each in (first, second)]
    sums, copies = [[3.0]] * 4, [[5.0]] * 4
    assert [each[:2] for each in found] == [[[sums, copies], 7.0]] * 2
    assert [each[2] for each in found] == [[[1, 4, 0]], [[2, 3]]]
    assert _next_line(first) == "lost"
    for process in (first, second):
        assert process.wait(timeout=60) == 0
