"""Parquet: every field as a string, written and read in chunks, so that memory use stays constant."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.dataset.files.base import MAX_BYTES, guarded_read
from bot.dataset.files.row import COLUMNS, Row, parser_for, values_of
from bot.errors import UserError

_CHUNK_ROWS = 5_000  # some megabytes


@contextmanager
def open_writer(path: Path) -> Iterator[Callable[[Row], None]]:
    """Write every field of a row."""
    import pyarrow as pa  # noqa: PLC0415  takes seconds and 100 MB, for exports only
    from pyarrow import parquet  # noqa: PLC0415

    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    chunk: list[tuple[str, ...]] = []
    with path.open("xb") as file, parquet.ParquetWriter(file, schema, compression="zstd") as writer:

        def write(row: Row) -> None:
            chunk.append(values_of(row))
            if len(chunk) == _CHUNK_ROWS:
                flush()

        def flush() -> None:
            columns = [pa.array(column, pa.string()) for column in zip(*chunk, strict=True)]
            writer.write_batch(pa.record_batch(columns, schema=schema))
            chunk.clear()

        yield write
        if chunk:
            flush()


def read(path: Path, *, split: str = "") -> Iterator[Row]:
    """Read rows. Numbers become strings, null the empty string.

    split: the split of rows if the file has no such column.
    """
    import pyarrow as pa  # noqa: PLC0415  takes seconds and 100 MB, for imports only

    with guarded_read(path):
        try:
            yield from _read_rows(path, split)
        except (pa.ArrowException, OSError, IndexError) as error:  # offsets of a damaged file exceed its end
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise UserError(
                f"{path.name} is damaged, or no Parquet with columns of text: export it again."
            ) from error


def _read_rows(path: Path, split: str) -> Iterator[Row]:
    from pyarrow import parquet  # noqa: PLC0415

    metadata = parquet.read_metadata(path)
    _check_unpacked_size(metadata, path)
    columns = metadata.schema.to_arrow_schema().names
    parse = parser_for(columns, path.name)
    defaults = {"split": split} if "split" not in columns else {}
    used = [name for name in columns if name in {*COLUMNS, "completion"}]
    flat = {metadata.schema.column(at).path for at in range(len(metadata.schema))}
    dictionary_columns = [name for name in used if name in flat]  # nested columns have longer paths
    with parquet.ParquetFile(path, metadata=metadata, read_dictionary=dictionary_columns) as file:
        number = 0
        for batch in file.iter_batches(_CHUNK_ROWS, columns=used):
            for cells in zip(*map(_to_strings, batch.columns), strict=True):
                number += 1
                yield parse(
                    {**defaults, **dict(zip(used, cells, strict=True))}, f"Row {number} of {path.name}"
                )


def _to_strings(column: Any) -> list[str]:
    """Return the values of a column. Rows of a dictionary column share one string, to save memory."""
    import pyarrow as pa  # noqa: PLC0415

    if pa.types.is_dictionary(column.type):
        values = _to_strings(column.dictionary)
        return ["" if at is None else values[at] for at in column.indices.to_pylist()]
    return [value or "" for value in column.cast(pa.string()).to_pylist()]


def _check_unpacked_size(metadata: Any, path: Path) -> None:
    """Raise UserError if the unpacked size is too large, which may be far above the file's."""
    size = sum(metadata.row_group(at).total_byte_size for at in range(metadata.num_row_groups))
    if size > MAX_BYTES:
        limit = f"{MAX_BYTES // 1024**2} MB"
        raise UserError(f"{path.name} unpacks to more than {limit}: split it into several files.")
