"""Ray, as far as serving needs it: join a cluster, see its nodes, run an object in an actor on one.

Ray reads its environment when it is imported, so that happens after `joined` has set it.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_OBJECT_STORE_BYTES = 100 * 2**20  # of a cluster on this machine alone: bundles are too small to need one
_CONNECT_SECONDS = 5.0
_AT_ONCE = 10_000  # calls of an actor: each answer is one only while it begins


class ClusterError(Exception):
    """A cluster cannot be joined; the message is a sentence."""


class ActorLost(Exception):
    """An actor has died, or its node has; the message says how."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the cluster that runs actors."""

    id: str
    name: str
    """Its address, for people."""


@contextmanager
def joined(address: str) -> Iterator[None]:
    """Belong to a cluster during the block: the one at `address` (HOST:PORT), "auto" or a new one, "local".

    Raises ClusterError.
    """
    # whoever reaches its ports without the token could run code on every node
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would send statistics to its makers
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == "local":
        options |= {"include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES}
        # despite its name it decides everywhere whether a cluster has the loopback address
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        # actors would give way to every other process; trainers do so by themselves
        os.environ.setdefault("RAY_worker_niceness", "0")
    try:
        import ray  # noqa: PLC0415
    except ImportError as error:
        message = 'Ray is not installed here: run pip install "herosmith[engine,cluster]".'
        raise ClusterError(message) from error
    try:
        _require_listener(address)
        ray.init(address=address, **options)
    except Exception as error:  # its kinds are many, and all mean that there is no cluster to work with
        raise ClusterError(_sentence(address, error)) from error
    try:
        yield
    finally:
        ray.shutdown()


def _require_listener(address: str) -> None:
    """Raise OSError if nobody listens at HOST:PORT: Ray would try for minutes."""
    host, _, port = address.rpartition(":")
    if host:
        socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()


def _sentence(address: str, error: Exception) -> str:
    reason = " ".join(str(error).split()) or type(error).__name__
    if address == "local":
        return f"Ray cannot be started on this machine: {reason}"
    where = "no cluster of Ray on this machine" if address == "auto" else f"no cluster of Ray at {address}"
    return (
        f"it finds {where} that it may join: {reason} Start one by `ray start --head`, run this on one of its"
        " nodes, with the same token (RAY_AUTH_TOKEN_PATH), or choose --address local."
    )


def nodes() -> list[Node]:
    """Return the nodes that live and have processors to offer. Blocks for some milliseconds.

    Raises ClusterError if that of this process is none of those that live.
    """
    import ray  # noqa: PLC0415

    own, alive = ray.get_runtime_context().get_node_id(), [node for node in ray.nodes() if node["Alive"]]
    if all(node["NodeID"] != own for node in alive):
        raise ClusterError("Ray has ended on this machine: start it again, and then this engine.")
    return [
        Node(node["NodeID"], node["NodeManagerAddress"]) for node in alive if node["Resources"].get("CPU")
    ]


class Actor:
    """An object in a process of its own on a node."""

    def __init__(self, kind: type, node: Node, *arguments: Any) -> None:
        """Start it: `kind(*arguments)`. Whether that succeeds the first call tells."""
        import ray  # noqa: PLC0415
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415

        remote = ray.remote(kind).options(
            # processors are counted for trainings alone, to which chats do not leave theirs
            num_cpus=0,
            max_concurrency=_AT_ONCE,
            max_restarts=0,  # the fleet starts another one, perhaps elsewhere
            enable_task_events=False,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False),
        )
        self._handle = remote.remote(*arguments)

    async def call(self, method: str, *arguments: Any) -> Any:
        """Call a method and return its result. Raises ActorLost, and what the method raises."""
        from ray.exceptions import RayError, RayTaskError  # noqa: PLC0415

        try:
            return await getattr(self._handle, method).remote(*arguments)
        except RayTaskError as error:
            raise error.cause from None
        except RayError as error:
            raise ActorLost(_how_it_died(error)) from error

    def tell(self, method: str, *arguments: Any) -> None:
        """Call a method whose result and errors nobody wants."""
        getattr(self._handle, method).options(num_returns=0).remote(*arguments)

    def kill(self) -> None:
        """End its process, if it still runs."""
        import ray  # noqa: PLC0415

        ray.kill(self._handle)


def _how_it_died(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
