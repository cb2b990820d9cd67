"""Adherence: whether a described hero is the one that was asked for, and unlike the others.

    python -m bench.adherence [--quick] [--json] [--data FOLDER] [--url URL --model NAME]

Builds the default dataset, tunes a model on it and serves it, as an installation does, in a temporary
folder. Then it asks for heroes that no training set holds, one answer each, and measures the raw answers.
--data keeps the folder: if it has a live model already, that model is asked. The first 20 texts are printed,
unselected.
"""

import asyncio
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.table import Table

from bench.adherence.measure import FULL, QUICK, Source, measure
from bench.common import machine
from bench.common.arguments import bench_parser
from bench.common.report import comparison_table, exit_on, print_report
from bot.heroes.adherence import METRICS

PRINTED_TEXTS = 20
SAMPLING = ("temperature", "top_p", "repeat_penalty")


def main() -> None:
    """Run the command line."""
    options = _parser().parse_args()
    size = QUICK if options.quick else FULL
    size = replace(
        size, heroes=options.heroes or size.heroes, base_heroes=options.base_heroes or size.base_heroes
    )
    sampling = {name: value for name in SAMPLING if (value := getattr(options, name)) is not None}
    source = Source(options.data, options.url, options.model)
    title = machine.describe()
    with exit_on():
        measured = asyncio.run(measure(size, sampling, source, options.texts))
    for answer in measured.answers[:PRINTED_TEXTS]:
        print(f"\n[{answer.hero}] {answer.text}")
    print_report(_table(measured.figures, title), measured.figures, as_json=options.json)


def _parser() -> ArgumentParser:
    parser = bench_parser("adherence", __doc__, quick="fewer examples, 100 heroes")
    parser.add_argument("--data", type=Path, help="a folder to keep, or one that was kept")
    parser.add_argument("--url", help="an engine that runs already, with --model")
    parser.add_argument("--model", help="a tuned model that it serves")
    parser.add_argument("--texts", type=Path, help="a file for all texts and their metrics, as JSONL")
    parser.add_argument("--heroes", type=int, help="how many to ask for")
    parser.add_argument("--base-heroes", type=int, help="how many to ask the base model for")
    for name in SAMPLING:
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, help="replaces the default")
    return parser


def _table(figures: dict[str, Any], title: str) -> Table:
    table = comparison_table("share of answers", "tuned", "base", title=title)
    for name in (*METRICS, "all_rules", "fit", "distinct_openings", "heroes"):
        table.add_row(name, f"{figures[name]:.3g}", f"{figures['base'][name]:.3g}")
    table.caption = f"dataset, training and serving took {figures['minutes']:.1f} minutes"
    return table


if __name__ == "__main__":
    main()
