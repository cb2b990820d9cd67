"""How long admitting a hundred thousand rated descriptions takes, beside reading and curating alone.

    python -m bench.admission [--quick] [--json]

Asks four times what the votes admit, on a database in a temporary folder: `/dataset status` for the first
time, when curation has judged no text yet, and after a start, when its verdicts are kept; the same with other
thresholds, which let more texts in; and what a build does. Each description has three votes of five thousand
voters who like four in five; half of the descriptions are admitted. For comparison, sqlite3 reads every vote
and every admitted text, and one thread curates the texts. The longest pause of the event loop says how long
everybody else waits meanwhile. About half a minute, a few seconds with --quick.
"""

import asyncio
import tempfile
from pathlib import Path

from bench.admission.measure import FULL, QUICK, measure
from bench.common import machine
from bench.common.arguments import bench_parser
from bench.common.report import exit_on, print_report


def main() -> None:
    """Run the command line."""
    options = bench_parser("admission", __doc__, quick="ten thousand descriptions").parse_args()
    title = machine.describe()
    with exit_on(), tempfile.TemporaryDirectory(prefix="bench-admission-") as folder:
        figures = asyncio.run(measure(QUICK if options.quick else FULL, Path(folder)))
    print_report(figures.table(title), figures.summary(), as_json=options.json)


if __name__ == "__main__":
    main()
