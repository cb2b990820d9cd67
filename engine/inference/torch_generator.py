"""A model in memory that answers chats: transformers, for what llama.cpp cannot read. Imports torch.

The chats under way take turns on one thread, a token each. They are not computed as one batch: that would be
faster, but the neighbours would then change an answer's last digits, and so, now and then, its words.
"""

import asyncio
import gc
import inspect
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar

import torch
from jinja2 import TemplateError

from engine import base_model, system
from engine.inference.detokenizer import TextStream
from engine.inference.sampling import Sampler
from engine.limits import CONTEXT, SLOTS
from engine.messages import Message

_WORD_JOINER = "\u2060"  # takes no room, and no line breaks there
T = TypeVar("T")


class Refused(Exception):
    """A request that the model cannot take; holds llama.cpp's error object."""

    def __init__(self, message: str, **more: Any) -> None:
        """Make the error object of a 400."""
        super().__init__(message)
        self.error = {"code": 400, "message": message, "type": "invalid_request_error"} | more


# transformers sets torch's default dtype, the whole process's, while it loads: two at once would mix theirs
_LOADING = threading.Lock()


class TorchGenerator:
    """One loaded model, with the interface of `engine.generation.Generator`."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        """Wrap a model in memory; use `load`."""
        self._model = model
        self._tokenizer = tokenizer
        self._slots = asyncio.Semaphore(SLOTS)
        # one: torch spreads a token over all cores already, and turns come in the order they are asked for
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="torch")

    @classmethod
    def load(cls, base: Path, adapter: Path | None = None) -> Self:
        """Load a Hugging Face folder, with a PEFT adapter merged into it (blocks for seconds).

        Raises whatever transformers and peft raise where they cannot.
        """
        torch.set_num_threads(system.usable())
        place = base_model.best()
        with _LOADING:
            model, tokenizer = base_model.load(base, dtype=base_model.fastest_dtype(place), device=place)
            if adapter is not None:
                from peft import PeftModel  # noqa: PLC0415  two seconds that a base alone can do without

                model = PeftModel.from_pretrained(model, adapter, torch_device=place).merge_and_unload()
        return cls(model.eval(), tokenizer)

    async def chunks(self, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """Yield chat chunks as llama.cpp's, the last with `usage`; closing the iterator stops the generation.

        What is refused comes as a chunk `{"error": {code, message, type}}`.
        """
        async with self._slots:
            try:
                chat = await self._turn(lambda: _Chat(self._model, self._tokenizer, request))
            except Refused as refused:
                yield {"error": refused.error}
                return
            opened = False
            while chat.finish_reason is None:
                text = await self._turn(chat.step)
                if not opened:  # only now: the first step may still fail
                    yield _chunk({"role": "assistant", "content": None})
                    opened = True
                if text:
                    yield _chunk({"content": text})
            yield _chunk({}, chat.finish_reason)
            yield {"choices": [], "usage": chat.usage}

    async def count(self, messages: Sequence[Message]) -> int:
        """Return how many tokens a chat has that ends with an answer.

        Raises ValueError for messages that the chat template cannot take.
        """
        turns = [message.model_dump(include={"role", "content"}) for message in messages]

        def tokens() -> int:
            text = self._tokenizer.apply_chat_template(turns, tokenize=False)
            return len(self._tokenizer(text, add_special_tokens=False)["input_ids"])

        try:
            return await self._turn(tokens)
        except TemplateError as error:
            raise ValueError(f"the model's chat template refuses the messages: {error}") from error

    async def _turn(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def close(self) -> None:
        """Wait for the chats under way to end and free the model."""
        for _ in range(SLOTS):
            await self._slots.acquire()
        self._model = None
        await self._turn(_free)
        self._thread.shutdown()
        for _ in range(SLOTS):  # a chat that comes too late must fail, not wait for ever
            self._slots.release()


class _Chat:
    """One answer in the making. Its methods compute: they belong on the model's thread."""

    def __init__(self, model: Any, tokenizer: Any, request: dict[str, Any]) -> None:
        """Read the messages. Raises Refused."""
        prompt = _tokens(tokenizer, request["messages"])
        limit = min(CONTEXT, getattr(model.config, "max_position_embeddings", None) or CONTEXT)
        if len(prompt) >= limit:
            raise Refused(
                f"The prompt has {len(prompt)} tokens and the context {limit}.",
                type="exceed_context_size_error",
                n_prompt_tokens=len(prompt),
                n_ctx=limit,
            )
        self._model = model
        self._prompt = len(prompt)
        self._left = min(request.get("max_tokens", limit), limit - len(prompt))
        self._made = 0
        self._unread = prompt
        self._cache: Any = None
        # a prompt's whole logits would be as wide as the vocabulary for each of its tokens
        keeps = "logits_to_keep" in inspect.signature(model.forward).parameters
        self._last_only = {"logits_to_keep": 1} if keeps else {}
        self._ends = _ends(model, tokenizer)
        self._sampler = Sampler(request, prompt)
        self._text = TextStream(tokenizer, prompt, request.get("stop", []))
        self.finish_reason: str | None = None

    @property
    def usage(self) -> dict[str, int]:
        """OpenAI's usage so far; a token that ends the answer counts, though it has no text."""
        return {
            "prompt_tokens": self._prompt,
            "completion_tokens": self._made,
            "total_tokens": self._prompt + self._made,
        }

    def step(self) -> str:
        """Make one token and return the text that is certain by now."""
        with torch.inference_mode():
            token = self._sampler.draw(self._logits())
        self._unread = [token]
        self._made += 1
        if token in self._ends:
            self.finish_reason = "stop"
            return self._text.end()
        text = self._text.add(token)
        if self._text.stopped:
            self.finish_reason = "stop"
        elif self._made == self._left:
            self.finish_reason = "length"
            text += self._text.end()
        return text

    def _logits(self) -> torch.Tensor:
        """Read what is unread, after what the cache holds; return what the model expects next."""
        ids = torch.tensor([self._unread], device=self._model.device)
        output = self._model(input_ids=ids, past_key_values=self._cache, use_cache=True, **self._last_only)
        self._cache = output.past_key_values
        logits: torch.Tensor = output.logits[0, -1]
        return logits


def _ends(model: Any, tokenizer: Any) -> set[int]:
    """Return the tokens that end an answer: an instruct model may name others than its tokenizer does."""
    named = model.generation_config.eos_token_id
    several = named if isinstance(named, list) else [named]
    return {token for token in [*several, tokenizer.eos_token_id] if token is not None}


def _tokens(tokenizer: Any, messages: Sequence[dict[str, str]]) -> list[int]:
    """Return the prompt: an answer is opened, or the assistant's last turn left open. Raises Refused."""
    turns = [{**message, "content": _harmless(tokenizer, message["content"])} for message in messages]
    if [turn["role"] for turn in turns[-2:]] == ["assistant", "assistant"]:
        raise Refused("Cannot have 2 or more assistant messages at the end of the list.")
    goes_on = turns[-1]["role"] == "assistant"
    try:
        text = tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=not goes_on, continue_final_message=goes_on
        )
    except TemplateError as error:
        raise Refused(f"The model's chat template refuses the messages: {error}") from error
    except ValueError as error:
        raise Refused("The model's chat template cannot continue the assistant's last message.") from error
    # the template has written every special token itself
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _harmless(tokenizer: Any, content: str) -> str:
    """Break up what a tokenizer would take for a special token: whoever types one must not end a turn."""
    for token in tokenizer.added_tokens_decoder.values():
        if token.special:
            content = content.replace(token.content, token.content[:1] + _WORD_JOINER + token.content[1:])
    return content


def _chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def _free() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
