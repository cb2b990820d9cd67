"""Generate chat completions with OpenVINO, in its process."""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from engine.inference.chunks import RequestRejected, chunk, usage_chunk
from engine.inference.llama_cpp import LlamaCppGenerator
from engine.inference.openvino.process import OpenVinoError, OpenVinoProcess, OpenVinoProcessEnded
from engine.inference.openvino.protocol import Settings
from engine.inference.stop_strings import StopStrings
from engine.limits import CONTEXT

if TYPE_CHECKING:
    from engine.inference.openvino.vocabulary import Vocabulary

log = logging.getLogger(__name__)

_NOT_KNOWN = ("grammar", "logprobs", "tools")  # fields of a request
_PENALTIES = {"presence_penalty": 0.0, "frequency_penalty": 0.0, "repeat_penalty": 1.0}
"""Each with the value that changes nothing."""
_SEEDS = 2**32


class OpenVinoGenerator:
    """A model in the OpenVINO process. It reads a prompt as its llama.cpp generator does."""

    def __init__(self, process: OpenVinoProcess, gguf: Path, copy_to: Path, llama: LlamaCppGenerator) -> None:
        """Prepare; `load` loads it. `copy_to` is where a copy goes that OpenVINO can read."""
        self._process = process
        self.gguf = gguf
        self._copy_to = copy_to
        self._llama = llama
        self._number = 0
        self._life = 0  # of the process in which it is loaded
        self._vocabulary: Vocabulary | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether it can answer now."""
        return self._life == self._process.life and self._process.pid is not None

    @property
    def was_lost(self) -> bool:
        """Whether it was loaded, and its process has ended since."""
        return self._life > 0 and not self.is_loaded

    async def load(self) -> None:
        """Load it, or load it again after a crash (takes seconds). Raises OpenVinoError."""
        if self._vocabulary is None:
            self._vocabulary = await asyncio.to_thread(_read_vocabulary, self.gguf)
        try:
            self._number = await self._process.load(self.gguf, self._copy_to)
        except OpenVinoProcessEnded:
            raise
        except OpenVinoError:
            # the copy may be the reason: a damaged one is written anew the next time
            with suppress(OSError):
                self._copy_to.unlink()
            raise
        self._life = self._process.life

    @staticmethod
    def can_answer(request: dict[str, Any]) -> bool:
        """Return whether OpenVINO answers such a request as llama.cpp would."""
        # OpenVINO's penalties look at other tokens, and make one with a negative logit likelier
        is_penalized = any(request.get(name, neutral) != neutral for name, neutral in _PENALTIES.items())
        return not is_penalized and not any(request.get(name) for name in _NOT_KNOWN)

    async def chunks(self, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """Yield chunks as `Generator.chunks` does."""
        assert self._vocabulary is not None  # noqa: S101  it is loaded
        try:
            prompt = await self._llama.prompt_ids(request["messages"])
            if len(prompt) >= CONTEXT:
                raise RequestRejected.too_long(len(prompt), CONTEXT)
        except RequestRejected as rejected:
            yield {"error": rejected.error}
            return
        except (aiohttp.ClientError, TimeoutError) as error:
            yield _failure(f"llama.cpp's port did not tokenize the prompt: {error or type(error).__name__}")
            return
        settings = _settings(request, CONTEXT - len(prompt), self._vocabulary)
        text = _Text(self._vocabulary, request.get("stop", []))
        try:
            async with aclosing(self._process.generate(self._number, prompt, settings)) as tokens:
                async for ids in tokens:
                    if text.count == 0:  # only now: the beginning may have failed
                        yield chunk({"role": "assistant", "content": None})
                    if new := text.add(ids):
                        yield chunk({"content": new})
                    if text.has_ended:
                        break
        except OpenVinoError as error:
            yield _failure(str(error))
            return
        if rest := text.flush():
            yield chunk({"content": rest})
        yield chunk({}, "stop" if text.has_ended else "length")
        yield usage_chunk(len(prompt), text.count)

    def unload(self) -> None:
        """Free it."""
        if self.is_loaded:
            self._process.unload(self._number)


def _failure(message: str) -> dict[str, Any]:
    return {"error": {"code": 500, "message": message, "type": "server_error"}}


def _read_vocabulary(gguf: Path) -> "Vocabulary":
    from engine.inference.openvino.vocabulary import Vocabulary  # noqa: PLC0415  imports numpy

    try:
        vocabulary = Vocabulary(gguf)
    except Exception as error:  # of any kind: gguf and numpy meet the damage of a file in many ways
        log.exception("the vocabulary of %s could not be read", gguf)
        raise OpenVinoError(f"its vocabulary cannot be read: {error}") from error
    if not vocabulary.eos_token_ids:
        raise OpenVinoError("no token of its vocabulary ends a text")
    return vocabulary


class _Text:
    """The text of a completion, as its tokens come."""

    def __init__(self, vocabulary: "Vocabulary", stops: Sequence[str]) -> None:
        self._eos_token_ids = vocabulary.eos_token_ids
        self._decoder = vocabulary.decoder()
        self._stops = StopStrings(stops)
        self.count = 0
        """Number of tokens; the one that ends the text counts, though it has no text."""
        self._ended = False

    @property
    def has_ended(self) -> bool:
        """Whether an ending token or a stop string has come."""
        return self._ended or self._stops.found

    def add(self, ids: Sequence[int]) -> str:
        """Add tokens until the text has ended; return what is final by now."""
        new = ""
        for token in ids:
            if self.has_ended:
                break
            self.count += 1
            self._ended = token in self._eos_token_ids
            if not self._ended:
                new += self._stops.add(self._decoder.add([token]))
        return new

    def flush(self) -> str:
        """Return what was held back, at the end of the text."""
        return self._stops.flush()


def _settings(request: dict[str, Any], room: int, vocabulary: "Vocabulary") -> Settings:
    """Return how a request is sampled; `room` is the number of tokens that are left in the context."""
    return Settings(
        max_tokens=min(request.get("max_tokens", CONTEXT), room),
        temperature=request["temperature"],
        top_k=request["top_k"],
        top_p=request["top_p"],
        min_p=request["min_p"],
        seed=request.get("seed", secrets.randbelow(_SEEDS)),
        eos_token_ids=sorted(vocabulary.eos_token_ids),
    )
