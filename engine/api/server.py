"""The HTTP side: the routes, and a thin handler for each."""

from contextlib import aclosing
from functools import partial

from aiohttp import web
from prometheus_client.aiohttp import make_aiohttp_handler

from engine.api import auth, error_middleware, pagination, upload
from engine.api.metrics import Metrics
from engine.api.pagination import page
from engine.api.tar import Tar
from engine.inference.chat_request import ChatRequest
from engine.inference.completion import Answer, event
from engine.inference.model_cache import AnyGenerator, Residents
from engine.inference.slots import Slots
from engine.jobs.queue import Jobs
from engine.jobs.schema import CreateJob
from engine.storage.files import Files
from engine.storage.models import Models

_MAX_JSON_BYTES = 4 * 1024 * 1024


class Api:
    """The handlers, over the services they call."""

    def __init__(self, models: Models, residents: Residents, files: Files, jobs: Jobs) -> None:
        """Hold the services; `app` makes the application."""
        self.models = models
        self.residents = residents
        self.files = files
        self.jobs = jobs
        self.slots = Slots()
        self.metrics = Metrics(self.slots, residents, jobs)

    def app(self, api_key: str | None) -> web.Application:
        """Return the application; with a key, everything but /healthz asks for it."""
        app = web.Application(
            client_max_size=_MAX_JSON_BYTES,
            middlewares=[
                self.metrics.counted,
                error_middleware.in_openai_shape,
                auth.check(api_key),
                pagination.known_parameters,
            ],
        )
        app.add_routes(
            [
                web.get("/healthz", self.health),
                web.get("/metrics", make_aiohttp_handler(self.metrics.registry)),
                web.get("/v1/models", self.list_models),
                web.get("/v1/models/{id:.+}/adapter", self.get_adapter),  # before the route that takes all
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
                web.post("/v1/fine_tuning/jobs/{id}/pause", self.pause_job),
                web.post("/v1/fine_tuning/jobs/{id}/resume", self.resume_job),
                web.get("/v1/fine_tuning/jobs/{id}/checkpoints", self.list_checkpoints),
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

    async def get_adapter(self, request: web.Request) -> web.StreamResponse:
        folder = self.models.adapter(request.match_info["id"])
        with Tar([folder / name for name in ("adapter_config.json", "adapter_model.safetensors")]) as tar:
            response = web.StreamResponse(headers={"Content-Type": "application/x-tar"})
            response.content_length = tar.size
            await response.prepare(request)
            if request.method != "HEAD":
                async for piece in tar.pieces():
                    await response.write(piece)
        return response

    async def delete_model(self, request: web.Request) -> web.Response:
        model = request.match_info["id"]
        for name, path in self.models.delete(model).items():
            self.residents.forget(path)
            self.metrics.forget(name)
        return web.json_response({"id": model, "object": "model", "deleted": True})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        asked = ChatRequest.model_validate_json(await request.read())
        self.models.path(asked.model)  # a 404 for one that is unknown, before it has a line of its own
        with self.slots.reserve(asked.model, asked.choices) as places:
            answer = Answer(asked, places, partial(self._generator, asked.model))
            if asked.stream:
                return await self._stream(request, answer)
            body = await answer.whole()
        self.metrics.count_chat(answer)
        return web.json_response(body)

    async def _generator(self, model: str) -> AnyGenerator:
        return await self.residents.get(self.models.path(model))

    async def _stream(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
        )
        try:
            async with aclosing(answer.events()) as events:
                async for data in events:
                    # only now: what the model refuses before its first word still gets its own status
                    if not response.prepared:
                        await response.prepare(request)
                    await response.write(data)
        except Exception as error:
            if isinstance(error, ConnectionError) or not response.prepared:
                raise
            await response.write(event(error_middleware.of(error).body()))
        else:
            self.metrics.count_chat(answer)
        return response

    async def list_files(self, request: web.Request) -> web.Response:
        files = self.files.all(request.query.get("purpose"))
        return web.json_response(page(files, request.query, default=10_000, largest=10_000))

    async def upload(self, request: web.Request) -> web.Response:
        content = self.files.begin()
        try:
            filename = await upload.receive(request, content)
            file = self.files.keep(content, filename)
        except BaseException:  # a client that leaves, too
            self.files.drop(content)
            raise
        return web.json_response(file.model_dump())

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

    async def pause_job(self, request: web.Request) -> web.Response:
        return web.json_response(self.jobs.pause(request.match_info["id"]).model_dump())

    async def resume_job(self, request: web.Request) -> web.Response:
        return web.json_response(self.jobs.resume(request.match_info["id"]).model_dump())

    async def list_checkpoints(self, request: web.Request) -> web.Response:
        return web.json_response(
            page(self.jobs.checkpoints(request.match_info["id"]), request.query, default=10)
        )

    async def list_events(self, request: web.Request) -> web.Response:
        return web.json_response(page(self.jobs.events(request.match_info["id"]), request.query))
