"""Parquet: every field as a string, written in chunks, so that memory use stays constant."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.dataset.files.row import COLUMNS, Row, values_of
from bot.extras import require_extras

_CHUNK_ROWS = 5_000  # some megabytes


@contextmanager
def open_writer(path: Path) -> Iterator[Callable[[Row], None]]:
    """Write every field of a row. Raises OperatorError if pyarrow is not installed."""
    require_extras("files")
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
