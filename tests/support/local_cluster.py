"""A cluster of Ray on this machine, of nodes that are processes. Needs the extra `cluster`."""

import atexit
import os
import secrets
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

CLUSTER = os.environ.get("TEST_ENGINE") == "cluster"
"""Whether the engine's tests run on a cluster of two nodes: `make test-cluster` sets it."""

_OBJECT_STORE_BYTES = 80 * 2**20
_LOOPBACK = "127.0.0.1"


class LocalCluster:
    """Nodes with one processor each, to be added and killed."""

    def __init__(self) -> None:
        """Start the first node."""
        self._folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short: sockets lie in it
        token = self._folder / "token"
        token.write_text(secrets.token_hex(32))
        token.chmod(0o600)
        os.environ |= {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # everywhere: all ports on the loopback address
            "RAY_worker_niceness": "0",
            "HOME": str(self._folder),
        }
        Path("/tmp/ray").mkdir(exist_ok=True)  # noqa: S108  Ray notes the latest cluster there
        from ray.cluster_utils import Cluster

        self._cluster = Cluster(
            initialize_head=True,
            head_node_args=_node(include_dashboard=False, temp_dir=str(self._folder / "t")),
        )

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return str(self._cluster.address)

    def add_node(self) -> Any:
        """Start another node, and return what `kill_node` takes."""
        return self._cluster.add_node(**_node())

    def kill_node(self, node: Any) -> None:
        """Kill a node and all that runs on it, without a warning."""
        self._cluster.remove_node(node, allow_graceful=False)

    def close(self) -> None:
        """End all nodes."""
        self._cluster.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)


def _node(**more: Any) -> dict[str, Any]:
    return {
        "num_cpus": 1,
        "object_store_memory": _OBJECT_STORE_BYTES,
        "node_ip_address": _LOOPBACK,
        **more,
    }


@cache
def two_nodes() -> LocalCluster:
    """Return the cluster that all tests of this process share."""
    cluster = LocalCluster()
    atexit.register(cluster.close)
    cluster.add_node()
    return cluster
