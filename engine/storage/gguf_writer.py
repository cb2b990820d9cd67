"""Write a GGUF file anew, with other values of some tensors, with numpy and gguf."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gguf import GGMLQuantizationType, GGUFValueType, GGUFWriter
from gguf.quants import quantize

from engine.storage import atomic

_FILE_TYPE_Q8_0 = 7
_BLOCK = 32  # numbers that share a scale in Q8_0


def rewrite(reader: Any, out: Path, new_values: Callable[[Any], Any]) -> None:
    """Copy a file with the values that `new_values` returns for a tensor, as they are if it returns None.

    The file is published only when complete.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    try:
        _write(reader, part, new_values)
        atomic.publish(part, out)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _write(reader: Any, part: Path, new_values: Callable[[Any], Any]) -> None:
    writer = GGUFWriter(part, reader.get_field("general.architecture").contents())
    _copy_metadata(reader, writer)
    for tensor in reader.tensors:
        values = new_values(tensor)
        if values is None:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        else:
            stored, kind = _stored(values)
            writer.add_tensor(tensor.name, stored, raw_dtype=kind)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def _stored(values: Any) -> tuple[Any, GGMLQuantizationType]:
    """Return how values are stored: vectors exactly, matrices in 8 bits if their rows have whole blocks."""
    values = values.astype("float32")
    if values.ndim == 1 or values.shape[-1] % _BLOCK:
        return values, GGMLQuantizationType.F32
    return quantize(values, GGMLQuantizationType.Q8_0), GGMLQuantizationType.Q8_0


def _copy_metadata(reader: Any, writer: Any) -> None:
    skipped = {"general.architecture", "general.file_type"}  # set by the writer, and below
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key in skipped:
            continue
        value_type = field.types[0]
        item_type = field.types[-1] if value_type == GGUFValueType.ARRAY else None
        writer.add_key_value(key, field.contents(), value_type, sub_type=item_type)
    writer.add_file_type(_FILE_TYPE_Q8_0)
