"""Workers of a training in processes of their own, on any nodes, which add up their gradients. Imports torch.

They talk by torch.distributed: NCCL between GPUs, and gloo otherwise.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import psutil
import torch
from torch import distributed

from engine import base_model
from engine.training.worker_group import WorkerGroup

# for one worker while others wait, as when it writes a model; Ray tells if one is lost
_TIMEOUT = timedelta(minutes=30)
BUCKET_NUMBERS = 2**23
"""The numbers that are sent at once: the gradients of all weights would otherwise be copied as a whole."""


class DistributedWorkers(WorkerGroup):
    """The group that this process has joined; the exchange fails if another worker is lost."""

    def __init__(self, rank: int, size: int, store: Any, address: str) -> None:
        """Join as one of `size` workers, which meet in `store`; `address` is that of this node."""
        self.rank = rank
        self.size = size
        device = base_model.best_device()
        self._device = device if device == "cuda" else "cpu"
        if interface := _interface_of(address):
            os.environ |= {"GLOO_SOCKET_IFNAME": interface, "NCCL_SOCKET_IFNAME": interface}
        backend = "nccl" if self._device == "cuda" else "gloo"
        distributed.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=_TIMEOUT)

    def reduce(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace each tensor by its sum over all workers, the same in all of them to the last bit."""
        self._exchange(tensors, distributed.all_reduce)

    def broadcast(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace each tensor by that of the first worker."""
        self._exchange(tensors, lambda flat: distributed.broadcast(flat, src=0))

    @torch.no_grad()
    def _exchange(self, tensors: Sequence[torch.Tensor], exchange: Callable[[torch.Tensor], object]) -> None:
        for bucket in _buckets(tensors):
            flat = torch.cat([tensor.reshape(-1) for tensor in bucket]).to(self._device)
            exchange(flat)
            for tensor, part in zip(
                bucket, torch.split(flat, [each.numel() for each in bucket]), strict=True
            ):
                tensor.copy_(part.view_as(tensor))


def open_store(address: str) -> Any:
    """Open the store in which the workers of a group meet, at a free `port` of this node."""
    return _store(address, 0, is_master=True, wait_for_workers=False)


def reach_store(address: str, port: int) -> Any:
    """Return the store that the first worker has opened."""
    return _store(address, port, is_master=False)


def _store(address: str, port: int, **options: Any) -> Any:
    return distributed.TCPStore(address, port, **options)  # type: ignore[attr-defined]


def _buckets(tensors: Sequence[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Yield the tensors in groups of one kind and about one size, in order."""
    bucket: list[torch.Tensor] = []
    for tensor in tensors:
        other_kind = bucket and (tensor.dtype, tensor.device) != (bucket[0].dtype, bucket[0].device)
        if other_kind or sum(each.numel() for each in bucket) + tensor.numel() > BUCKET_NUMBERS:
            if bucket:
                yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket


def _interface_of(address: str) -> str | None:
    """Return the network interface that has an address, if one has.

    By itself gloo looks up the machine's name, which is often an address that others do not reach.
    """
    found = psutil.net_if_addrs().items()
    return next((name for name, held in found if any(each.address == address for each in held)), None)
