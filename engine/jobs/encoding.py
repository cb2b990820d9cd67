"""Encode training examples as the token ids that serving reads and writes, and keep them in a file."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from engine.errors import as_clause
from engine.jobs import training_file
from engine.jobs.training_file import Example
from engine.limits import CONTEXT, MAX_CHAT_CHARACTERS, MAX_MESSAGES
from engine.messages import JudgedExample, Message, PreferenceExample, TrainingMessage
from engine.storage import atomic
from engine.tokens import Encoded, Turn
from engine.training_request import MethodName

TurnTokenizer = Callable[[Sequence[Message]], Awaitable[Turn]]
"""Returns the token ids of a chat's last message and its prompt.

Raises ValueError if the chat template cannot render the chat.
"""


async def encode_file(
    path: Path, out: Path, method: MethodName, *, at_least: int, max_tokens: int, tokenize: TurnTokenizer
) -> None:
    """Read a training file and write its token ids to `out`, at most `max_tokens` a text.

    Raises TrainingFileError with the invalid lines, the ApiError of `tokenize`, and OSError if `out` cannot
    be written.
    """
    examples = await asyncio.to_thread(training_file.read, path, method, at_least=at_least)
    errors = {}
    part = out.with_name(out.name + ".part")
    try:
        with part.open("wb") as file:
            for number, example in examples.items():
                try:
                    texts = await encode(example, tokenize, max_tokens)
                except ValueError as error:
                    errors[number] = as_clause(str(error))
                    continue
                tokens = _longest(texts)
                if tokens > max_tokens:
                    errors[number] = (
                        f"the example has {tokens} tokens, and the model reads {max_tokens}: shorten it or "
                        "leave it out"
                    )
                file.write(_to_line(texts))
        training_file.raise_for(errors)
        atomic.publish(part, out)
    finally:
        part.unlink(missing_ok=True)


def read(path: Path) -> Iterator[list[Encoded]]:
    """Yield the texts of each example that `encode_file` wrote."""
    with path.open("rb") as file:
        for line in file:
            yield [
                Encoded(ids, [(start, end) for start, end in learned], *label)
                for ids, learned, *label in json.loads(line)
            ]


def longest_example(path: Path, method: MethodName) -> int:
    """Return how many tokens of the examples that `encode_file` wrote must be computed at once."""
    together = 2 if method == "dpo" else 1
    return max(together * len(text.ids) for texts in read(path) for text in texts)


def count_labels(path: Path) -> Counter[bool]:
    """Count the texts that `encode_file` wrote by whether they are wanted."""
    return Counter(text.is_wanted for texts in read(path) for text in texts)


async def encode(example: Example, tokenize: TurnTokenizer, max_tokens: int) -> list[Encoded]:
    """Return the texts of an example: of a pair the preferred one first, of a judged chat its one text.

    A conversation is one text, unless the model reads an answer differently once it is in the past (its
    template leaves something out, or the vocabulary joins two words): then each learned turn from there on is
    a text of its own. Of a conversation with more tokens than `max_tokens` only its whole text is returned:
    each of its turns would take as long. Raises ValueError if it is longer than any text that the model could
    read, or if the chat template refuses it.
    """
    _check_size(example)
    if isinstance(example, PreferenceExample):
        outputs = (example.preferred_output[0], example.non_preferred_output[0])
        return [_to_text(await tokenize([*example.input.messages, output])) for output in outputs]
    if isinstance(example, JudgedExample):
        return [replace(_to_text(await tokenize(example.messages)), is_wanted=example.label)]
    *turns, last_turn = example.learned_turns
    whole = await _encode_turn(example.messages[: last_turn + 1], tokenize)
    if len(whole.ids) > max_tokens:
        return [whole]
    texts: list[Encoded] = []
    for index in [*turns, last_turn]:
        text = whole if index == last_turn else await _encode_turn(example.messages[: index + 1], tokenize)
        if texts and text.ids[: len(texts[-1].ids)] == texts[-1].ids:
            text = Encoded(text.ids, texts.pop().learned + text.learned)
        texts.append(text)
    return texts


async def _encode_turn(messages: Sequence[TrainingMessage], tokenize: TurnTokenizer) -> Encoded:
    """Return a chat up to a turn that is learned, but for what is given of it."""
    *before, last = messages
    turn = await tokenize(messages)
    text = _to_text(turn)
    if not last.begun:
        return text
    begun = await tokenize([*before, last.model_copy(update={"content": last.begun})])
    ((start, end),) = text.learned
    return replace(text, learned=[(start + _shared_length(turn.answer, begun.answer), end)])


def _shared_length(answer: Sequence[int], begun: Sequence[int]) -> int:
    """Return with how many tokens of what is given an answer begins."""
    pairs = enumerate(zip(answer, begun, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(answer), len(begun)))


async def count_tokens(example: Example, tokenize: TurnTokenizer) -> int:
    """Return the tokens of an example's longest text, which a training file must keep to the model's limit.

    Raises ValueError if the chat template refuses it.
    """
    return _longest(await encode(example, tokenize, CONTEXT))


def _check_size(example: Example) -> None:
    """Raise ValueError for an example that cannot fit, as encoding it would take minutes."""
    if isinstance(example, PreferenceExample):
        messages: Sequence[Message] = [
            *example.input.messages,
            *example.preferred_output,
            *example.non_preferred_output,
        ]
    else:
        messages = example.messages
    characters = sum(len(message.content) for message in messages)
    for number, limit, what in (
        (len(messages), MAX_MESSAGES, "messages"),
        (characters, MAX_CHAT_CHARACTERS, "characters"),
    ):
        if number > limit:
            raise ValueError(
                f"it has {number:,} {what}, and the model reads {CONTEXT:,} tokens: shorten it or leave it "
                "out"
            )


def _longest(texts: Sequence[Encoded]) -> int:
    return max((len(text.ids) for text in texts), default=0)


def _to_text(turn: Turn) -> Encoded:
    start = len(turn.prompt)
    return Encoded(turn.prompt + turn.answer, [(start, start + turn.learned)])


def _to_line(texts: Sequence[Encoded]) -> bytes:
    parts = [[text.ids, text.learned, *([] if text.is_wanted else [False])] for text in texts]
    return json.dumps(parts, separators=(",", ":")).encode() + b"\n"
