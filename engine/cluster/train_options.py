"""The options of the command line that say how a cluster trains."""

import argparse
import sys

from engine import command_line
from engine.cluster import state_store
from engine.cluster.state_store import StoreError
from engine.cluster.train_runner import ClusterTrainings
from engine.startup import StartError


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    parser.add_argument(
        "--trainings",
        type=command_line.count,
        metavar="N",
        default=sys.maxsize,
        help="how many jobs may train at once (default: as many as there is room for)",
    )
    parser.add_argument(
        "--training-workers",
        type=command_line.count,
        metavar="N",
        default=1,
        help="the most workers that share the steps of a training, on any nodes (default: 1)",
    )
    parser.add_argument(
        "--worker-cpus",
        type=command_line.count,
        metavar="N",
        default=1,
        help="how many processors each of them takes (default: 1)",
    )
    parser.add_argument(
        "--worker-gpus",
        type=int,
        choices=range(2),
        default=0,
        help="how many graphics processors each of them takes (default: 0)",
    )
    parser.add_argument(
        "--training-states",
        metavar="ADDRESS",
        help="where states are saved from which trainings go on, such as s3://bucket/folder (default: the"
        " data folder)",
    )


def runner(options: argparse.Namespace, mark: str) -> ClusterTrainings:
    """Return what runs trainings as the options say. `mark` is the one in the shared folder.

    Raises StartError.
    """
    if options.training_states is not None:
        try:
            state_store.check(options.training_states)
        except StoreError as error:
            raise StartError(f"{error}. Choose otherwise by --training-states.") from error
    return ClusterTrainings(
        mark,
        at_once=options.trainings,
        workers=options.training_workers,
        cpus=options.worker_cpus,
        gpus=options.worker_gpus,
        states=options.training_states,
    )
