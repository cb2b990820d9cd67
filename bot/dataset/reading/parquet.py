"""Parquet, read in chunks, so that memory use stays constant."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bot.dataset.reading.chat import read_chat
from bot.dataset.reading.columns import KNOWN_COLUMNS, quoted, read_names
from bot.dataset.reading.content import Content, check_size, guarded
from bot.dataset.reading.source import Format, Record
from bot.dataset.reading.survey import Reading
from bot.errors import HerosmithError, UserError
from bot.extras import require_extras

_CHUNK_ROWS = 5_000  # some megabytes


def parquet_reading(content: Content) -> Reading:
    """Read columns of texts and numbers, and one of conversations. Numbers become text, null the empty text.

    Raises UserError if the file is damaged, or a column that is known holds neither; OperatorError
    if pyarrow is not installed.
    """
    require_extras("files")
    from pyarrow import parquet  # noqa: PLC0415  takes seconds and 100 MB, for Parquet files only

    with _damage_named(content.name), content.open_seekable() as stream:
        metadata = parquet.read_metadata(stream)
        groups = range(metadata.num_row_groups)
        check_size(content.name, sum(metadata.row_group(at).total_byte_size for at in groups))
        schema = metadata.schema.to_arrow_schema()
    names = dict(zip(read_names(schema.names, content.name), schema, strict=True))
    chats = "messages" in names and not _is_text(names["messages"].type, "messages")
    texts = {name: field.name for name, field in names.items() if name and _is_text(field.type, name)}
    left_out = [name for name in names if name and name not in texts and not (chats and name == "messages")]
    for name in left_out:
        if name in KNOWN_COLUMNS:
            raise UserError(f"{content.name} has lists or objects in its column {name}: write texts there.")
    file = _File(content, texts, names["messages"].name if chats else None)
    columns = list(dict.fromkeys([*(("prompt", "completion") if chats else ()), *texts]))
    return Reading(
        content.name,
        Format.PARQUET,
        file.rows,
        columns,
        notes=[f"The column {quoted(name)} holds no texts or numbers, and is not read." for name in left_out],
    )


def _is_text(kind: Any, name: str) -> bool:
    """Return whether values can be cast to text. Bytes are that in known columns only: elsewhere pictures."""
    import pyarrow as pa  # noqa: PLC0415

    if str(kind).endswith("binary") and name not in KNOWN_COLUMNS:
        return False
    try:
        pa.array([], kind).cast(pa.string())
    except (pa.ArrowException, TypeError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class _File:
    content: Content
    texts: dict[str, str]  # as read: as written
    chats: str | None  # the column of conversations, as written

    def rows(self) -> Iterator[Record]:
        from pyarrow import parquet  # noqa: PLC0415

        used = [*self.texts.values(), *([self.chats] if self.chats else [])]
        with _damage_named(self.content.name), self.content.open_seekable() as stream:
            # a dictionary keeps one string for all rows with the same, however often a small file repeats it
            file = parquet.ParquetFile(stream, read_dictionary=list(self.texts.values()))
            number = 0
            for batch in file.iter_batches(_CHUNK_ROWS, columns=used):
                texts = [_to_strings(batch.column(name)) for name in self.texts.values()]
                chats = batch.column(self.chats).to_pylist() if self.chats else None
                for at, values in enumerate(zip(*texts, strict=True) if texts else [()] * batch.num_rows):
                    number += 1
                    location = f"Row {number} of {self.content.name}"
                    cells = dict(zip(self.texts, values, strict=True))
                    yield Record(number, location, _with_chat(chats[at], cells, location) if chats else cells)


def _with_chat(messages: Any, cells: dict[str, str], location: str) -> dict[str, str]:
    chat = read_chat(messages, location)
    system = {} if chat.system is None else {"system": chat.system}
    return {"prompt": chat.prompt, "completion": chat.completion, **cells, **system}


def _to_strings(column: Any) -> list[str]:
    """Return the values of a column. Rows of a dictionary column share one string, to save memory."""
    import pyarrow as pa  # noqa: PLC0415

    if pa.types.is_dictionary(column.type):
        values = _to_strings(column.dictionary)
        return ["" if at is None else values[at] for at in column.indices.to_pylist()]
    return [value or "" for value in column.cast(pa.string()).to_pylist()]


@contextmanager
def _damage_named(name: str) -> Iterator[None]:
    with guarded(name):
        try:
            yield
        except (HerosmithError, MemoryError):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            # pyarrow raises many kinds of errors for damaged files
            raise UserError(f"{name} is damaged Parquet ({_reason(error)}): write the file anew.") from error


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].strip(" .")[:200]
