"""How fast the engine serves and trains, each figure beside a bound or a baseline of the same run.

    python -m bench.engine [--quick] [--json] [--base MODEL.gguf]

Starts an engine in a temporary folder, trains two small models through its API, and chats with them and with
the base. For comparison, llama.cpp's own server runs with its defaults. About ten minutes on two cores, three
with --quick. Run nothing else meanwhile.
"""

import asyncio
import tempfile
from pathlib import Path

from openai import OpenAIError

from bench.common import machine
from bench.common.arguments import bench_parser
from bench.common.report import exit_on, print_report
from bench.engine.measure import FULL, QUICK, measure
from engine.storage.weights import WeightsError


def main() -> None:
    """Run the command line."""
    parser = bench_parser("engine", __doc__, quick="fewer rounds and shorter trainings")
    parser.add_argument("--base", type=Path, help="a .gguf file (default: the packaged weights)")
    options = parser.parse_args()
    title = machine.describe()
    with exit_on(WeightsError, OpenAIError), tempfile.TemporaryDirectory(prefix="bench-engine-") as folder:
        figures = asyncio.run(measure(QUICK if options.quick else FULL, options.base, Path(folder)))
    print_report(figures.table(title), figures.summary(), as_json=options.json)


if __name__ == "__main__":
    main()
