"""The HTTP API: the routes, and a thin handler for each."""

from contextlib import aclosing
from typing import get_args

from aiohttp import web
from prometheus_client.aiohttp import make_aiohttp_handler

from engine import request_body
from engine.api import auth, bodies, upload
from engine.api.error_middleware import error_middleware, to_api_error
from engine.api.hosts import LOOPBACK, Hosts, require_known_host
from engine.api.metrics import Metrics
from engine.api.pagination import chosen, paginate, reject_unknown_parameters
from engine.api.request_ids import answer_request_id, log_request
from engine.api.tar import TarStream
from engine.batches.schema import CreateBatchRequest
from engine.batches.service import BatchService
from engine.inference.answer import Answer
from engine.inference.loaded_models import LoadedModels
from engine.inference.log_probs import LogProbsRequest
from engine.inference.service import PATHS, InferenceService
from engine.jobs.schema import CountTokensRequest, CreateJobRequest
from engine.jobs.service import JobService
from engine.jobs.weights_choice import WeightsSetting
from engine.limits import CONTEXT, MAX_JSON_BYTES
from engine.storage.files import FileStore
from engine.storage.models import ModelStore

_MAX_JSON_SECONDS = 60.0


class Api:
    """The handlers, and the services they call."""

    def __init__(
        self,
        models: ModelStore,
        loaded: LoadedModels,
        inference: InferenceService,
        files: FileStore,
        jobs: JobService,
        batches: BatchService,
    ) -> None:
        self.models = models
        self.loaded = loaded
        self.inference = inference
        self.files = files
        self.jobs = jobs
        self.batches = batches
        self.metrics = Metrics(inference.slots, loaded, jobs, batches)

    def app(self, api_key: str | None, hosts: Hosts = LOOPBACK) -> web.Application:
        """Return the application for these hosts; a key, if given, is required except at /healthz."""
        app = web.Application(
            client_max_size=MAX_JSON_BYTES,
            middlewares=[
                self.metrics.count_request,
                log_request,
                error_middleware,
                require_known_host(hosts),
                auth.require_api_key(api_key),
                reject_unknown_parameters,
                bodies.receive_json(_MAX_JSON_SECONDS),
            ],
        )
        app.on_response_prepare.append(answer_request_id)
        app.add_routes(
            [
                web.get("/healthz", self.health),
                web.get("/metrics", make_aiohttp_handler(self.metrics.registry)),
                web.get("/v1/models", self.list_models),
                # before the route of a model, which matches these two, too
                web.get("/v1/models/{id:.+}/adapter", self.get_adapter),
                web.get("/v1/models/{id:.+}/tuning", self.get_tuning),
                web.get("/v1/models/{id:.+}", self.get_model),
                web.delete("/v1/models/{id:.+}", self.delete_model),
                *(web.post(path, self.answer) for path in PATHS),
                web.post("/v1/chat/log_probs", self.log_probs),
                web.get("/v1/files", self.list_files),
                web.post("/v1/files", self.upload),
                web.get("/v1/files/{id}", self.get_file),
                web.get("/v1/files/{id}/content", self.get_content),
                web.delete("/v1/files/{id}", self.delete_file),
                web.get("/v1/batches", self.list_batches),
                web.post("/v1/batches", self.create_batch),
                web.get("/v1/batches/{id}", self.get_batch),
                web.post("/v1/batches/{id}/cancel", self.cancel_batch),
                web.get("/v1/fine_tuning/jobs", self.list_jobs),
                web.post("/v1/fine_tuning/jobs", self.create_job),
                web.get("/v1/fine_tuning/jobs/{id}", self.get_job),
                web.post("/v1/fine_tuning/token_counts", self.count_tokens),
                web.post("/v1/fine_tuning/jobs/{id}/cancel", self.cancel_job),
                web.post("/v1/fine_tuning/jobs/{id}/pause", self.pause_job),
                web.post("/v1/fine_tuning/jobs/{id}/resume", self.resume_job),
                web.get("/v1/fine_tuning/jobs/{id}/checkpoints", self.list_checkpoints),
                web.get("/v1/fine_tuning/jobs/{id}/events", self.list_events),
            ]
        )
        return app

    async def health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok", **self.loaded.health()})

    async def list_models(self, _: web.Request) -> web.Response:
        return web.json_response(self.models.all())

    async def get_model(self, request: web.Request) -> web.Response:
        model = request.match_info["id"]
        return web.json_response(self.models.describe(model) | {"bytes": self.models.size(model)})

    async def get_adapter(self, request: web.Request) -> web.StreamResponse:
        folder = self.models.adapter(request.match_info["id"])
        with TarStream(
            [folder / name for name in ("adapter_config.json", "adapter_model.safetensors")]
        ) as tar:
            response = web.StreamResponse(headers={"Content-Type": "application/x-tar"})
            response.content_length = tar.size
            await response.prepare(request)
            if request.method != "HEAD":
                async for chunk in tar.chunks():
                    await response.write(chunk)
        return response

    async def get_tuning(self, request: web.Request) -> web.Response:
        wanted: WeightsSetting = chosen(request.query, "weights", get_args(WeightsSetting))
        choice = await self.jobs.choose_weights(request.match_info["id"], wanted)
        return web.json_response(choice.to_json())

    async def delete_model(self, request: web.Request) -> web.Response:
        model = request.match_info["id"]
        self.models.deletable(model)  # a name that cannot be deleted at all is told first
        self.jobs.require_no_start(model)
        for name, path in self.models.delete(model).items():
            self.loaded.evict(path)
            self.metrics.remove_model(name)
        return web.json_response({"id": model, "object": "model", "deleted": True})

    async def answer(self, request: web.Request) -> web.StreamResponse:
        endpoint = self.inference.endpoints[request.path]
        asked = endpoint.parse(await request.read())
        async with self.inference.answer(endpoint, asked) as answer:
            if asked.stream:
                return await self._stream(request, answer)
            body = await answer.response()
        self.metrics.count_answer(answer)
        return web.json_response(body)

    async def log_probs(self, request: web.Request) -> web.Response:
        asked = request_body.parse(LogProbsRequest, await request.read())
        log_probs = await self.inference.log_probs(asked)
        return web.json_response({"object": "chat.log_probs", "model": asked.model, "log_probs": log_probs})

    async def _stream(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
        )
        try:
            async with aclosing(answer.events()) as events:
                async for data in events:
                    # only now: an error before the first token still gets its own status
                    if not response.prepared:
                        await response.prepare(request)
                    await response.write(data)
        except Exception as error:
            if isinstance(error, ConnectionError) or not response.prepared:
                raise
            await response.write(answer.error_event(to_api_error(error)))
        else:
            self.metrics.count_answer(answer)
        return response

    async def list_files(self, request: web.Request) -> web.Response:
        files = self.files.all(request.query.get("purpose"))
        return web.json_response(paginate(files, request.query, default=10_000, max_limit=10_000))

    async def upload(self, request: web.Request) -> web.Response:
        content = self.files.begin_upload()
        try:
            filename, purpose = await upload.receive_file(request, content)
            file = self.files.commit(content, filename, purpose)
        except BaseException:  # including the cancellation if the client disconnects
            self.files.discard(content)
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

    async def list_batches(self, request: web.Request) -> web.Response:
        return web.json_response(paginate(self.batches.all(), request.query))

    async def create_batch(self, request: web.Request) -> web.Response:
        batch = self.batches.create(request_body.parse(CreateBatchRequest, await request.read()))
        return web.json_response(batch.model_dump())

    async def get_batch(self, request: web.Request) -> web.Response:
        return web.json_response(self.batches.get(request.match_info["id"]).model_dump())

    async def cancel_batch(self, request: web.Request) -> web.Response:
        return web.json_response(self.batches.cancel(request.match_info["id"]).model_dump())

    async def list_jobs(self, request: web.Request) -> web.Response:
        return web.json_response(paginate(self.jobs.all(), request.query))

    async def create_job(self, request: web.Request) -> web.Response:
        job = self.jobs.create(request_body.parse(CreateJobRequest, await request.read()))
        return web.json_response(job.model_dump())

    async def count_tokens(self, request: web.Request) -> web.Response:
        counts = await self.jobs.count_tokens(request_body.parse(CountTokensRequest, await request.read()))
        return web.json_response(
            {
                "object": "fine_tuning.token_counts",
                "tokens": [count.tokens for count in counts],
                "errors": [count.error for count in counts],
                "max_tokens": CONTEXT,
            }
        )

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
            paginate(self.jobs.checkpoints(request.match_info["id"]), request.query, default=10)
        )

    async def list_events(self, request: web.Request) -> web.Response:
        return web.json_response(paginate(self.jobs.events(request.match_info["id"]), request.query))
