"""Read a sheet in the terminal: one pair after the other, each verdict kept as it is given."""

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import fill

from bench.reading.sheet import Pair, Sheet
from bench.reading.verdicts import Verdict, append_verdict, read_verdicts

_WIDTH = 88
_ANSWERS: Mapping[str, Verdict] = {"a": "A", "b": "B", "t": "tie", "tie": "tie"}
_QUIT = "q"


def read_in_terminal(
    sheet: Sheet, path: Path, *, ask: Callable[[str], str], show: Callable[[str], None]
) -> int:
    """Ask for a verdict on each pair that has none in the file yet; return how many are still missing.

    The reader may stop at any pair, by q, ctrl-c or the end of the input: the verdicts so far are in the
    file, and the next call goes on after them. Raises BenchError if the file cannot be read or written.
    """
    given = read_verdicts(path, sheet) if path.exists() else {}
    missing = [pair for pair in sheet.pairs if pair.number not in given]
    for done, pair in enumerate(missing):
        show(_shown(pair, len(sheet.pairs)))
        verdict = _verdict(ask)
        if verdict is None:
            return len(missing) - done
        append_verdict(path, sheet, pair.number, verdict)
    return 0


def _verdict(ask: Callable[[str], str]) -> Verdict | None:
    """Return what the reader answers, None if they stop here."""
    while True:
        try:
            answer = ask("A, B, t (tie) or q (stop here): ").strip().casefold()
        except (EOFError, KeyboardInterrupt):
            return None
        if answer == _QUIT:
            return None
        if answer in _ANSWERS:
            return _ANSWERS[answer]


def _shown(pair: Pair, pairs: int) -> str:
    return "\n\n".join(
        (
            f"\n{pair.number} of {pairs}: {pair.hero.typed}",
            fill(f"A: {pair.a}", _WIDTH),
            fill(f"B: {pair.b}", _WIDTH),
        )
    )
