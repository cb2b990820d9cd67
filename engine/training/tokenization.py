"""Tokenize training examples exactly as llama.cpp will when it serves the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.messages import PreferenceExample, TrainingExample, TrainingMessage
from engine.training_request import TrainingError


@dataclass(frozen=True)
class Encoded:
    """Token ids, and for each whether it counts in the loss (assistant messages and their end tokens do)."""

    ids: list[int]
    loss_mask: list[bool]


def encode(tokenizer: Any, example: TrainingExample) -> Encoded:
    """Render an example with the chat template and tokenize it. Raises TrainingError.

    The prompt is tokenized separately from the assistant message, because a server tokenizes it alone.
    """
    messages = [message.model_dump(include={"role", "content"}) for message in example.messages]
    ids: list[int] = []
    loss_mask: list[bool] = []
    encoded = ""
    for index, message in enumerate(example.messages):
        if message.role != "assistant":
            continue
        prompt = _apply_template(tokenizer, messages[:index], prompt=True)
        text = _apply_template(tokenizer, messages[: index + 1], prompt=False)
        if not (text.startswith(prompt) and prompt.startswith(encoded)):
            raise TrainingError(
                "The model's chat template changes earlier messages; it cannot be used for training."
            )
        before = _tokenize(tokenizer, prompt.removeprefix(encoded))
        answer = _tokenize(tokenizer, text.removeprefix(prompt))
        ids += before + answer
        loss_mask += [False] * len(before)
        loss_mask += _answer_mask(answer, tokenizer.eos_token_id, learn=message.weight == 1)
        encoded = text
    return Encoded(ids, loss_mask)


def encode_pair(tokenizer: Any, example: PreferenceExample) -> tuple[Encoded, Encoded]:
    """Encode the preferred and the non-preferred chat; only their last messages count in the loss."""
    prompt = [
        TrainingMessage(role=message.role, content=message.content, weight=0)
        for message in example.input.messages
    ]
    preferred, rejected = (
        encode(
            tokenizer,
            TrainingExample(messages=[*prompt, TrainingMessage(role="assistant", content=output[0].content)]),
        )
        for output in (example.preferred_output, example.non_preferred_output)
    )
    return preferred, rejected


def _apply_template(tokenizer: Any, messages: Sequence[dict[str, Any]], *, prompt: bool) -> str:
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt))


def _tokenize(tokenizer: Any, text: str) -> list[int]:
    # the template has added every special token itself
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _answer_mask(answer: list[int], end: int, *, learn: bool) -> list[bool]:
    """Include the token that ends the message, but not the line break that templates add after it."""
    last = answer.index(end) if end in answer else len(answer) - 1
    return [learn and index <= last for index in range(len(answer))]
