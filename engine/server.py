"""The HTTP side: routes, the key, and every error in OpenAI's shape."""

import hmac
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from aiohttp import BodyPartReader, web
from aiohttp.typedefs import Middleware
from pydantic import ValidationError

from engine.chat import Answer, ChatRequest
from engine.errors import ApiError, from_validation
from engine.files import MAX_BYTES, Files, StoredFile
from engine.job import CreateJob
from engine.jobs import Jobs
from engine.models import Models
from engine.pages import page
from engine.residents import Residents

log = logging.getLogger(__name__)

_MAX_JSON_BYTES = 4 * 1024 * 1024
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Api:
    """The handlers, over the services they call."""

    models: Models
    residents: Residents
    files: Files
    jobs: Jobs

    def app(self, api_key: str | None) -> web.Application:
        """Return the application; with a key, everything but /healthz asks for it."""
        app = web.Application(client_max_size=_MAX_JSON_BYTES, middlewares=[_errors, _key_check(api_key)])
        app.add_routes(
            [
                web.get("/healthz", self.health),
                web.get("/v1/models", self.list_models),
                web.get("/v1/models/{id:.+}", self.get_model),
                web.delete("/v1/models/{id:.+}", self.delete_model),
                web.post("/v1/chat/completions", self.chat),
                web.get("/v1/files", self.list_files),
                web.post("/v1/files", self.upload),
                web.get("/v1/files/{id}", self.get_file),
                web.get("/v1/files/{id}/content", self.get_content),
                web.delete("/v1/files/{id}", self.delete_file),
                web.get("/v1/fine_tuning/jobs", self.list_jobs),
                web.post("/v1/fine_tuning/jobs", self.create_job),
                web.get("/v1/fine_tuning/jobs/{id}", self.get_job),
                web.post("/v1/fine_tuning/jobs/{id}/cancel", self.cancel_job),
                web.get("/v1/fine_tuning/jobs/{id}/events", self.list_events),
            ]
        )
        return app

    async def health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def list_models(self, _: web.Request) -> web.Response:
        return web.json_response(self.models.all())

    async def get_model(self, request: web.Request) -> web.Response:
        return web.json_response(self.models.describe(request.match_info["id"]))

    async def delete_model(self, request: web.Request) -> web.Response:
        model = request.match_info["id"]
        path = self.models.path(model)
        self.models.delete(model)
        self.residents.forget(path)
        return web.json_response({"id": model, "object": "model", "deleted": True})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        asked = ChatRequest.model_validate_json(await request.read())
        answer = Answer(asked, await self.residents.get(self.models.path(asked.model)))
        if not asked.stream:
            return web.json_response(await answer.whole())
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
        )
        async with aclosing(answer.events()) as events:
            async for event in events:
                # only now: what the model refuses before its first word still gets its own status
                if not response.prepared:
                    await response.prepare(request)
                await response.write(event)
        return response

    async def list_files(self, request: web.Request) -> web.Response:
        return web.json_response(page(self.files.all(), request.query, default=10_000, largest=10_000))

    async def upload(self, request: web.Request) -> web.Response:
        if request.content_length is not None and request.content_length > MAX_BYTES + _MAX_JSON_BYTES:
            raise _too_large()
        if not request.content_type.startswith("multipart/"):
            raise ApiError(400, "A file is uploaded as multipart/form-data.", code="invalid_content_type")
        content = self.files.begin()
        try:
            file = await self._receive(request, content)
        except BaseException:  # a client that leaves, too
            self.files.drop(content)
            raise
        return web.json_response(file.model_dump())

    async def _receive(self, request: web.Request, content: Path) -> StoredFile:
        purpose = filename = None
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                raise ApiError(400, "Parts within parts are not understood.", code="invalid_value")
            if part.name == "purpose":
                purpose = await part.text()
            elif part.name == "file":
                filename = part.filename or "upload"
                size = 0
                with content.open("wb") as out:
                    while chunk := await part.read_chunk(1 << 20):
                        size += len(chunk)
                        if size > MAX_BYTES:
                            raise _too_large()
                        out.write(chunk)
            else:
                raise ApiError(
                    400, f"Unknown parameter: '{part.name}'.", code="unknown_parameter", param=part.name
                )
        if purpose != "fine-tune":
            raise ApiError(400, "The purpose must be 'fine-tune'.", code="invalid_value", param="purpose")
        if filename is None:
            raise ApiError(
                400, "Missing required parameter: 'file'.", code="missing_required_parameter", param="file"
            )
        return self.files.keep(content, filename)

    async def get_file(self, request: web.Request) -> web.Response:
        return web.json_response(self.files.get(request.match_info["id"]).model_dump())

    async def get_content(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(
            self.files.path(request.match_info["id"]), headers={"Content-Type": "application/octet-stream"}
        )

    async def delete_file(self, request: web.Request) -> web.Response:
        return web.json_response(self.files.delete(request.match_info["id"]))

    async def list_jobs(self, request: web.Request) -> web.Response:
        return web.json_response(page(self.jobs.all(), request.query))

    async def create_job(self, request: web.Request) -> web.Response:
        job = self.jobs.create(CreateJob.model_validate_json(await request.read()))
        return web.json_response(job.model_dump())

    async def get_job(self, request: web.Request) -> web.Response:
        return web.json_response(self.jobs.get(request.match_info["id"]).model_dump())

    async def cancel_job(self, request: web.Request) -> web.Response:
        return web.json_response(self.jobs.cancel(request.match_info["id"]).model_dump())

    async def list_events(self, request: web.Request) -> web.Response:
        return web.json_response(page(self.jobs.events(request.match_info["id"]), request.query))


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return _refuse(error)
    except ValidationError as error:
        return _refuse(from_validation(error))
    except web.HTTPRequestEntityTooLarge:
        return _refuse(ApiError(413, "The request is too large.", code="request_too_large"))
    except web.HTTPException as error:
        return _refuse(
            ApiError(error.status, f"{request.method} {request.path}: {error.reason}.", code="invalid_url")
        )
    except Exception:
        log.exception("%s %s", request.method, request.path)
        return _refuse(ApiError(500, "Something went wrong inside the engine.", code="internal_error"))


def _refuse(error: ApiError) -> web.Response:
    return web.json_response(error.body(), status=error.status)


def _key_check(api_key: str | None) -> Middleware:
    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if (
            api_key
            and request.path != "/healthz"
            and not hmac.compare_digest(given.encode(), api_key.encode())
        ):
            raise ApiError(401, "Incorrect API key provided.", code="invalid_api_key")
        return await handler(request)

    return check


def _too_large() -> ApiError:
    limit = MAX_BYTES // 1024 // 1024
    return ApiError(413, f"The file is larger than {limit} MiB.", code="file_too_large", param="file")
