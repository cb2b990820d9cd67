"""What more processes bring, and what a large database and many servers cost.

    python -m bench.scale [--quick] [--json] [--postgres URL] [--descriptions N]

Needs PostgreSQL: without --postgres, a server of its own is started in a temporary folder (as root on
Debian, its package is installed where it is missing). It waits for the disk, as servers do that hold data.

A worker is killed in a build, until another one has the job. A bot has a thousand servers in memory, and gets
messages that are not for it; another one has one server. One, two and four bot processes answer /hero on the
PostgreSQL server, each with its shard, against a simulated Discord and a model that answers at once. Then the
hot queries of bench.store are timed over a million descriptions and ten million votes, also with --quick, in
SQLite and PostgreSQL. Half an hour, and 16 GB of disk.
"""

import asyncio
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.common import machine
from bench.common.arguments import bench_parser
from bench.common.report import exit_on, log_progress, print_report
from bench.scale.measure import FULL, QUICK, measure
from bot.errors import StoreError
from scripts.postgres import NoServer, private_server


def main() -> None:
    """Run the command line."""
    parser = bench_parser("scale", __doc__, quick="fewer rounds; the databases are as large")
    parser.add_argument("--descriptions", type=int, help="how many, in place of a million")
    parser.add_argument(
        "--postgres", metavar="URL", help="a server where databases may be made: postgresql+asyncpg://..."
    )
    options = parser.parse_args()
    plan = QUICK if options.quick else FULL
    if options.descriptions:
        plan = plan.with_descriptions(options.descriptions)
    title = machine.describe()
    with exit_on(StoreError, NoServer), ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-scale-")))
        url = options.postgres
        if url is None:
            log_progress("starting a PostgreSQL server ...")
            url = stack.enter_context(private_server(durable=True)).url
        figures = asyncio.run(measure(url, plan, folder))
        print_report(figures.table(title), figures.summary(), as_json=options.json)


if __name__ == "__main__":
    main()
