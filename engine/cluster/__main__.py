"""The engine on several machines: `python -m engine.cluster --data /shared`, on a node of a Ray cluster."""

import argparse
import asyncio
import logging
import os
import signal
from collections.abc import Sequence

from engine import command_line
from engine.cluster import shared_folder, train_options
from engine.cluster.fleet import Fleet
from engine.cluster.metrics import FleetCollector
from engine.cluster.ray_cluster import ClusterError, joined
from engine.cluster.replica import ReplicaOptions
from engine.cluster.scaling import Limits, Scaling
from engine.cluster.supervisor import Supervisor
from engine.serving import Stores, serve, stop_event, working
from engine.startup import Start, StartError, prepared, start_step

_BATCH_REQUESTS = 128  # asked at once, however many replicas there are: so many fill sixteen


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command_line.parser("engine.cluster", __doc__)
    parser.add_argument(
        "--address",
        default="auto",
        help="the Ray cluster: auto (the default) finds the one that this machine is a node of, HOST:PORT"
        " names one, and local starts one on this machine alone",
    )
    parser.add_argument(
        "--min-replicas",
        type=command_line.count,
        default=1,
        metavar="N",
        help="how many replicas answer at least (default: 1)",
    )
    parser.add_argument(
        "--max-replicas",
        type=command_line.count,
        metavar="N",
        help="how many answer at most, while chats wait (default: one on each node)",
    )
    parser.add_argument(
        "--idle-seconds",
        type=_seconds,
        default=60.0,
        metavar="S",
        help="how long one replica less would have done before one leaves (default: 60)",
    )
    train_options.add_to(parser)
    return parser


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line, by default this process's. Exits with a sentence if the engine cannot start."""
    parser = arguments()
    options = parser.parse_args(words)
    if options.max_replicas is not None and options.max_replicas < options.min_replicas:
        parser.error("--max-replicas is less than --min-replicas")
    options.data = options.data.absolute()  # other nodes have other working folders
    with prepared(options) as start:
        try:
            with joined(options.address):
                asyncio.run(_serve(options, start, os.environ.get("ENGINE_API_KEY")))
        except ClusterError as error:
            raise StartError(str(error)) from error


async def _serve(options: argparse.Namespace, start: Start, api_key: str | None) -> None:
    """Serve with models on the cluster, until a signal or the parent's death. Raises StartError."""
    stop = stop_event(with_parent=options.with_parent)
    stores = Stores.open(options.data, start)
    with start_step(f"the folder {options.data} cannot be used", "--data"):
        mark = shared_folder.leave_mark(options.data)
    told = ReplicaOptions(options.data, mark, start.base, logging.getLogger().level)
    fleet = Fleet(start.base.path)
    limits = Limits(options.min_replicas, options.max_replicas)
    scaling = Scaling(idle_seconds=options.idle_seconds)
    async with Supervisor(fleet, told, limits, scaling, stop) as supervisor:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, supervisor.renew)
        trainings = train_options.runner(options, mark)
        async with working(options, start, stores, fleet, trainings, batch_requests=_BATCH_REQUESTS) as api:
            api.metrics.registry.register(FleetCollector(fleet))
            supervisor.scale_by(api.inference.slots)
            await serve(options, api, api_key, stop)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return seconds


if __name__ == "__main__":
    main()
