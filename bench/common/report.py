"""How all benchmarks report: progress on stderr, one table on stdout, JSON on the last line."""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.common.errors import BenchError

_PIPED_WIDTH = 150  # piped into a file, rich would fold the columns at 80 characters


def log_progress(text: str) -> None:
    """Print a line with the time to stderr."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def comparison_table(*columns: str, title: str) -> Table:
    """Return an empty table whose columns are aligned right, except for the first."""
    table = Table(*columns, title=title)
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def print_report(table: Table, figures: Mapping[str, Any], *, as_json: bool) -> None:
    """Print the table and, if wanted, the figures as JSON on the last line."""
    console = Console() if sys.stdout.isatty() else Console(width=_PIPED_WIDTH)
    console.print(table)
    if as_json:
        print(json.dumps(figures))


@contextmanager
def exit_on(*errors: type[Exception]) -> Iterator[None]:
    """End the process with a line on stderr if the block raises BenchError or one of `errors`.

    When the block has ended, say how long it took.
    """
    started = time.monotonic()
    expected: tuple[type[Exception], ...] = (BenchError, *errors)
    try:
        yield
    except expected as error:
        sys.exit(f"bench: {error}")
    log_progress(f"done after {time.monotonic() - started:.0f} s")
