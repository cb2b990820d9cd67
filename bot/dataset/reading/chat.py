"""Conversations as prompt and completion."""

from typing import Any, NamedTuple

from bot.dataset.reading.json_values import Number
from bot.errors import UserError

_OPENING_ROLES = ("system", "developer")
_ROLES = ["user", "assistant"]
_KNOWN_ROLES = frozenset((*_OPENING_ROLES, *_ROLES))
_ROLES_RULE = "A role is user, assistant or, in the first turn, system."
_SHAREGPT_ROLES = {"human": "user", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant"}
_TURN_KEYS = ("role", "content")
_CALLS = ("tool_calls", "function_call", "audio")


class Chat(NamedTuple):
    """A conversation of two turns."""

    prompt: str
    completion: str
    system: str | None = None
    deviation: str | None = None  # why other programs may refuse it as it is written


class LongerTalk(UserError):
    """A conversation of several turns stands where one question and its answer are read."""


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
    if not isinstance(messages, list) or not all(isinstance(turn, dict) for turn in messages):
        raise UserError(f'{location} has messages that are no list of {{"role": ..., "content": ...}}.')
    if (
        nameless := next((at for at, turn in enumerate(messages, 1) if "role" not in turn), None)
    ) is not None:
        raise UserError(f"{location} has no role in turn {nameless} of its conversation. {_ROLES_RULE}")
    roles = [turn["role"] for turn in messages]
    opening = _opening_turns(roles)
    if roles[opening:] != _ROLES:
        if fault := _fault_of(roles):
            raise UserError(f"{location} {fault}")
        raise _longer_talk(roles, location)
    texts = [_content(turn, location) for turn in messages]
    system = texts[0][0] if opening else None
    odd = next((f"{reason} as content" for _, reason in texts if reason), None) or _surplus(messages)
    deviation = f"{location} has {odd}." if odd else None
    return Chat(texts[opening][0], texts[opening + 1][0], system, deviation)


def is_longer_talk(roles: list[Any]) -> bool:
    """Return whether turns of these roles are a conversation that can be learnt from, but not by read_chat().

    Also one with faults, if the assistant speaks more than once: who reads longer ones says what is wrong.
    """
    if roles.count("assistant") > 1:
        return True
    is_sound = len(roles) > 1 and _unknown_turn(roles) is None and roles[-1] == "assistant"
    return is_sound and roles[_opening_turns(roles) :] != _ROLES


def _opening_turns(roles: list[Any]) -> int:
    return 1 if roles and roles[0] in _OPENING_ROLES else 0


def _unknown_turn(roles: list[Any]) -> int | None:
    """Return the index of the first turn with a role that nothing reads."""
    return next(
        (at for at, role in enumerate(roles) if not (isinstance(role, str) and role in _KNOWN_ROLES)), None
    )


def _fault_of(roles: list[Any]) -> str | None:
    """Return what keeps a conversation from being learnt from at all, as the end of a sentence."""
    if not roles:
        return "has no turns: write the user's and the assistant's."
    if (unknown := _unknown_turn(roles)) is not None:
        return (
            f"has the role {str(roles[unknown])!r} in turn {unknown + 1} of its conversation, which nothing "
            f"reads. {_ROLES_RULE}"
        )
    if roles[-1] != "assistant":
        return f"ends with a turn of the {roles[-1]}: the last turn has to be the assistant's answer."
    if "user" not in roles:
        return "has no turn of the user: the assistant's answer needs one before it."
    return None


def _longer_talk(roles: list[Any], location: str) -> LongerTalk:
    return LongerTalk(
        "{location} is a conversation of {number} turns ({shown}). Of this form, one turn of the user and "
        "one of the assistant are read, and a system turn before them. `{/tune}` learns from longer ones in "
        "a file of JSON Lines (.jsonl) with {line} on each line.",
        location=location,
        number=len(roles),
        shown=", ".join(roles[:6]) + (", ..." if len(roles) > 6 else ""),
        line='{"messages": [{"role": ..., "content": ...}, ...]}',
    )


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


def _is_full_weight(value: Any) -> bool:
    """Return whether a weight means 1, as it does if it is left blank."""
    return is_blank(value) or str(value) in {"1", "1.0", "True"}


def _refuse_unlearnable(turn: dict[str, Any], location: str) -> None:
    if turn["role"] == "assistant" and str(turn.get("weight", "1")) in {"0", "0.0", "False"}:
        raise UserError(
            f"{location} has an answer of weight 0, which is not to be learnt: leave the example out."
        )
    if turn["role"] == "assistant" and not _is_full_weight(turn.get("weight")):
        raise UserError(
            f"{location} has an answer whose weight is neither 0 nor 1: write 1, or leave the weight out."
        )
    for name in _CALLS:
        if turn.get(name):
            raise UserError(f"{location} has {name}: only texts are read. Leave the example out.")
