"""How fast the engine serves and trains, each figure beside a bound or a peer of the same run.

    python -m bench.engine [--quick] [--json] [--base MODEL.gguf] [--parts serving,training,loop]

serving: an engine with the runtime that it chooses, one with llama.cpp alone, and llama.cpp's own server take
turns. training: steps of today's trainings and of version 0.1's take turns. loop: a new installation writes
its first dataset, tunes a model on it and asks it, as by default. About half an hour on two cores, and
12 GiB of memory; with --quick eight minutes. Run nothing else meanwhile.
"""

import argparse
import asyncio
import tempfile
from pathlib import Path

from openai import OpenAIError

from bench.common import machine
from bench.common.arguments import bench_parser
from bench.common.report import exit_on, print_report
from bench.engine.measure import FULL, PARTS, QUICK, measure
from engine.storage.weights import WeightsError


def _parts(text: str) -> list[str]:
    parts = text.split(",")
    if unknown := set(parts).difference(PARTS):
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: these are {', '.join(PARTS)}")
    return parts


def main() -> None:
    """Run the command line."""
    parser = bench_parser("engine", __doc__, quick="fewer rounds, shorter trainings, and no loop")
    parser.add_argument("--base", type=Path, help="a .gguf file (default: the packaged weights)")
    parser.add_argument("--parts", type=_parts, help=f"some of {', '.join(PARTS)} (default: all)")
    options = parser.parse_args()
    title = machine.describe()
    with exit_on(WeightsError, OpenAIError), tempfile.TemporaryDirectory(prefix="bench-engine-") as folder:
        parts = options.parts or (PARTS[:2] if options.quick else PARTS)
        figures = asyncio.run(measure(QUICK if options.quick else FULL, parts, options.base, Path(folder)))
    print_report(figures.table(title), figures.summary(), as_json=options.json)


if __name__ == "__main__":
    main()
