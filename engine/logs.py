"""Logs of the engine: one line an event, for people or as JSON, with the id of the request that caused it.

A client may name its request by the header X-Request-ID; others get an id. It is answered back, and jobs and
batches keep it, so that what is done for them later is logged under it.
"""

import json
import logging
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, get_args

from engine.ids import new_id

LogFormat = Literal["human", "json"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

REQUEST_ID_HEADER = "X-Request-ID"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")  # others could break a line of the log

_request_id: ContextVar[str] = ContextVar("request_id", default="")


def current_request_id() -> str:
    """Return the id of the request that this task works for; empty if it works for none."""
    return _request_id.get()


def request_id_of(header: str | None) -> str:
    """Return the id that a client has given its request, or a new one."""
    return header if header and _REQUEST_ID.fullmatch(header) else new_id("req")


@contextmanager
def under_request_id(request_id: str | None) -> Iterator[None]:
    """Log under a request's id during the block; under none if it is None."""
    token = _request_id.set(request_id or "")
    try:
        yield
    finally:
        _request_id.reset(token)


def configure_logs(log_format: str, level: str) -> None:
    """Log to standard error from now on. Raises ValueError, a sentence, for an unknown format or level."""
    for name, value, known in (("LOG_FORMAT", log_format, LogFormat), ("LOG_LEVEL", level, LogLevel)):
        if value not in get_args(known):
            raise ValueError(f"{name} is {value!r}: write {' or '.join(get_args(known))}.")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else HumanFormatter())
    logging.basicConfig(level=level, handlers=[handler])
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs each request to llama.cpp's port


class HumanFormatter(logging.Formatter):
    """Formats a record as a line that ends with the request's id in brackets; a traceback follows it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's own name)
        line = super().formatMessage(record)
        request_id = current_request_id()
        return f"{line} [{request_id}]" if request_id else line


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON, with the fields of the bot's lines."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "process": "engine",
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := current_request_id():
            line["reference"] = request_id
        if record.exc_text:  # it was raised in another process
            line["exception"] = record.exc_text
        elif record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
