"""Parquet: every field as a string, written and read in chunks, so that memory stays flat."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.dataset.files.base import MAX_BYTES, guarded_read
from bot.dataset.files.row import COLUMNS, Row, reader_for, values_of
from bot.errors import UserError

_CHUNK = 5_000  # rows: some megabytes


@contextmanager
def open_writer(path: Path) -> Iterator[Callable[[Row], None]]:
    """Write every field of a row."""
    import pyarrow as pa  # noqa: PLC0415  seconds and 100 MB, for those who export
    from pyarrow import parquet  # noqa: PLC0415

    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    chunk: list[tuple[str, ...]] = []
    with path.open("xb") as file, parquet.ParquetWriter(file, schema, compression="zstd") as writer:

        def put(row: Row) -> None:
            chunk.append(values_of(row))
            if len(chunk) == _CHUNK:
                flush()

        def flush() -> None:
            columns = [pa.array(column, pa.string()) for column in zip(*chunk, strict=True)]
            writer.write_batch(pa.record_batch(columns, schema=schema))
            chunk.clear()

        yield put
        if chunk:
            flush()


def read(path: Path, *, split: str = "") -> Iterator[Row]:
    """Read rows; numbers become strings, and nothing becomes an empty one.

    split: that of rows whose file has no such column.
    """
    import pyarrow as pa  # noqa: PLC0415  seconds and 100 MB, for those who import

    with guarded_read(path):
        try:
            yield from _rows(path, split)
        except (pa.ArrowException, OSError, IndexError) as error:  # a damaged file points past its end
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise UserError(
                f"{path.name} is damaged, or no Parquet with columns of text: export it again."
            ) from error


def _rows(path: Path, split: str) -> Iterator[Row]:
    from pyarrow import parquet  # noqa: PLC0415

    metadata = parquet.read_metadata(path)
    _refuse_swollen(metadata, path)
    columns = metadata.schema.to_arrow_schema().names
    make = reader_for(columns, path.name)
    defaults = {"split": split} if "split" not in columns else {}
    wanted = [name for name in columns if name in {*COLUMNS, "completion"}]
    flat = {metadata.schema.column(at).path for at in range(len(metadata.schema))}
    shared = [name for name in wanted if name in flat]
    with parquet.ParquetFile(path, metadata=metadata, read_dictionary=shared) as file:
        number = 0
        for batch in file.iter_batches(_CHUNK, columns=wanted):
            for cells in zip(*map(_texts, batch.columns), strict=True):
                number += 1
                yield make(
                    {**defaults, **dict(zip(wanted, cells, strict=True))}, f"Row {number} of {path.name}"
                )


def _texts(column: Any) -> list[str]:
    """The values of a column; one that stands in many rows is one string, however small the file says it."""
    import pyarrow as pa  # noqa: PLC0415

    if pa.types.is_dictionary(column.type):
        known = _texts(column.dictionary)
        return ["" if at is None else known[at] for at in column.indices.to_pylist()]
    return [value or "" for value in column.cast(pa.string()).to_pylist()]


def _refuse_swollen(metadata: Any, path: Path) -> None:
    """Look at the size that a small file may unpack to."""
    size = sum(metadata.row_group(at).total_byte_size for at in range(metadata.num_row_groups))
    if size > MAX_BYTES:
        most = f"{MAX_BYTES // 1024**2} MB"
        raise UserError(f"{path.name} unpacks to more than {most}: split it into several files.")
