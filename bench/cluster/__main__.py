"""What a cluster costs on one machine, and what a killed replica costs.

    python -m bench.cluster [--quick] [--json]

Needs the extra `cluster` (`make bench-cluster` installs it). The engine itself and a cluster engine with one
replica answer in turns, at one stream and at eight; then clusters with one and two replicas at 16 streams. At
last one of two replicas is killed under eight streams, and a worker of a training. Seven minutes.
"""

import asyncio
import tempfile
from pathlib import Path

from bench.cluster.measure import FULL, QUICK, measure
from bench.common import machine
from bench.common.arguments import bench_parser
from bench.common.report import exit_on, print_report


def main() -> None:
    """Run the command line."""
    options = bench_parser("cluster", __doc__, quick="three rounds in place of five").parse_args()
    title = machine.describe()
    with exit_on(), tempfile.TemporaryDirectory(prefix="bench-cluster-") as folder:
        figures = asyncio.run(measure(Path(folder), QUICK if options.quick else FULL))
        print_report(figures.table(title), figures.summary(), as_json=options.json)


if __name__ == "__main__":
    main()
