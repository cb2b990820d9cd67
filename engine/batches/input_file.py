"""Input files of batches: JSONL, one request a line."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from engine.batches.schema import BatchError, InputLine
from engine.errors import ApiError, from_validation
from engine.limits import MAX_BATCH_REQUESTS, MAX_JSON_BYTES

_SHOWN_ERRORS = 100


class InputFileError(Exception):
    """A file that is no batch."""

    def __init__(self, errors: list[BatchError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


@dataclass(slots=True)
class Summary:
    """What a valid file holds."""

    model: str | None = None
    """The model of all requests; None if none names one."""
    ids: set[str] = field(default_factory=set)
    """Every `custom_id`."""


def validate(path: Path, endpoint: str) -> Summary:
    """Read a whole file. Raises InputFileError with the first errors and their lines, and OSError."""
    summary, errors = Summary(), []
    for number, text in _lines(path):
        try:
            _add(_parse(text), endpoint, summary)
        except ApiError as error:
            errors.append(BatchError.of(error, line=number))
            if len(errors) == _SHOWN_ERRORS:
                break
    if not errors and not summary.ids:
        errors.append(BatchError(code="empty_file", message="The input file has no requests."))
    if errors:
        raise InputFileError(errors)
    return summary


def _parse(text: bytes) -> InputLine:
    """Parse a line. Raises ApiError."""
    if len(text) > MAX_JSON_BYTES:
        raise _invalid(f"A line has at most {MAX_JSON_BYTES} bytes.", "line_too_long")
    try:
        return InputLine.model_validate_json(text)
    except ValidationError as invalid:
        error = from_validation(invalid)
        if error.code == "invalid_json":
            raise _invalid("This line is not valid JSON.", "invalid_json_line") from None
        raise error from None


def _add(line: InputLine, endpoint: str, summary: Summary) -> None:
    """Add a line to the summary. Raises ApiError if it does not fit to the batch or to earlier lines."""
    if line.url != endpoint:
        raise _invalid(f"The batch's endpoint is '{endpoint}', not '{line.url}'.", "mismatched_url", "url")
    if line.custom_id in summary.ids:
        message = f"The custom_id '{line.custom_id}' is used by an earlier line."
        raise _invalid(message, "duplicate_custom_id", "custom_id")
    if len(summary.ids) == MAX_BATCH_REQUESTS:
        raise _invalid(f"A batch has at most {MAX_BATCH_REQUESTS} requests.", "too_many_requests")
    model = line.body.get("model")
    if isinstance(model, str):
        summary.model = summary.model or model
        if model != summary.model:
            message = f"A batch asks one model, and earlier lines ask '{summary.model}', not '{model}'."
            raise _invalid(message, "mismatched_model", "body.model")
    summary.ids.add(line.custom_id)


def _invalid(message: str, code: str, param: str | None = None) -> ApiError:
    return ApiError(400, message, code=code, param=param)


def read(path: Path) -> Iterator[InputLine]:
    """Yield the requests of a valid file. Raises OSError."""
    for _, line in _lines(path):
        yield InputLine.model_validate_json(line)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            text = line.removeprefix(BOM_UTF8) if number == 1 else line
            if text.strip():
                yield number, text
