"""Does the loop learn what people like? Three generations, on the real engine, through the real commands.

    python -m bench.flywheel [--quick] [--json] [--data FOLDER] [--out FOLDER]

A first model is tuned on written examples alone. Then, for each seed, a simulated Discord server of readers
(crowd.py) with one hidden preference model (preference_model.py) asks for heroes and leaves thumbs; an
operator builds the next dataset and tunes the live model further on it; the readers vote in blind duels, and
the bot's own test decides which of the two models serves. A model's score is the preference model itself,
without noise, on heroes that nobody asks for. For comparison, a model is tuned further as often, but without
votes. About an hour on two cores; with --quick one seed and two generations of few texts.
"""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.common import machine
from bench.common.arguments import bench_parser
from bench.common.report import exit_on, print_report
from bench.flywheel.figures import draw, generations_table, summary
from bench.flywheel.generations import FULL, QUICK, SEEDS
from bench.flywheel.measure import measure, write_json


def main() -> None:
    """Run the command line."""
    parser = bench_parser("flywheel", __doc__, quick="one seed, two generations, few texts")
    parser.add_argument(
        "--data", type=Path, help="a folder to keep; what it holds of an earlier run is reused"
    )
    parser.add_argument("--out", type=Path, help="a folder for flywheel.png and flywheel.json")
    options = parser.parse_args()
    size, seeds = (QUICK, SEEDS[:1]) if options.quick else (FULL, SEEDS)
    title = machine.describe()
    with exit_on(), TemporaryDirectory(prefix="bench-flywheel-") as temporary:
        results = asyncio.run(measure(options.data or Path(temporary), size, seeds))
    figures = {**summary(results), "machine": title}
    if options.out:
        write_json(options.out / "flywheel.json", {**figures, **results})
        draw(options.out / "flywheel.png", results)
    table = generations_table(results, title)
    table.caption = "\n".join(f"{name}: {value}" for name, value in summary(results).items())
    print_report(table, figures, as_json=options.json)


if __name__ == "__main__":
    main()
