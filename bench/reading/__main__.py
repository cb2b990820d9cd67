"""Reading: which of two models' texts people prefer, who do not know whose they are.

    python -m bench.reading sheet FIRST.jsonl SECOND.jsonl --name NAME [--pairs 60] [--seed 0]
        [--first-model "seed 0"] [--second-model base] [--labels NEW OLD]
    python -m bench.reading read NAME --reader ANNA
    python -m bench.reading report [NAME ...] [--json]
    python -m bench.reading validate [NAME ...] [--json]

`sheet` takes two files that `python -m bench.adherence --texts` wrote and makes a blind sheet: two texts
about each hero, sides at random, in bench/readings/NAME.md, and its key in NAME.key.json. `read` takes
verdicts in the terminal; a file NAME.ANNA.jsonl of lines such as {"pair": 1, "verdict": "A"} does as well.
`report` counts them. `validate` says how often the checks of coherence agree with the readers. Without a
NAME, these two take all sheets of bench/readings that were read; without a command, `report` runs.
"""

import argparse
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.common.arguments import bench_parser
from bench.common.errors import BenchError
from bench.common.report import exit_on, print_report
from bench.common.texts_file import of_models
from bench.reading.figures import Reading, check_figures, check_table, reading_figures, reading_table
from bench.reading.measure import added, check_agreement
from bench.reading.sheet import Sheet, make_sheet, read_key, read_sheet, render_sheet
from bench.reading.terminal import read_in_terminal
from bench.reading.verdicts import read_verdicts
from bot.heroes.coherence import CHECKS

READINGS = Path(__file__).resolve().parents[1] / "readings"
PAIRS, QUICK_PAIRS = 60, 20

_NAME = re.compile(r"[\w-]+")


def main() -> None:
    """Run the command line."""
    options = _parser().parse_args()
    with exit_on():
        match options.command:
            case "sheet":
                _make(options)
            case "read":
                _read(options)
            case "validate":
                _validate(options)
            case _:
                _report(options)


def _parser() -> argparse.ArgumentParser:
    parser = bench_parser("reading", __doc__, quick=f"sheets of {QUICK_PAIRS} pairs in place of {PAIRS}")
    parser.add_argument("--folder", type=Path, default=READINGS, help="of sheets, keys and verdicts")
    parser.set_defaults(names=[], command="report")
    commands = parser.add_subparsers()

    def command(name: str, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(command=name)
        # the same as before the command, whose values stay if these are left out
        made.add_argument("--quick", action="store_true", default=argparse.SUPPRESS)
        made.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
        made.add_argument("--folder", type=Path, default=argparse.SUPPRESS)
        return made

    sheet = command("sheet", "make a blind sheet and its key")
    sheet.add_argument(
        "first", type=Path, help="a file of `bench.adherence --texts`: wins are of these texts"
    )
    sheet.add_argument("second", type=Path, help="a file of the texts that they are compared with")
    sheet.add_argument("--name", required=True, help="of the sheet")
    sheet.add_argument("--pairs", type=int, help=f"how many ({PAIRS})")
    sheet.add_argument("--seed", type=int, default=0, help="of heroes and sides")
    for side in ("first", "second"):
        sheet.add_argument(
            f"--{side}-model",
            action="append",
            default=[],
            help="as in the file, such as 'seed 0'; may be given several times; all but the base",
        )
    sheet.add_argument("--labels", nargs=2, help="what reports call the two; the files' names")
    read = command("read", "give verdicts in the terminal, or go on with them")
    read.add_argument("name", help="of the sheet")
    read.add_argument("--reader", required=True, help="a word for who reads")
    for name, text in (
        ("report", "count wins, losses and ties, and how far the readers agree"),
        ("validate", "compare the checks of coherence with the readers"),
    ):
        command(name, text).add_argument("names", nargs="*", help="of sheets; all that were read")
    return parser


def _make(options: argparse.Namespace) -> None:
    """Write a sheet and its key. Raises BenchError if either is there already."""
    name = _checked(options.name)
    sheet_path, key_path = options.folder / f"{name}.md", options.folder / f"{name}.key.json"
    if there := next((path for path in (sheet_path, key_path) if path.exists()), None):
        raise BenchError(f"{there} is there already, and may have been read. Give another --name.")
    labels = options.labels or (options.first.stem, options.second.stem)
    sheet, key = make_sheet(
        of_models(options.first, options.first_model),
        of_models(options.second, options.second_model),
        (labels[0], labels[1]),
        pairs=options.pairs if options.pairs is not None else QUICK_PAIRS if options.quick else PAIRS,
        seed=options.seed,
    )
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        sheet_path.write_text(render_sheet(sheet, name), encoding="utf-8")
        key_path.write_text(key.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise BenchError(f"The sheet cannot be written: {error}. Free its folder and try again.") from error
    print(f"{sheet_path}: {len(sheet.pairs)} pairs. The key, which readers must not see, is {key_path}.")


def _read(options: argparse.Namespace) -> None:
    name, reader = _checked(options.name), _checked(options.reader)
    sheet = read_sheet(options.folder / f"{name}.md")
    path = options.folder / f"{name}.{reader}.jsonl"
    missing = read_in_terminal(sheet, path, ask=input, show=print)
    given = len(sheet.pairs) - missing
    if missing:
        print(f"\n{given} verdicts are in {path}. The same command goes on with the other {missing}.")
    else:
        print(f"\nAll {given} verdicts are in {path}. `python -m bench.reading report {name}` counts them.")


def _report(options: argparse.Namespace) -> None:
    figures = {
        reading.name: reading_figures(reading) for _, reading in _readings(options.folder, options.names)
    }
    only = next(iter(figures.values())) if len(figures) == 1 else {}
    print_report(reading_table(figures), {**only, "sheets": figures}, as_json=options.json)


def _validate(options: argparse.Namespace) -> None:
    compared = [
        check_agreement(sheet, reading.key, reading.won)
        for sheet, reading in _readings(options.folder, options.names)
    ]
    figures = check_figures({check: added(each[check] for each in compared) for check in CHECKS})
    print_report(check_table(figures), {"checks": figures}, as_json=options.json)


def _readings(folder: Path, names: Sequence[str]) -> list[tuple[Sheet, Reading]]:
    """Return the sheets of these names that were read, or all. Raises BenchError if there are none."""
    found = [_reading(folder, _checked(name)) for name in names or _all_read(folder)]
    if not found:
        raise BenchError(
            f"No sheet in {folder} was read yet. `python -m bench.reading sheet` makes one, and "
            "`python -m bench.reading read` takes verdicts."
        )
    return found


def _all_read(folder: Path) -> Iterable[str]:
    keys = (path.name.removesuffix(".key.json") for path in sorted(folder.glob("*.key.json")))
    return (name for name in keys if _verdict_files(folder, name))


def _reading(folder: Path, name: str) -> tuple[Sheet, Reading]:
    sheet = read_sheet(folder / f"{name}.md")
    key = read_key(folder / f"{name}.key.json", sheet)
    files = _verdict_files(folder, name)
    if not files:
        raise BenchError(
            f"Nobody has read {name} yet: there is no {folder / name}.READER.jsonl. `python -m bench.reading "
            f"read {name} --reader READER` makes one."
        )
    readers = {
        path.name.removeprefix(f"{name}.").removesuffix(".jsonl"): read_verdicts(path, sheet)
        for path in files
    }
    return sheet, Reading(name, key, readers)


def _verdict_files(folder: Path, name: str) -> list[Path]:
    return sorted(folder.glob(f"{name}.*.jsonl"))


def _checked(name: str) -> str:
    """Return the name of a sheet or reader. Raises BenchError if files cannot be called so."""
    if not _NAME.fullmatch(name):
        raise BenchError(f"{name!r} cannot be part of a file's name: use letters, digits, - and _ alone.")
    return name


if __name__ == "__main__":
    main()
