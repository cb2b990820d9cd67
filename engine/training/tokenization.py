"""Training examples as token ids, exactly as llama.cpp will build them when it serves the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.messages import PreferenceExample, TrainingExample, TrainingMessage
from engine.training_request import OrderError


@dataclass(frozen=True)
class Encoded:
    """Token ids, and beside each whether it is learned (part of an assistant's turn, its end included)."""

    ids: list[int]
    learned: list[bool]


def encode(tokenizer: Any, example: TrainingExample) -> Encoded:
    """Render an example through the chat template and mark what is learned.

    Everything before an assistant's words is tokenised apart from them: a server tokenises the prompt alone.
    """
    messages = [message.model_dump(include={"role", "content"}) for message in example.messages]
    ids: list[int] = []
    learned: list[bool] = []
    done = ""
    for index, message in enumerate(example.messages):
        if message.role != "assistant":
            continue
        prompt = _render(tokenizer, messages[:index], prompt=True)
        whole = _render(tokenizer, messages[: index + 1], prompt=False)
        if not (whole.startswith(prompt) and prompt.startswith(done)):
            raise OrderError(
                "The chat template of the model rewrites earlier turns; it cannot be trained on."
            )
        before = _tokens(tokenizer, prompt.removeprefix(done))
        answer = _tokens(tokenizer, whole.removeprefix(prompt))
        ids += before + answer
        learned += [False] * len(before) + _until_end(
            answer, tokenizer.eos_token_id, learn=message.weight == 1
        )
        done = whole
    return Encoded(ids, learned)


def encode_pair(tokenizer: Any, example: PreferenceExample) -> tuple[Encoded, Encoded]:
    """Encode the preferred chat and the other one; only their last answers are learned."""
    prompt = [
        TrainingMessage(role=turn.role, content=turn.content, weight=0) for turn in example.input.messages
    ]
    better, worse = (
        encode(
            tokenizer,
            TrainingExample(messages=[*prompt, TrainingMessage(role="assistant", content=output[0].content)]),
        )
        for output in (example.preferred_output, example.non_preferred_output)
    )
    return better, worse


def _render(tokenizer: Any, messages: Sequence[dict[str, Any]], *, prompt: bool) -> str:
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt))


def _tokens(tokenizer: Any, text: str) -> list[int]:
    # the template has written every special token itself
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _until_end(answer: list[int], end: int, *, learn: bool) -> list[bool]:
    """Learn up to and with the token that ends a turn; templates write a line break after it."""
    last = answer.index(end) if end in answer else len(answer) - 1
    return [learn and place <= last for place in range(len(answer))]
