"""What the bot adds to a /hero, beside a bare discord.py handler that makes the same calls.

    python -m bench.interactions [--quick] [--json]

Starts each bot as a process of its own against a simulated Discord and a model that answers at once, both
over real HTTP on this machine, and sends /hero commands: one after the other for the times, many at once for
the rate. CPU is the bot process's own, with all its threads. The bots take turns.
"""

import asyncio
import tempfile
from pathlib import Path

from bench.common import machine
from bench.common.arguments import bench_parser
from bench.common.report import exit_on, print_report
from bench.interactions.figures import interactions_table, summary
from bench.interactions.measure import FULL, QUICK, measure


def main() -> None:
    """Run the command line."""
    options = bench_parser("interactions", __doc__, quick="fewer rounds and commands").parse_args()
    title = machine.describe()
    with exit_on(), tempfile.TemporaryDirectory(prefix="bench-interactions-") as folder:
        figures = asyncio.run(measure(QUICK if options.quick else FULL, Path(folder)))
    print_report(interactions_table(figures, title), summary(figures), as_json=options.json)


if __name__ == "__main__":
    main()
