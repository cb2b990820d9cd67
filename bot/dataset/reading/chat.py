"""Conversations as prompt and completion."""

from typing import Any, NamedTuple

from bot.dataset.reading.json_values import Number
from bot.errors import UserError

_OPENING_ROLES = ("system", "developer")
_ROLES = ["user", "assistant"]
_SHAREGPT_ROLES = {"human": "user", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant"}
_TURN_KEYS = ("role", "content")
_CALLS = ("tool_calls", "function_call", "audio")


class Chat(NamedTuple):
    """A conversation of two turns."""

    prompt: str
    completion: str
    system: str | None = None
    deviation: str | None = None  # why other programs may refuse it as it is written


def from_sharegpt(conversation: Any) -> Any:
    """Return ShareGPT's turns, {"from": "human", "value": ...}, as messages; another value as it is."""
    if not isinstance(conversation, list) or not all(
        isinstance(turn, dict) and "from" in turn for turn in conversation
    ):
        return conversation
    return [
        {"role": _SHAREGPT_ROLES.get(str(turn["from"]), turn["from"]), "content": turn.get("value")}
        for turn in conversation
    ]


def is_turns(value: Any) -> bool:
    """Return whether a value is a list of turns, as in {"messages": [...]}."""
    return isinstance(value, list) and all(isinstance(turn, dict) and "role" in turn for turn in value)


def read_chat(messages: Any, location: str) -> Chat:
    """Return a user's turn and the assistant's, and the text of a system or developer turn before them.

    Raises UserError if there are other turns, or the prompt or an answer cannot be read as text.
    """
    plain = _plain_chat(messages)
    if plain is not None:
        return plain
    if not isinstance(messages, list) or not is_turns(messages):
        raise UserError(f'{location} has messages that are no list of {{"role": ..., "content": ...}}.')
    roles = [turn["role"] for turn in messages]
    opening = 1 if roles and roles[0] in _OPENING_ROLES else 0
    if roles[opening:] != _ROLES:
        shown = ", ".join(str(role) for role in roles[:6]) + (", ..." if len(roles) > 6 else "")
        raise UserError(
            f"{location} is a conversation of {len(roles)} turns ({shown}): only conversations of one user "
            "turn and one assistant turn are read, and a system turn before them."
        )
    texts = [_content(turn, location) for turn in messages]
    system = texts[0][0] if opening else None
    odd = next((f"{reason} as content" for _, reason in texts if reason), None) or _surplus(messages)
    deviation = f"{location} has {odd}." if odd else None
    return Chat(texts[opening][0], texts[opening + 1][0], system, deviation)


def _plain_chat(messages: Any) -> Chat | None:
    """Return a chat of the most frequent kind without detours: two turns of a role and a text each."""
    if type(messages) is list and len(messages) == 2 and _is_plain(messages[0]) and _is_plain(messages[1]):
        user, assistant = messages
        if user["role"] == "user" and assistant["role"] == "assistant":
            return Chat(user["content"], assistant["content"])
    return None


def _is_plain(turn: Any) -> bool:
    return type(turn) is dict and len(turn) == 2 and "role" in turn and type(turn.get("content")) is str


def _content(turn: dict[str, Any], location: str) -> tuple[str, str | None]:
    """Return the text of a turn, and what it is written as if not as text."""
    content = turn.get("content")
    if len(turn) > 2:
        _refuse_unlearnable(turn, location)
    if type(content) is str:
        return content, None
    match content:
        case Number():
            return str(content), "a number"
        case bool():
            return str(content).lower(), str(content).lower()
        case None if turn["role"] == "assistant":
            return "", "null"
        case [*parts] if parts and all(_is_text_part(part) for part in parts):
            return "".join(part["text"] for part in parts), "a list of parts"
    kind = "null" if content is None else "an object or a list"
    raise UserError(
        f"{location} has {kind} as the {turn['role']}'s content: write a text, or leave the example out."
    )


def _surplus(messages: list[dict[str, Any]]) -> str | None:
    """Return what turns hold beside their text that trainers may refuse, if there is any."""
    for turn in messages:
        for name, value in turn.items():
            full_weight = name == "weight" and value == Number("1") and isinstance(value, Number)
            if name not in _TURN_KEYS and not full_weight and not is_blank(value):
                return f"{name!r} in a turn"
    return None


def is_blank(value: Any) -> bool:
    """Return whether a value says nothing, as the empty fields of an answer that is handed back."""
    return value is None or (isinstance(value, (str, list, dict)) and not value)


def _is_text_part(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "text" and type(part.get("text")) is str


def _refuse_unlearnable(turn: dict[str, Any], location: str) -> None:
    if turn["role"] == "assistant" and str(turn.get("weight", "1")) in {"0", "0.0", "False"}:
        raise UserError(
            f"{location} has an answer of weight 0, which is not to be learnt: leave the example out."
        )
    for name in _CALLS:
        if turn.get(name):
            raise UserError(f"{location} has {name}: only texts are read. Leave the example out.")
