"""A replica's log arrives at the head: its lines, tracebacks and requests' ids."""

import asyncio
import json
import logging
import threading

import pytest

from engine.cluster.log_relay import RelayHandler, log_note
from engine.cluster.outbox import Note, Outbox
from engine.logs import JsonFormatter, under_request_id

LOGGER = "engine.cluster.test_log_relay"


async def relayed(log: logging.Logger) -> Note:
    """Return the note of a line that is logged on another thread, while an exception is handled."""
    outbox = Outbox()
    log.handlers[:] = [RelayHandler(outbox, asyncio.get_running_loop())]

    def fail() -> None:
        with under_request_id("req-1"):
            try:
                json.loads("damaged")
            except ValueError:
                log.exception("%s could not be loaded", "tiny.gguf")

    thread = threading.Thread(target=fail)
    thread.start()
    _, (note,) = await outbox.next()
    thread.join()
    log.handlers.clear()
    return note


async def test_a_line_arrives_with_its_traceback_and_request(caplog: pytest.LogCaptureFixture) -> None:
    note = await relayed(logging.getLogger(LOGGER))
    assert (note.level, note.message, note.request_id) == (
        logging.ERROR,
        "tiny.gguf could not be loaded",
        "req-1",
    )
    with caplog.at_level(logging.INFO):
        log_note(note, "replica 2 on 10.0.0.7")
    (record,) = [each for each in caplog.records if each.name == LOGGER and "replica 2" in each.getMessage()]
    assert record.getMessage() == "tiny.gguf could not be loaded (replica 2 on 10.0.0.7)"
    line = json.loads(JsonFormatter().format(record))
    assert line["level"] == "ERROR"
    assert "JSONDecodeError: " in line["exception"]


def test_what_the_heads_level_leaves_out_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        log_note(Note(LOGGER, logging.INFO, "quiet", None, ""), "replica 1")
    assert caplog.records == []
