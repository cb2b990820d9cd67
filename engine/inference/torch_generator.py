"""Generate chat completions with transformers, for Hugging Face models. Imports torch.

Concurrent completions take turns on one thread, one token each. One batch would be faster, but the other
completions would then change the last digits of the logits, and sometimes the sampled tokens.
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
from engine.inference import chat_template
from engine.inference.chunks import RequestRejected, chunk, usage_chunk
from engine.inference.detokenizer import Detokenizer
from engine.inference.sampling import Sampler
from engine.inference.token_mask import MaskFactory, TokenMask
from engine.limits import CONTEXT, SLOTS
from engine.messages import Message
from engine.tokens import MARK, MARK_PROBES, Turn, mark_length

_WORD_JOINER = "\u2060"  # invisible, and no line breaks at it
T = TypeVar("T")


# transformers changes torch's default dtype, for the whole process, while it loads: two models that load at
# once would mix their dtypes
_LOAD_LOCK = threading.Lock()


class TorchGenerator:
    """One loaded model, with the interface of `engine.inference.generator.Generator`."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        """Wrap a model in memory; use `load`."""
        self._model = model
        self._tokenizer = tokenizer
        self._end_tokens = _end_tokens(model, tokenizer)
        self._masks = MaskFactory(tokenizer, _vocabulary(model), self._end_tokens)
        self._slots = asyncio.Semaphore(SLOTS)
        # one thread: torch uses all cores for a token, and the executor's queue keeps the order of the turns
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="torch")

    @classmethod
    def load(cls, base: Path, tuned: Path | None = None) -> Self:
        """Load a Hugging Face folder, or the model in the folder of a model tuned from it (takes seconds).

        Passes on the exceptions of transformers and peft.
        """
        torch.set_num_threads(system.compute_threads())
        device = base_model.best_device()
        with _LOAD_LOCK:
            tokenizer = base_model.load_tokenizer(base)
            dtype = base_model.fastest_dtype(device)
            if tuned is None:
                model = base_model.load(base, dtype=dtype, device=device)
            else:
                model = base_model.load_tuned(base, tuned, dtype=dtype, device=device)
        return cls(model.eval(), tokenizer)

    @property
    def knows_tools(self) -> bool:
        return False  # their calls look different in each template, and only llama.cpp can read them

    @property
    def slots(self) -> int:
        return SLOTS

    async def chunks(self, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        async with self._slots:
            try:
                generation = await self._run(lambda: self._generation(request))
            except RequestRejected as rejected:
                yield {"error": rejected.error}
                return
            started = False
            while generation.finish_reason is None:
                text = await self._run(generation.step)
                if not started:  # only now: the first step may still fail
                    yield chunk({"role": "assistant", "content": None})
                    started = True
                if text:
                    yield chunk({"content": text})
            yield chunk({}, generation.finish_reason)
            yield usage_chunk(generation.prompt_tokens, generation.completion_tokens)

    def _generation(self, request: dict[str, Any]) -> "_Generation":
        if request.get("logprobs"):
            raise RequestRejected("Only GGUF bases give log-probabilities.", param="logprobs")
        mask = self._masks.mask(request["grammar"]) if "grammar" in request else None
        return _Generation(self._model, self._tokenizer, self._end_tokens, request, mask)

    async def tokenize_turn(self, messages: Sequence[Message]) -> Turn:
        turns = [message.model_dump(include={"role", "content"}) for message in messages]
        try:
            return await self._run(lambda: _tokenize_turn(self._tokenizer, turns))
        except (RequestRejected, TemplateError) as error:
            raise ValueError(str(error)) from error

    async def log_probs(self, messages: Sequence[Message]) -> list[float]:
        turn = await self.tokenize_turn(messages)
        if (length := len(turn.prompt) + turn.learned) > CONTEXT:
            raise RequestRejected.too_long(length, CONTEXT)
        return await self._run(lambda: _log_probs(self._model, turn))

    async def _run(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def close(self) -> None:
        for _ in range(SLOTS):
            await self._slots.acquire()
        self._model = None
        await self._run(_free_memory)
        self._thread.shutdown()
        for _ in range(SLOTS):  # a later call must fail, not wait for ever
            self._slots.release()


class _Generation:
    """One completion. Its methods compute, so they must run on the model's thread."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        end_tokens: set[int],
        request: dict[str, Any],
        mask: TokenMask | None,
    ) -> None:
        """Tokenize the messages; `mask` tells which tokens are allowed. Raises RequestRejected."""
        prompt = _tokenize_prompt(tokenizer, request["messages"])
        limit = min(CONTEXT, getattr(model.config, "max_position_embeddings", None) or CONTEXT)
        if len(prompt) >= limit:
            raise RequestRejected.too_long(len(prompt), limit)
        self._model = model
        self.prompt_tokens = len(prompt)
        self._max_tokens = min(request.get("max_tokens", limit), limit - len(prompt))
        self.completion_tokens = 0
        self._input = prompt
        self._cache: Any = None
        # the logits of the whole prompt would take [tokens, vocabulary] numbers
        supported = "logits_to_keep" in inspect.signature(model.forward).parameters
        self._last_logits_only = {"logits_to_keep": 1} if supported else {}
        self._end_tokens = end_tokens
        self._sampler = Sampler(request, prompt)
        self._mask = mask
        self._detokenizer = Detokenizer(tokenizer, prompt, request.get("stop", []))
        self.finish_reason: str | None = None

    def step(self) -> str:
        """Generate one token and return the text that is final by now."""
        with torch.inference_mode():
            token = self._sampler.sample(self._logits(), self._mask.allowed() if self._mask else None)
        self._input = [token]
        self.completion_tokens += 1
        if token in self._end_tokens:
            self.finish_reason = "stop"
            return self._detokenizer.flush()
        text = self._detokenizer.add(token)
        if self._mask:
            self._mask.accept(token)
        if self._detokenizer.stopped:
            self.finish_reason = "stop"
        elif self._mask and self._mask.ended:
            self.finish_reason = "stop"
            text += self._detokenizer.flush()
        elif self.completion_tokens == self._max_tokens:
            self.finish_reason = "length"
            text += self._detokenizer.flush()
        return text

    def _logits(self) -> torch.Tensor:
        """Read the tokens that are not in the cache yet; return the next token's logits, [vocabulary]."""
        ids = torch.tensor([self._input], device=self._model.device)
        output = self._model(
            input_ids=ids, past_key_values=self._cache, use_cache=True, **self._last_logits_only
        )
        self._cache = output.past_key_values
        logits: torch.Tensor = output.logits[0, -1]
        return logits


def _log_probs(model: Any, turn: Turn) -> list[float]:
    """Return the log-probabilities of the learned tokens of an answer."""
    ids = torch.tensor([turn.prompt + turn.answer[: turn.learned]], device=model.device)
    with torch.inference_mode():
        logits = model(input_ids=ids).logits[0, len(turn.prompt) - 1 : -1]
        learned = ids[0, len(turn.prompt) :, None]
        found = torch.log_softmax(logits.float(), dim=-1).gather(1, learned)
    return [float(log_prob) for log_prob in found[:, 0].tolist()]


def _vocabulary(model: Any) -> int:
    """Return the number of logits, which may exceed the tokenizer's number of tokens."""
    return int(model.config.get_text_config().vocab_size)


def _end_tokens(model: Any, tokenizer: Any) -> set[int]:
    """Return the tokens that end a completion: the tokenizer's, the config's, and the chat template's."""
    configured = model.generation_config.eos_token_id
    tokens = configured if isinstance(configured, list) else [configured]
    tokens = [*tokens, tokenizer.eos_token_id, *_ends_of_turn(tokenizer)]
    return {token for token in tokens if token is not None}


def _ends_of_turn(tokenizer: Any) -> list[int]:
    """Return the control token with which the chat template ends an answer, if it does."""
    chat = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "x"}]
    try:
        turn = _tokenize_turn(tokenizer, chat)
    except (RequestRejected, TemplateError, ValueError):  # it cannot be used for training, but may for chats
        return []
    return [
        token for token in turn.answer[turn.learned - 1 : turn.learned] if token in _control_tokens(tokenizer)
    ]


def _tokenize_prompt(tokenizer: Any, messages: Sequence[dict[str, str]]) -> list[int]:
    """Return the prompt's tokens; a trailing assistant message is left open. Raises RequestRejected."""
    turns = _escape_turns(tokenizer, messages)
    if [turn["role"] for turn in turns[-2:]] == ["assistant", "assistant"]:
        raise RequestRejected("Cannot have 2 or more assistant messages at the end of the list.")
    continues = turns[-1]["role"] == "assistant"
    try:
        text = tokenizer.apply_chat_template(
            turns,
            tokenize=False,
            add_generation_prompt=not continues,
            continue_final_message=continues,
            **chat_template.OPTIONS,
        )
    except TemplateError as error:
        raise RequestRejected(f"The model's chat template refuses the messages: {error}") from error
    except ValueError as error:
        raise RequestRejected(
            "The model's chat template cannot continue the assistant's last message."
        ) from error
    return _tokenize(tokenizer, text)


def _tokenize_turn(tokenizer: Any, messages: Sequence[dict[str, str]]) -> Turn:
    """Return the tokens of the last message and of its prompt. Raises RequestRejected, and ValueError."""
    prompt = _tokenize_prompt(tokenizer, messages[:-1])
    turns = _escape_turns(tokenizer, messages)
    answer = _answer_text(tokenizer, turns)
    marked = mark_length(*(_tokenize(tokenizer, probe) for probe in MARK_PROBES))
    tokens = _tokenize(tokenizer, (MARK if marked else "") + answer)[marked:]
    return Turn.of(prompt, tokens, tokenizer.eos_token_id, _control_tokens(tokenizer).keys())


def _answer_text(tokenizer: Any, turns: Sequence[dict[str, str]]) -> str:
    """Return what the last message adds to the text. Raises TemplateError, and ValueError."""
    return chat_template.answer_text(
        tokenizer.apply_chat_template(
            turns[:-1], tokenize=False, add_generation_prompt=True, **chat_template.OPTIONS
        ),
        tokenizer.apply_chat_template(turns, tokenize=False, **chat_template.OPTIONS),
    )


def _control_tokens(tokenizer: Any) -> dict[int, str]:
    """Return the texts of a vocabulary's control tokens."""
    return {token: added.content for token, added in tokenizer.added_tokens_decoder.items() if added.special}


def _tokenize(tokenizer: Any, text: str) -> list[int]:
    # the template has added every special token itself
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _escape_turns(tokenizer: Any, messages: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    return [
        {**message, "content": _escape_special_tokens(tokenizer, message["content"])} for message in messages
    ]


def _escape_special_tokens(tokenizer: Any, content: str) -> str:
    """Split special tokens in a message, so that the tokenizer reads them as text and they end no turn."""
    for text in _control_tokens(tokenizer).values():
        content = content.replace(text, text[:1] + _WORD_JOINER + text[1:])
    return content


def _free_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
