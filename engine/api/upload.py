"""File uploads: multipart/form-data with `purpose` and `file`, in either order."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from engine.errors import ApiError
from engine.limits import MAX_FILE_BYTES

_MAX_FORM_BYTES = 1024 * 1024  # of a form, besides its file
_MAX_PURPOSE_BYTES = 256
_PURPOSES = frozenset({"fine-tune", "batch"})
_STALLED_SECONDS = 60.0


async def receive_file(
    request: web.Request, content: Path, stalled_seconds: float = _STALLED_SECONDS
) -> tuple[str, str]:
    """Write the uploaded file to `content` and return its name and purpose. Raises ApiError.

    stalled_seconds: how long to wait for the next piece.
    """
    if request.content_length is not None and request.content_length > MAX_FILE_BYTES + _MAX_FORM_BYTES:
        raise _too_large()
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(stalled_seconds) as stalled:
            fields = await _fields(
                request, content, lambda: stalled.reschedule(loop.time() + stalled_seconds)
            )
    except TimeoutError:
        message = f"The upload stalled for {stalled_seconds:.0f} s."
        raise ApiError(408, message, code="request_timeout") from None
    except (ValueError, AssertionError, RuntimeError, HttpProcessingError) as error:
        # aiohttp's errors for a malformed form; a full disk raises none of these
        raise ApiError(
            400, "The form cannot be parsed: it is not multipart/form-data.", code="invalid_form"
        ) from error
    if fields.get("purpose") not in _PURPOSES:
        raise ApiError(
            400, "The purpose must be 'fine-tune' or 'batch'.", code="invalid_value", param="purpose"
        )
    if "file" not in fields:
        raise ApiError(
            400, "Missing required parameter: 'file'.", code="missing_required_parameter", param="file"
        )
    return fields["file"], fields["purpose"]


async def _fields(request: web.Request, content: Path, on_progress: Callable[[], None]) -> dict[str, str]:
    fields: dict[str, str] = {}
    async for part in await request.multipart():
        on_progress()
        if not isinstance(part, BodyPartReader):
            raise ApiError(400, "Nested multipart forms are not supported.", code="invalid_value")
        name = part.name
        if name not in {"purpose", "file"}:
            raise ApiError(400, f"Unknown parameter: '{name}'.", code="unknown_parameter", param=name)
        if name in fields:
            raise ApiError(400, f"'{name}' is given twice.", code="invalid_value", param=name)
        fields[name] = await (_purpose(part) if name == "purpose" else _file(part, content, on_progress))
    return fields


async def _purpose(part: BodyPartReader) -> str:
    value = b""
    while len(value) <= _MAX_PURPOSE_BYTES and (chunk := await part.read_chunk(_MAX_PURPOSE_BYTES)):
        value += chunk
    return value.decode(errors="replace")


async def _file(part: BodyPartReader, content: Path, on_progress: Callable[[], None]) -> str:
    size = 0
    with content.open("wb") as out:
        while chunk := await part.read_chunk(1 << 20):
            on_progress()
            size += len(chunk)
            if size > MAX_FILE_BYTES:
                raise _too_large()
            out.write(chunk)
    return (part.filename or "upload").encode(errors="replace").decode()


def _too_large() -> ApiError:
    limit = MAX_FILE_BYTES // 1024 // 1024
    return ApiError(413, f"The file is larger than {limit} MiB.", code="file_too_large", param="file")
