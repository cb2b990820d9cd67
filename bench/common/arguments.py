"""The command line that all benchmarks share."""

import argparse


def bench_parser(name: str, description: str | None, *, quick: str) -> argparse.ArgumentParser:
    """Return a parser for `python -m bench.NAME` with the flags --quick and --json.

    description: the module's docstring, shown as it is. quick: what --quick leaves out.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m bench.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", action="store_true", help="end with one JSON object on the last line")
    return parser
