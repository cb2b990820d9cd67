"""How fast votes are kept, beside SQLite alone writing the same rows.

    python -m bench.votes [--quick] [--json]

Five thousand voters click at once, each again as soon as the store has kept the last click, on a database in
a temporary folder. Every vote is on the disk before it counts (synchronous=FULL). For comparison, sqlite3's
executemany writes the same rows in batches of the same size, with the same pragmas. The two take turns.
About half a minute, ten seconds with --quick.
"""

from bench.common import machine
from bench.common.arguments import bench_parser
from bench.common.report import exit_on, print_report
from bench.votes.measure import FULL, QUICK, measure


def main() -> None:
    """Run the command line."""
    options = bench_parser("votes", __doc__, quick="fewer rounds and clicks").parse_args()
    title = machine.describe()
    with exit_on():
        figures = measure(QUICK if options.quick else FULL)
    print_report(figures.table(title), figures.summary(), as_json=options.json)


if __name__ == "__main__":
    main()
