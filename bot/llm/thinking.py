"""Thinking: leaves what a reasoning model thought aloud out of its answer, also while it is streamed."""

import re
from typing import NamedTuple

_NAME = r"(?:think|thinking|thoughts?|reasoning|seed:think)"
# Each family of models has marks of its own; a channel is a part of an answer in OpenAI's "harmony" format.
_MARK = re.compile(
    rf"""
    (?P<empty> <{_NAME}\s*/> | <\|start\|>(?:assistant)? | <\|(?:end|return|message)\|>
        | <\|(?:begin|end)_of_solution\|> | <\|(?:start|end)_response\|> )
    | (?P<open> <{_NAME}\s*> | \[think\] | ◁think▷ | <\|begin_of_thought\|> | <\|start_thinking\|>
        | <\|channel\|>\s*(?:analysis|commentary)\b (?:[^<]|<\|constrain\|>)* <\|message\|> )
    | (?P<close> </{_NAME}\s*> | \[/think\] | ◁/think▷ | <\|end_of_thought\|> | <\|end_thinking\|> )
    | (?P<answer> <\|channel\|>\s*final\b (?:[^<]|<\|constrain\|>)* <\|message\|> )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_MARK_START = re.compile(r"[<\[◁]")
_WHOLE_MARKS = (
    *("<thinking>", "<thoughts>", "<reasoning>", "<seed:think>", "[think]", "◁think▷"),
    *("</think>", "</thinking>", "</thought>", "</thoughts>", "</reasoning>", "</seed:think>"),
    *("[/think]", "◁/think▷", "<think/>", "<thinking/>"),
    *("<|begin_of_thought|>", "<|end_of_thought|>", "<|start_thinking|>", "<|end_thinking|>"),
    *("<|begin_of_solution|>", "<|end_of_solution|>", "<|start_response|>", "<|end_response|>"),
    *("<|start|>assistant", "<|channel|>", "<|message|>", "<|end|>", "<|return|>"),
)
_UNFINISHED_CHANNEL = re.compile(r"<\|channel\|>(?:[^<]|<\|constrain\|>)*(?:<\|?[a-z]*\|?)?$", re.IGNORECASE)
_LONGEST_MARK = 80  # characters

# The same channels, from servers that leave out the special tokens but not the words between them.
_BARE_ANALYSIS = re.compile(r"\s*analysis(?=[A-Z])")
_BARE_FINAL = "assistantfinal"

# Some servers send thinking without its opening mark, which their chat template has set. Thinking begins so:
_ALOUD = (
    *("okay", "ok,", "ok.", "alright", "hmm", "let me", "let's"),
    *(
        "first, i",
        "i need to",
        "i'm asked",
        "i am asked",
        "we need",
        "we are asked",
        "we're asked",
        "we have to",
    ),
    *("the user", "so the user", "so, the user", "the prompt"),
    *("thinking process", "here's a thinking", "here is a thinking", "analysis"),
)
_LONGEST_ALOUD = max(map(len, _ALOUD))


class _Parts(NamedTuple):
    """An answer without its thinking, whether it had any, and whether that had no opening mark."""

    text: str
    found: bool
    closed_only: bool


class ThinkingFilter:
    """Takes thinking out of one model's answers.

    It remembers whether the model's thinking comes without an opening mark: then nothing is shown before the
    closing one. An answer that ends by itself and has no mark shows that the one before was an accident.
    """

    def __init__(self) -> None:
        self._closes_only = False

    def whole(self, answer: str, *, cut_short: bool = False) -> tuple[str, bool]:
        """Return the text of an answer that has ended, and whether it had thinking in it."""
        parts = self._split(answer[: _mark_begins(answer)] if cut_short else answer)
        if cut_short and self._closes_only and not parts.found:
            return "", True
        if not cut_short and not parts.found and answer.strip():
            self._closes_only = False
        return parts.text, parts.found

    def so_far(self, answer: str) -> str:
        """Return the text of an unfinished answer that is surely no thinking, nor the beginning of a mark."""
        parts = self._split(answer[: _mark_begins(answer)])
        if not parts.found and (self._closes_only or _may_be_aloud(answer)):
            return ""
        return parts.text

    def _split(self, answer: str) -> _Parts:
        parts = _split(answer)
        self._closes_only = self._closes_only or parts.closed_only
        return parts


def _split(answer: str) -> _Parts:
    if bare := _BARE_ANALYSIS.match(answer):
        text = answer[bare.end() :].partition(_BARE_FINAL)[2]
        return _Parts(text.strip(), found=True, closed_only=False)
    if not _MARK_START.search(answer):
        return _Parts(answer, found=False, closed_only=False)
    kept: list[str] = []
    found = thinking = closed_only = False
    end = 0
    for mark in _MARK.finditer(answer):
        found = True
        if not thinking:
            kept.append(answer[end : mark.start()])
        closes = mark.lastgroup in ("close", "answer")
        if closes and not thinking:
            closed_only = closed_only or mark.lastgroup == "close"
            kept.clear()
        if mark.lastgroup != "empty":
            thinking = not closes
        end = mark.end()
    if not found:
        return _Parts(answer, found=False, closed_only=False)
    if not thinking:
        kept.append(answer[end:])
    text = " ".join(part.strip() for part in kept if part.strip())
    return _Parts(text, found, closed_only)


def _mark_begins(answer: str) -> int:
    """Return where a mark may begin that is not whole yet; the answer's length if none does."""
    start = max(0, len(answer) - _LONGEST_MARK)
    for begin in _MARK_START.finditer(answer, start):
        tail = answer[begin.start() :].lower()
        if _UNFINISHED_CHANNEL.match(tail) or any(
            mark.startswith(tail) and mark != tail for mark in _WHOLE_MARKS
        ):
            return begin.start()
    return len(answer)


def _may_be_aloud(answer: str) -> bool:
    """Return whether an answer begins as thinking does, as far as it has come."""
    beginning = answer.lstrip()[:_LONGEST_ALOUD].lower()
    if not beginning:
        return False
    if len(beginning) < _LONGEST_ALOUD and any(phrase.startswith(beginning) for phrase in _ALOUD):
        return True
    return beginning.startswith(_ALOUD)
