"""What the bot adds to a /hero, beside a bare discord.py handler that makes the same calls.

    python -m bench.interactions [--quick] [--json]

Starts each bot as a process of its own against a simulated Discord and a model that answers at once, both
over real HTTP on this machine, and sends /hero commands: one after the other for the times, many at once for
the rate. CPU is the bot process's own, with all its threads. The bots take turns. Then twenty hero cards are
drawn.
"""

import asyncio
import tempfile
from pathlib import Path

from bench.common import machine
from bench.common.arguments import bench_parser
from bench.common.report import exit_on, print_report
from bench.interactions.cards import measure_cards
from bench.interactions.figures import interactions_table, summary
from bench.interactions.measure import FULL, QUICK, measure


def main() -> None:
    """Run the command line."""
    options = bench_parser("interactions", __doc__, quick="fewer rounds and commands").parse_args()
    title = machine.describe()
    with exit_on(), tempfile.TemporaryDirectory(prefix="bench-interactions-") as folder:
        figures = asyncio.run(measure(QUICK if options.quick else FULL, Path(folder)))
    cards = measure_cards()
    table = interactions_table(figures, title)
    for name, unit in (
        ("card_ms", "a hero card, median of 20, ms"),
        ("card_kb", "its file, median of 20, KB"),
    ):
        table.add_row(unit, "", "", f"{cards[name]:.1f}")
    print_report(table, summary(figures) | cards, as_json=options.json)


if __name__ == "__main__":
    main()
