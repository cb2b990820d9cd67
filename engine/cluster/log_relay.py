"""A replica's log, which is read where that of the head is: one place, one format, with the requests' ids."""

import asyncio
import logging

from engine.cluster.outbox import Note, Outbox
from engine.logs import current_request_id, under_request_id


class RelayHandler(logging.Handler):
    """Puts lines of the log into an outbox, from any thread."""

    def __init__(self, outbox: Outbox, loop: asyncio.AbstractEventLoop) -> None:
        """`loop` is the one that reads the outbox."""
        super().__init__()
        self._outbox = outbox
        self._loop = loop
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        traceback = self._formatter.formatException(record.exc_info) if record.exc_info else None
        message = record.getMessage()
        note = Note(record.name, record.levelno, message, traceback, current_request_id())
        self._loop.call_soon_threadsafe(self._outbox.add_note, note)


def relay_logs(outbox: Outbox, level: int) -> None:
    """Send what this process logs from now on to the head. Called where the outbox is read."""
    root = logging.getLogger()
    root.handlers[:] = [RelayHandler(outbox, asyncio.get_running_loop())]
    root.setLevel(level)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs each request to llama.cpp's port


def log_note(note: Note, replica: str) -> None:
    """Log a line of a replica here."""
    logger = logging.getLogger(note.logger)
    if logger.isEnabledFor(note.level):
        message = f"{note.message} ({replica})"
        record = logger.makeRecord(note.logger, note.level, "", 0, message, (), None)
        record.exc_text = note.traceback
        with under_request_id(note.request_id):
            logger.handle(record)
