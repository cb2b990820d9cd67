"""How often votes are wrong: promotions without a preference, and the duels needed to prove one.

    python -m bench.trials [--quick] [--json]

Simulates trials, checked after every vote, under the bot's own test and its rule of which votes count. For
comparison: the uniform test of before, on the same votes; a plain z-test; and counting every vote. A null run
then sends voters without a preference through the bot's own store and services. About six minutes on two
cores.
"""

import asyncio
import time

from bench.common import machine
from bench.common.arguments import bench_parser
from bench.common.report import exit_on, log_progress, print_report
from bench.trials.figures import trials_table
from bench.trials.null_run import run_null_trials
from bench.trials.simulation import FULL, QUICK, simulate


def main() -> None:
    """Run the command line."""
    options = bench_parser("trials", __doc__, quick="1,000 trials instead of 10,000").parse_args()
    size, started, title = QUICK if options.quick else FULL, time.monotonic(), machine.describe()
    with exit_on():
        figures = simulate(size)
        log_progress(f"simulated in {time.monotonic() - started:.0f} s")
        figures |= asyncio.run(run_null_trials(size.seeds, size.votes)).summary()
    figures |= {"seconds": round(time.monotonic() - started, 1), "machine": title}
    print_report(trials_table(figures, title), figures, as_json=options.json)


if __name__ == "__main__":
    main()
