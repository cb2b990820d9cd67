"""How datasets are built, each figure beside a baseline or a bound of the same run.

    python -m bench.dataset [--quick] [--json]

Runs the real parts (an installation with its database in a temporary folder) and the baselines against a
server without a model, which answers after a given time and within a given rate limit. Speed is compared
with an article's loop and with a semaphore over the SDK; the rate limit with what it allows; memory with all
calls as tasks; processor time with the SDK alone. About fifteen minutes on two cores, two with --quick: most
of that is the build of 300,000 examples (30,000 with --quick), whose answers are stored beforehand, except
for every hundredth.
"""

import asyncio
import tempfile
from pathlib import Path

from openai import OpenAIError

from bench.common import machine
from bench.common.arguments import bench_parser
from bench.common.report import exit_on, print_report
from bench.dataset.measure import FULL, QUICK, Bench


def main() -> None:
    """Run the command line."""
    parser = bench_parser("dataset", __doc__, quick="fewer rounds and calls, a tenth of the examples")
    options = parser.parse_args()
    title = machine.describe()
    with exit_on(OpenAIError), tempfile.TemporaryDirectory(prefix="bench-dataset-") as folder:
        figures = asyncio.run(Bench(QUICK if options.quick else FULL, Path(folder)).measure())
    print_report(figures.table(title), figures.summary(), as_json=options.json)


if __name__ == "__main__":
    main()
