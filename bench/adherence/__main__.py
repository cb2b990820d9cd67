"""Adherence: whether a described hero is the one that was asked for, and unlike the others.

    python -m bench.adherence [--quick] [--json] [--source model] [--tune adapter] [--seeds 0,1,2]
        [--data FOLDER] [--texts FILE] [--url URL --model NAME]

Builds a dataset and tunes a model on it with each seed and serves it, as an installation does, in a temporary
folder; by default on the texts that come with the bot, as the guided run does. Then it asks for heroes that
no training set holds, one answer each, and measures the raw answers; some are asked once more as /hero asks,
which draws again when a text has a fault. A seed is of dataset and training, but the texts that come with the
bot are the same for all: then the trainings alone differ. --data keeps the folders of the seeds: those that
have a live model are only asked. --texts keeps all texts, for `python -m bench.reading`. The first texts of
the first seed are printed beside the base's, unselected. About half an hour on two cores.
"""

import asyncio
import json
from argparse import ArgumentParser, ArgumentTypeError
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from bench.adherence.figures import adherence_table
from bench.adherence.measure import FULL, QUICK, Source, measure
from bench.common import machine
from bench.common.arguments import bench_parser
from bench.common.report import exit_on, print_report
from bot.settings import TunedWeights
from bot.store.job_schema import BuildSource

PRINTED_TEXTS = 10
SAMPLING = ("temperature", "top_p", "repeat_penalty", "min_p")


def main() -> None:
    """Run the command line."""
    options = _parser().parse_args()
    size = QUICK if options.quick else FULL
    given = {name: getattr(options, name) for name in ("seeds", "heroes", "drawn", "base_heroes", "examples")}
    if options.model:
        size = replace(size, seeds=(0,))  # one model, however it was tuned
    size = replace(size, **{name: value for name, value in given.items() if value is not None})
    sampling = {name: value for name in SAMPLING if (value := getattr(options, name)) is not None}
    source = Source(
        data=options.data,
        build=options.source,
        tune=options.tune,
        extra=options.extra,
        url=options.url,
        model=options.model,
    )
    title = machine.describe()
    with exit_on():
        measured = asyncio.run(measure(size, sampling, source, options.texts))
    for name, answers in (("tuned", measured.answers), ("base", measured.base)):
        for answer in answers[:PRINTED_TEXTS]:
            print(f"\n[{name}: {answer.hero}] {answer.text}")
    print_report(adherence_table(measured.figures, title), measured.figures, as_json=options.json)


def _parser() -> ArgumentParser:
    parser = bench_parser("adherence", __doc__, quick="one seed, 150 heroes")
    parser.add_argument("--data", type=Path, help="a folder to keep, or one that was kept")
    parser.add_argument("--source", choices=get_args(BuildSource), default="shipped", help="as of a build")
    parser.add_argument("--tune", choices=get_args(TunedWeights), default="auto", help="as the setting TUNE")
    parser.add_argument("--extra", type=_table, default={}, help="as the setting TUNING_EXTRA: JSON")
    parser.add_argument("--seeds", type=_numbers, help="of dataset and training, a model each: 0,1,2")
    parser.add_argument("--url", help="an engine that runs already, with --model")
    parser.add_argument("--model", help="a tuned model that it serves")
    parser.add_argument("--texts", type=Path, help="a file for all texts and their metrics, as JSONL")
    parser.add_argument("--examples", type=int, help="how many a build by a model writes")
    parser.add_argument("--heroes", type=int, help="how many to ask each tuned model for")
    parser.add_argument("--drawn", type=int, help="how many of them to ask for as /hero does, too")
    parser.add_argument("--base-heroes", type=int, help="how many to ask the base model for")
    for name in SAMPLING:
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, help="replaces the default")
    return parser


def _table(text: str) -> dict[str, Any]:
    """Return a JSON object. Raises ArgumentTypeError, whose text argparse shows."""
    with suppress(ValueError):
        if isinstance(found := json.loads(text), dict):
            return found
    raise ArgumentTypeError(f'{text!r} is no JSON object, such as {{"seed": 1}}')


def _numbers(text: str) -> list[int]:
    """Return whole numbers that commas separate. Raises ArgumentTypeError, whose text argparse shows."""
    try:
        return [int(number) for number in text.split(",")]
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no list of whole numbers, such as 0,1,2") from error


if __name__ == "__main__":
    main()
