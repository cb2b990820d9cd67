"""A model in memory that answers chats: llama.cpp (through xllamacpp) behind asyncio."""

import asyncio
import os
import secrets
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import aiohttp

from engine import system
from engine.limits import CONTEXT, SLOTS
from engine.messages import Message

_END_OF_TURN = 2  # tokens that close an answer, which llama.cpp leaves open to be continued


class Generator:
    """One loaded model. Dropping the last reference frees it; that must happen before the process exits."""

    def __init__(self, server: Any, key: str) -> None:
        """Wrap a running llama.cpp server, whose own port `key` opens; use `load`."""
        self._server = server
        self._key = key
        # as many threads as slots: each call blocks its thread until the answer is complete
        self._threads = ThreadPoolExecutor(SLOTS, thread_name_prefix="generation")

    @classmethod
    def load(cls, path: Path, *, key: str | None = None) -> Self:
        """Load a GGUF file (blocks, about a second). Raises RuntimeError when llama.cpp cannot.

        llama.cpp opens a loopback port of its own in any case; `key` opens it, and without one nothing does.
        """
        # OpenMP reads this when it is loaded. Left alone, a thread that waits for its neighbour spins for
        # milliseconds on the very core the neighbour needs: beside another busy process two cores fell from
        # 120 tokens/s to 5; with few spins they fall to 20, and lose nothing when they are alone.
        os.environ.setdefault("GOMP_SPINCOUNT", "2000")
        import xllamacpp  # noqa: PLC0415  native code, loaded where it is needed

        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_parallel = SLOTS
        params.n_ctx = CONTEXT * SLOTS
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = system.usable()
        params.cache_ram_mib = 0
        params.verbosity = 0
        # the text is the answer, whatever it looks like: nothing in it is taken out as a thought
        params.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_NONE
        key = key or secrets.token_hex(32)
        params.api_keys = [key]
        params.endpoint_slots = False
        params.ui = False
        server = xllamacpp.Server(params)
        # its loop starts on a thread of its own, and a server that is freed before that waits for ever: once
        # it has answered, it runs
        server.handle_completions({"prompt": "hello", "max_tokens": 1})
        return cls(server, key)

    @property
    def address(self) -> str:
        """Where llama.cpp listens."""
        return str(self._server.listening_address)

    async def chunks(self, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """Yield llama.cpp's chat chunks, the last with `usage`; closing the iterator stops the generation.

        What llama.cpp refuses comes as a chunk `{"error": {code, message, type}}`.
        """
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        stopped = False

        def take(chunk: dict[str, Any]) -> bool:
            # runs on a thread of llama.cpp; True ends the generation
            if not stopped:
                loop.call_soon_threadsafe(queue.put_nowait, chunk)
            return stopped

        def generate() -> None:
            if stopped:
                return
            streamed = {**request, "stream": True, "stream_options": {"include_usage": True}}
            try:
                self._server.handle_chat_completions(streamed, take)
            except ValueError as error:  # messages that its chat template cannot take
                take({"error": {"code": 400, "message": str(error), "type": "invalid_request_error"}})

        done = loop.run_in_executor(self._threads, generate)
        done.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (chunk := await queue.get()) is not None:
                yield chunk
            await done
        finally:
            stopped = True
            done.cancel()

    async def count(self, messages: Sequence[Message]) -> int:
        """Return how many tokens a chat has that ends with an answer.

        Raises ValueError for messages that the chat template cannot take.
        """
        turns = [message.model_dump(include={"role", "content"}) for message in messages]
        headers = {"Authorization": f"Bearer {self._key}"}
        async with aiohttp.ClientSession(self.address, headers=headers) as own:
            # the binding has no call for this, its port does
            async with own.post("/apply-template", json={"messages": turns}) as response:
                rendered = await response.json()
            if "error" in rendered:
                raise ValueError(rendered["error"]["message"])
            asked = {"content": rendered["prompt"], "parse_special": True, "add_special": True}
            async with own.post("/tokenize", json=asked) as response:
                return len((await response.json())["tokens"]) + _END_OF_TURN

    async def close(self) -> None:
        """Wait for the calls under way to end and free the model."""
        await asyncio.to_thread(self._threads.shutdown)
        self._server = None
