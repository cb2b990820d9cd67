"""Generate chat completions with llama.cpp (through xllamacpp), for GGUF files."""

import asyncio
import json
import os
import secrets
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Self

from engine import system
from engine.inference import chat_template, llama_scorer
from engine.inference.chunks import RequestRejected
from engine.inference.llama_cpp_template import Template
from engine.inference.llama_tokenizer import LlamaTokenizer
from engine.limits import CONTEXT, SLOTS
from engine.messages import Message
from engine.tokens import Turn


def import_library() -> Any:
    """Return the module xllamacpp. Raises ImportError or OSError if it does not load on this machine."""
    # OpenMP reads this when it is loaded. By default a thread that waits for another one spins for
    # milliseconds on the core that the other needs: beside another busy process two cores fell from 120
    # tokens/s to 5. With fewer spins they fall to 20, and lose nothing on an idle machine.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    import xllamacpp  # noqa: PLC0415  native code, loaded only when needed

    return xllamacpp


class LlamaCppGenerator:
    """One loaded model. `close` frees it, which must happen before the process exits."""

    def __init__(self, server: Any, key: str, template: Template) -> None:
        """Wrap a running llama.cpp server whose own port requires `key`; use `load`."""
        self._server = server
        self._template = template
        # only the port can tokenize
        self._tokenizer = LlamaTokenizer(self.address, key, template.control_tokens)
        # as many threads as slots: each call blocks its thread until the completion ends
        self._threads = ThreadPoolExecutor(SLOTS, thread_name_prefix="generation")

    @classmethod
    def load(cls, path: Path, *, key: str | None = None) -> Self:
        """Load a GGUF file (blocks for about a second). Raises RuntimeError if llama.cpp cannot read it.

        llama.cpp always opens a loopback port of its own, which requires `key` (a random one by default).
        """
        xllamacpp = import_library()
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_parallel = SLOTS
        params.n_ctx = CONTEXT * SLOTS
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = system.compute_threads()
        params.cache_ram_mib = 0
        params.verbosity = 0
        # the whole text is the completion: no part of it is reasoning
        params.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_NONE
        params.default_template_kwargs = {
            name: json.dumps(value) for name, value in chat_template.OPTIONS.items()
        }
        key = key or secrets.token_hex(32)
        params.api_keys = [key]
        params.endpoint_slots = False
        params.ui = False
        server = xllamacpp.Server(params)
        # its loop starts on another thread, and a server that is freed before that blocks for ever; after the
        # first completion it certainly runs
        server.handle_completions({"prompt": "hello", "max_tokens": 1})
        return cls(server, key, Template.read(server.listening_address, key))

    @property
    def address(self) -> str:
        """The URL of llama.cpp's own port."""
        return str(self._server.listening_address)

    @property
    def knows_tools(self) -> bool:
        return self._template.knows_tools

    @property
    def slots(self) -> int:
        return SLOTS

    async def chunks(self, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        if error := self._template.error_of(request["messages"]):
            yield {"error": error}
            return
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        stopped = False

        def on_chunk(chunk: dict[str, Any]) -> bool:
            # called on a thread of llama.cpp; True stops the generation
            if not stopped:
                loop.call_soon_threadsafe(queue.put_nowait, chunk)
            return stopped

        def generate() -> None:
            if stopped:
                return
            streamed = {**request, "stream": True, "stream_options": {"include_usage": True}}
            try:
                self._server.handle_chat_completions(streamed, on_chunk)
            except ValueError as error:  # the chat template cannot render the messages
                on_chunk({"error": {"code": 400, "message": str(error), "type": "invalid_request_error"}})

        done = loop.run_in_executor(self._threads, generate)
        done.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (chunk := await queue.get()) is not None:
                yield chunk
            await done
        finally:
            stopped = True
            done.cancel()

    async def prompt_ids(self, messages: Sequence[dict[str, Any]]) -> list[int]:
        """Return the token ids that are read for the messages of a request.

        Raises RequestRejected if the model cannot read them.
        """
        if error := self._template.error_of(messages):
            raise RequestRejected(**error)
        try:
            return await self._tokenizer.prompt(messages)
        except ValueError as reason:
            raise RequestRejected(str(reason)) from reason

    async def tokenize_turn(self, messages: Sequence[Message]) -> Turn:
        turns = [message.model_dump(include={"role", "content"}) for message in messages]
        if error := self._template.error_of(turns):
            raise ValueError(error["message"])
        return await self._tokenizer.turn(turns)

    async def log_probs(self, messages: Sequence[Message]) -> list[float]:
        turn = await self.tokenize_turn(messages)
        if (length := len(turn.prompt) + turn.learned) > CONTEXT:
            raise RequestRejected.too_long(length, CONTEXT)
        end_tokens = await self._tokenizer.end_tokens()
        score = partial(llama_scorer.log_probs, self._server, turn, end_tokens)
        return await asyncio.get_running_loop().run_in_executor(self._threads, score)

    async def close(self) -> None:
        await asyncio.to_thread(self._threads.shutdown)
        self._server = None
