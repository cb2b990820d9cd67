"""Does the loop learn what people like? Three generations, on the real engine, through the real commands.

    python -m bench.flywheel [run|report|gate] [--taste form|content ...] [--seeds N ...] [--lines NAME ...]
                             [--quick] [--json] [--data FOLDER] [--out FOLDER]

A first model is tuned on the texts that come with the bot. Then, for each hidden taste and each seed, a
simulated Discord server of readers (crowd.py) with that taste (tastes.py) asks for heroes and leaves thumbs;
an operator builds the next dataset and tunes the live model further on it; the readers vote in blind duels,
and the bot's own test decides which of the two models serves. A model's score is the taste itself, without
noise, on heroes that nobody asks for. Lines to compare (lines.py): votes; none, where nobody votes; random,
where a coin votes; ranked, with texts that the ranker chooses; dpo and kto, trained by these methods.

With --data everything is kept: a run that was stopped goes on, and a table may be gathered over several runs.
`report` prints the table of what a folder holds; `gate` counts, over its models, which better ones the check
of new models would hold back and which worse ones it would let through, for a range of margins.
"""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.common import machine
from bench.common.arguments import bench_parser
from bench.common.errors import BenchError
from bench.common.report import exit_on, print_report
from bench.flywheel import figures, gate, lines
from bench.flywheel.generations import FULL, QUICK
from bench.flywheel.pieces import Pieces, write_json
from bench.flywheel.tastes import TASTES

SEEDS = (1, 2, 3)  # of the readers and what they ask for; the engine samples by itself


def main() -> None:
    """Run the command line."""
    parser = bench_parser("flywheel", __doc__, quick="one taste and seed, two generations, few texts")
    parser.add_argument("what", nargs="?", choices=("run", "report", "gate"), default="run")
    parser.add_argument("--taste", nargs="+", choices=TASTES, help="hidden tastes (default: both)")
    parser.add_argument("--seeds", nargs="+", type=int, help="groups of readers (default: 1 2 3)")
    parser.add_argument(
        "--lines", nargs="+", choices=lines.LINES, help=f"default: {' '.join(lines.DEFAULT_LINES)}"
    )
    parser.add_argument(
        "--data", type=Path, help="a folder to keep; what it holds of an earlier run is reused"
    )
    parser.add_argument("--out", type=Path, help="a folder for flywheel.png and flywheel.json")
    options = parser.parse_args()
    tastes = options.taste or (list(TASTES)[:1] if options.quick else list(TASTES))
    seeds = options.seeds or (SEEDS[:1] if options.quick else SEEDS)
    names = options.lines or (["votes", "none"] if options.quick else lines.DEFAULT_LINES)
    title = machine.describe()
    with exit_on(), TemporaryDirectory(prefix="bench-flywheel-") as temporary:
        if options.what != "run" and options.data is None:
            raise BenchError(f"{options.what} reads a folder that a run has left: name it by --data.")
        data = options.data or Path(temporary)
        if options.what == "run":
            lines.check(names)
            asyncio.run(Pieces(data, QUICK if options.quick else FULL).run(tastes, seeds, names))
        found = figures.read(data)
    if options.what == "gate":
        counts = gate.gate_figures(gate.comparisons(found))
        print_report(gate.gate_table(counts, title), counts, as_json=options.json)
        return
    summary = {**figures.summary(found), "machine": title}
    if options.out:
        write_json(options.out / "flywheel.json", {**summary, "generations": found})
        figures.draw(options.out / "flywheel.png", found)
    table = figures.generations_table(found, title)
    table.caption = "\n".join(figures.summary_lines(summary))
    print_report(table, summary, as_json=options.json)


if __name__ == "__main__":
    main()
