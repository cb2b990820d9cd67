"""A server of vLLM's shape: it has one base model, and answers as the adapters that it has loaded.

Names, paths, statuses and parameters follow vLLM's `entrypoints/openai` and its `lora_filesystem_resolver`.
It opens the adapters but runs no model: answers show the adapter's numbers. Like vLLM it ignores parameters
that it does not know, closes an assistant's last message unless a request says otherwise, and keeps what it
computed (there the prefix cache) under an adapter's name, whatever weights that has later; vLLM 0.32 keeps it
under name and path.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from safetensors.numpy import load_file

from tests.support.scripted_server import describe
from tests.support.scripted_stream import ScriptedStream

BASE = "/models/tiny"
NAME = "tiny-for-clients"
KEY = "serving-key"


@dataclass
class LoraServer:
    """One server; the fields are what its operator would set at its start."""

    url: str = ""
    base: str = BASE  # --model
    name: str = NAME  # --served-model-name
    updating: bool = True  # VLLM_ALLOW_RUNTIME_LORA_UPDATING, for the endpoint
    folder: Path | None = None  # VLLM_LORA_RESOLVER_CACHE_DIR
    greatest_rank: int = 16  # --max-lora-rank
    any_name: bool = False  # a server without adapters that answers under any name
    refused_as: int = 404  # the status of a server without the endpoint
    gateway: dict[str, int] = field(default_factory=dict)  # by path: how many of the next requests get a 503
    loaded: dict[str, str] = field(default_factory=dict)
    loads: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list)  # the bodies of chats
    computed: dict[str, str] = field(default_factory=dict)  # by adapter's name, until a restart
    cuts: int = 0  # how many of the next streams break off
    key: str = KEY
    strict: frozenset[str] = frozenset()  # parameters that it refuses by name, unlike vLLM
    template_trims: bool = False  # whether its chat template changes a last message that is to be continued

    _runner: web.AppRunner | None = None
    _port: int = 0

    def restart(self) -> None:
        self.loaded.clear()
        self.computed.clear()

    async def start(self) -> None:
        """Listen on a free port of this machine; at the same one if it did before."""
        self._runner = web.AppRunner(self.app(), shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}/v1"

    async def stop(self) -> None:
        """Refuse connections from now on, and forget all adapters."""
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = None
        self.restart()

    async def models(self, _: web.Request) -> web.Response:
        cards = [{"id": self.name, "root": self.base, "parent": None}]
        cards += [{"id": name, "root": path, "parent": self.name} for name, path in self.loaded.items()]
        data = [{"object": "model", "created": 1, "owned_by": "vllm", **card} for card in cards]
        return web.json_response({"object": "list", "data": data})

    async def load(self, request: web.Request) -> web.Response:
        if not self.updating:
            return web.json_response({"detail": "Not Found"}, status=self.refused_as)
        if request.method != "POST":
            return web.json_response({"detail": "Method Not Allowed"}, status=405)
        body = await request.json()
        name, path = body["lora_name"], body["lora_path"]
        if name in self.loaded:
            return _refusal(400, f"The lora adapter '{name}' has already been loaded.")
        if not _is_adapter(path):
            return _refusal(404, f"Loading lora {name} failed: No adapter found for {path}")
        if fault := self._fault_of(path):
            return _refusal(500, fault)
        self.loads += 1
        self.loaded[name] = path
        return web.Response(text=f"Success: LoRA adapter '{name}' added successfully.")

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        if fault := self._fault_of_parameters(body):
            return _refusal(400, fault)
        name = body["model"]
        if name != self.name and name not in self.loaded and not self.any_name:
            found = self._resolve(name)
            if found is None:
                return _refusal(404, f"The model `{name}` does not exist.")
            if self._fault_of(found):
                return _refusal(400, f"LoRA adapter '{name}' was found but could not be loaded.")
            self.loaded[name] = found
        message = {"role": "assistant", "content": self._answer(body)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}
        completion = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": name}
        completion |= {"choices": [choice], "usage": usage}
        if body.get("stream"):
            cut, self.cuts = self.cuts > 0, max(0, self.cuts - 1)
            return await ScriptedStream().send(request, {}, completion, cut=cut)
        return web.json_response(completion)

    def _fault_of_parameters(self, body: dict[str, Any]) -> str | None:
        """Return why a request is not valid, if so."""
        if refused := sorted(self.strict & body.keys()):
            return f"Extra inputs are not permitted: {refused[0]}"
        continues = body.get("continue_final_message", False)
        if continues and body.get("add_generation_prompt", True):
            return "Cannot set both `continue_final_message` and `add_generation_prompt` to True."
        if continues and self.template_trims:
            return (
                "continue_final_message is set but the final message does not appear in the chat after "
                "applying the chat template! This can happen if the chat template deletes portions of it."
            )
        if body.get("repetition_penalty", 1.0) <= 0:
            return "repetition_penalty must be greater than zero"
        if not 0 <= body.get("min_p", 0.0) <= 1:
            return "min_p must be in [0, 1]"
        return None if isinstance(body.get("top_k", 0), int) else "top_k must be an integer"

    def _answer(self, body: dict[str, Any]) -> str:
        """Return the sum of the adapter's numbers, which shows that it was loaded; for the base, a text.

        To continue a message is to end its sentence. In a turn of its own the base tells of a hero anew.
        """
        name, last = body["model"], body["messages"][-1]
        if name not in self.loaded:
            number = len(self.asked)
            if last["role"] == "assistant" and body.get("continue_final_message"):
                return f" bring the crew of ship {'x' * number} home. The rest is not asked for."
            of_hero = "fictional character" in str(body["messages"])
            return describe("40", "woman", "healing", number) if of_hero else "the base"
        if name not in self.computed:
            tensors = load_file(Path(self.loaded[name], "adapter_model.safetensors"))
            self.computed[name] = f"{sum(float(abs(values).sum()) for values in tensors.values()):.6g}"
        return self.computed[name]

    def _resolve(self, name: str) -> str | None:
        """Find an adapter as the resolver does: by a path below its folder, if the base is this server's."""
        if self.folder is None or Path(name).is_absolute():
            return None
        path = os.path.realpath(self.folder / name)
        if os.path.commonpath([self.folder.resolve(), path]) != str(self.folder.resolve()):
            return None
        if not _is_adapter(path):
            return None
        config = _config(path)
        ours = config["peft_type"] == "LORA" and config["base_model_name_or_path"] == self.base
        return path if ours else None

    def _fault_of(self, path: str) -> str | None:
        """Open an adapter, and return why it does not fit the base, if so."""
        config = _config(path)
        if config["r"] > self.greatest_rank:
            return f"LoRA rank {config['r']} is greater than max_lora_rank {self.greatest_rank}."
        tensors = load_file(Path(path, "adapter_model.safetensors"))
        for name, values in tensors.items():
            rank = values.shape[0] if ".lora_A." in name else values.shape[1]
            layer = name.split(".lora_")[0].rpartition(".")[2]
            if rank != config["r"] or layer not in config["target_modules"]:
                return f"unexpected module {name}"
        return None if tensors else "no tensors"

    @web.middleware
    async def _authenticate(self, request: web.Request, handler: Any) -> Any:
        if self.gateway.get(request.path):
            self.gateway[request.path] -= 1
            return web.Response(status=503, text="starting")
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return web.json_response({"error": "Unauthorized"}, status=401)
        return await handler(request)

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._authenticate])
        app.router.add_get("/v1/models", self.models)
        app.router.add_route("*", "/v1/load_lora_adapter", self.load)
        app.router.add_post("/v1/chat/completions", self.chat)
        return app


def _is_adapter(path: str) -> bool:
    return Path(path, "adapter_config.json").is_file()


def _config(path: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(path, "adapter_config.json").read_text())
    return content


def _refusal(status: int, message: str) -> web.Response:
    kind = {400: "BadRequestError", 404: "NotFoundError"}.get(status, "InternalServerError")
    error = {"message": message, "type": kind, "param": None, "code": status}
    return web.json_response({"error": error}, status=status)


@asynccontextmanager
async def lora_server() -> AsyncIterator[LoraServer]:
    """Serve on a free port of this machine until the block ends."""
    server = LoraServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """Serve an application; yields its base URL."""
    runner = web.AppRunner(app, shutdown_timeout=0.5)  # some handlers hang on purpose
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()
