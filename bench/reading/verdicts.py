"""Verdicts of a reader on a sheet: JSONL, a line for each pair such as EXAMPLE."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from bench.common.errors import BenchError
from bench.common.texts_file import read_lines
from bench.reading.sheet import Sheet

Verdict = Literal["A", "B", "tie"]
EXAMPLE = '{"pair": 1, "verdict": "A"}'

_SPELLED: Mapping[str, Verdict] = {"a": "A", "b": "B", "tie": "tie"}


def _spelled(value: object) -> object:
    return _SPELLED.get(value.strip().casefold(), value) if isinstance(value, str) else value


class _Line(BaseModel):
    """A line. sheet: the digest of the sheet that was read; a reader who writes by hand may leave it out."""

    model_config = ConfigDict(extra="ignore")

    pair: int
    verdict: Annotated[Verdict, BeforeValidator(_spelled)]
    sheet: str | None = None


def read_verdicts(path: Path, sheet: Sheet) -> dict[int, Verdict]:
    """Return the verdicts by the numbers of the pairs.

    Raises BenchError, with the cure, for a line that cannot be read, a verdict on a pair that is not there,
    or a second one on the same pair.
    """
    numbers = {pair.number for pair in sheet.pairs}
    verdicts: dict[int, Verdict] = {}
    for number, content in read_lines(path):
        try:
            line = _Line.model_validate_json(content)
        except ValidationError as error:
            raise BenchError(
                f"{path}, line {number} cannot be read. A line is {EXAMPLE}, with A, B or tie: mend or "
                "delete it."
            ) from error
        if line.sheet not in (None, sheet.digest):
            raise BenchError(
                f"{path}, line {number} is a verdict on sheet {line.sheet}, and this one is {sheet.digest}. "
                "Give the sheet that was read."
            )
        if line.pair not in numbers:
            raise BenchError(
                f"{path}, line {number}: there is no pair {line.pair}; the sheet has {min(numbers)} to "
                f"{max(numbers)}. Mend or delete the line."
            )
        if line.pair in verdicts:
            raise BenchError(
                f"{path}, line {number}: pair {line.pair} has a verdict already. Delete one of the two."
            )
        verdicts[line.pair] = line.verdict
    return verdicts


def append_verdict(path: Path, sheet: Sheet, pair: int, verdict: Verdict) -> None:
    """Add a verdict to a file, which is made if there is none. Raises BenchError if it cannot be written."""
    line = json.dumps({"pair": pair, "verdict": verdict, "sheet": sheet.digest})
    try:
        before = path.read_bytes() if path.exists() else b""
        with path.open("a", encoding="utf-8") as file:
            # what was written by hand may end without a line break
            file.write(f"{line}\n" if before.endswith(b"\n") or not before else f"\n{line}\n")
    except OSError as error:
        raise BenchError(
            f"The verdict cannot be written to {path}: {error}. Free its folder and go on."
        ) from error
