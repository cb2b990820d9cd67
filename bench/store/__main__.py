"""How long the queries take that people wait for, over a million descriptions and ten million votes.

    python -m bench.store [--quick] [--json] [--descriptions N] [--postgres URL]

Fills an SQLite file in a temporary folder, and with --postgres an empty database of a server, with the same
year of an installation: a few servers, people, powers and models have most of the descriptions, and a few
descriptions most of the votes. Then people vote, look at /top, their lists and /dataset status, and workers
claim jobs, each time somebody else. Each round, every query runs once on each database, and its bare driver
selects one description by its id. Hot queries (*) are those that many people wait for at once.

Afterwards the databases explain how they find the rows of each query; one that reads all descriptions or
votes ends the run with an error. A quarter of an hour, some minutes with --quick, 8 GB of disk each database.
"""

import asyncio
import tempfile
from pathlib import Path

from bench.common import machine
from bench.common.arguments import bench_parser
from bench.common.report import exit_on, print_report
from bench.store.measure import FULL, QUICK, Plan, check, fill_and_measure
from bot.errors import StoreError


def main() -> None:
    """Run the command line."""
    parser = bench_parser("store", __doc__, quick="fewer rounds; the databases are as large")
    parser.add_argument("--descriptions", type=int, help="how many, in place of a million")
    parser.add_argument("--postgres", metavar="URL", help="an empty database: postgresql+asyncpg://...")
    options = parser.parse_args()
    plan = QUICK if options.quick else FULL
    plan = Plan(options.descriptions or plan.descriptions, plan.rounds)
    title = machine.describe()
    with exit_on(StoreError), tempfile.TemporaryDirectory(prefix="bench-store-") as folder:
        figures = asyncio.run(fill_and_measure(options.postgres, plan, Path(folder)))
        print_report(figures.table(title), figures.summary(), as_json=options.json)
        check(figures)


if __name__ == "__main__":
    main()
