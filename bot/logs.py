"""Logs: one line an event, for people or as JSON, with the reference of what is being done.

A reference is a short number. It is made when an interaction, a mention or a command of the terminal begins,
and goes with it: into every log line, into the rows of jobs, into each call of a model server (the header
X-Request-ID, which the engine keeps in its own log), and into the error message that a person sees.
"""

import json
import logging
import re
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal

LogFormat = Literal["human", "json"]

REQUEST_ID_HEADER = "X-Request-ID"

_HUMAN = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
# libraries whose lines at INFO only help to debug these libraries
_LIBRARIES = ("alembic", "discord", "openai", "httpx2", "aiohttp", "matplotlib")
_DISCORD_ID = re.compile(r"\b\d{17,20}\b")

_reference: ContextVar[str] = ContextVar("reference", default="")


def current_reference() -> str:
    """Return the reference of what this task does; empty if nothing has begun one."""
    return _reference.get()


def begin_reference() -> str:
    """Make a reference for the rest of this task, and for the tasks that it starts. Return it."""
    reference = secrets.token_hex(4)
    _reference.set(reference)
    return reference


def ensure_reference() -> str:
    """Return the reference of what this task does, a new one if it has none."""
    return current_reference() or begin_reference()


@contextmanager
def under_reference(reference: str) -> Iterator[None]:
    """Use a reference during the block, such as that of a job's row."""
    token = _reference.set(reference)
    try:
        yield
    finally:
        _reference.reset(token)


def configure_logs(process: str, level: str, log_format: LogFormat) -> None:
    """Log to standard error from now on. process: its name in JSON lines, such as worker."""
    handler: logging.Handler
    if log_format == "json":
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonFormatter(process))
    elif sys.stderr.isatty():
        handler = _terminal_handler()
        handler.setFormatter(HumanFormatter("%(name)s: %(message)s"))
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(HumanFormatter(_HUMAN))
    logging.basicConfig(level=level, handlers=[handler])
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)


def _terminal_handler() -> logging.Handler:
    from rich.console import Console  # noqa: PLC0415 (only if a person looks on)
    from rich.highlighter import NullHighlighter  # noqa: PLC0415
    from rich.logging import RichHandler  # noqa: PLC0415

    return RichHandler(
        console=Console(stderr=True),
        show_path=False,
        highlighter=NullHighlighter(),
        log_time_format="%Y-%m-%d %H:%M:%S",
    )


class HumanFormatter(logging.Formatter):
    """Formats a record as a line that ends with its reference in brackets; a traceback follows below it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's own name)
        record.message = message_of(record)
        line = super().formatMessage(record)
        reference = current_reference()
        return f"{line} [{reference}]" if reference else line


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON.

    Its fields: time (UTC, ISO 8601), level, process, logger, message; and reference and exception (a
    traceback), if there are any.
    """

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "process": self._process,
            "logger": record.name,
            "message": message_of(record),
        }
        if reference := current_reference():
            line["reference"] = reference
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def message_of(record: logging.LogRecord) -> str:
    """Return a record's message; one of discord.py without ids, because it names users by them."""
    message = record.getMessage()
    return _DISCORD_ID.sub("(id)", message) if record.name.partition(".")[0] == "discord" else message
