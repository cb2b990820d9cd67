"""Supported parameters: which request parameters a model accepts, learnt from its refusals."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import openai

from bot.chat import ChatRequest, Sampling

_EFFORT = "reasoning_effort"
_OLDER_NAME = {"max_completion_tokens": "max_tokens"}
_STANDARD = (
    "max_completion_tokens",
    "temperature",
    "top_p",
    "seed",
    _EFFORT,
    "max_tokens",
    "stream_options",
)

_WITHOUT_MIN_P = {"temperature": 0.7, "top_p": 0.9}  # the most that a server without it is asked for

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")  # from the least on
_EFFORT_WORD = re.compile(rf"\b(?:{'|'.join(_EFFORTS)})\b", re.IGNORECASE)
_QUOTED_EFFORT = re.compile(rf"[\"'`“‘](?:{'|'.join(_EFFORTS)})[\"'`”’]", re.IGNORECASE)  # noqa: RUF001
_BEFORE_EFFORTS = re.compile(
    r"\b(?:supported|allowed|accepted|valid|available|possible|permitted|expected|supports?|choose|use"
    r"|one of|should be|must be|can be)\b",
    re.IGNORECASE,
)
_ABOUT_THINKING = re.compile(r"\b(?:thinking|reasoning)\b", re.IGNORECASE)
_ABOUT_TEMPLATE = re.compile(r"\bchat template\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Extensions:
    """What a kind of server takes beyond OpenAI's API.

    repeat_penalty: its name for that parameter, None if it has none. min_p: whether it applies that "before"
    or "after" the temperature, None if it does not know it. always: sent with every request;
    continuing: sent if the last message is the assistant's, for the answer to continue it. background: sent
    if nobody waits for the answer. log_probs: whether it tells those of a given text (TextScorer).
    """

    repeat_penalty: str | None = None
    min_p: Literal["before", "after"] | None = None
    always: Mapping[str, Any] = field(default_factory=dict)
    continuing: Mapping[str, Any] = field(default_factory=dict)
    background: Mapping[str, Any] = field(default_factory=dict)
    log_probs: bool = False

    @property
    def names(self) -> set[str]:
        """The names of all parameters."""
        sampled = filter(None, [self.repeat_penalty, self.min_p and "min_p"])
        return {*self.always, *self.continuing, *self.background, *sampled}

    def body(self, request: ChatRequest, *, in_background: bool) -> dict[str, Any]:
        """Return a request's parameters of this kind, as they go over the wire."""
        body = dict(self.always) | dict(self.background if in_background else {})
        if self.repeat_penalty and request.sampling.repeat_penalty is not None:
            body[self.repeat_penalty] = request.sampling.repeat_penalty
        if self.min_p and request.sampling.min_p is not None:
            body["min_p"] = self._min_p(request.sampling, request.sampling.min_p)
        return body | dict(self.continuing if request.messages[-1]["role"] == "assistant" else {})

    def _min_p(self, sampling: Sampling, before: float) -> float:
        """Return the min_p that leaves out the same tokens at this kind of server."""
        if self.min_p == "before" or not sampling.temperature:
            return before
        return float(before ** (1 / sampling.temperature))


HOSTED = Extensions()
# It continues an assistant's message by itself, and its top_k and its min_p, if a request has none, are those
# below. What nobody waits for gets all slots but one, however many its runtime has.
ENGINE = Extensions(
    repeat_penalty="repeat_penalty", min_p="before", background={"service_tier": "flex"}, log_probs=True
)
# The server at SERVING_URL: it closes an assistant's message unless told, and ignores unknown parameters.
SERVING = Extensions(
    repeat_penalty="repetition_penalty",
    min_p="after",
    always={"top_k": 40, "min_p": 0.05},
    continuing={"continue_final_message": True, "add_generation_prompt": False},
)


class SupportedParameters:
    """The parameters that are sent to one model: all that we use, less those that it has refused.

    No table of model names says what a model accepts: each tells by itself at the first request.
    """

    def __init__(self, extensions: Extensions) -> None:
        self._extensions = extensions
        self._refused: set[str] = set()
        # a model that thinks by default would spend the tokens on that
        self._effort = "none"
        self._refused_efforts: set[str] = set()

    def arguments(
        self, request: ChatRequest, *, streamed: bool = False, in_background: bool = False
    ) -> dict[str, Any]:
        """Return keyword arguments for the SDK's chat.completions.create()."""
        body = self.body(request, in_background=in_background)
        if streamed and "stream_options" not in self._refused:
            body["stream_options"] = {"include_usage": True}
        # the SDK would match every message and parameter against its types: a tenth of what a /hero costs
        arguments: dict[str, Any] = {"extra_body": body | {"messages": list(request.messages)}}
        return arguments | {"stream": True} if streamed else arguments

    def body(self, request: ChatRequest, *, in_background: bool = False) -> dict[str, Any]:
        """Return the request's parameters as they go over the wire, without model and messages."""
        sampling = request.sampling
        if sampling.min_p is not None and "min_p" in self._refused:
            # it goes with a temperature that lets a model write anything without it
            plainer = {name: min(getattr(sampling, name), most) for name, most in _WITHOUT_MIN_P.items()}
            sampling = sampling.model_copy(update=plainer)
        wanted: dict[str, Any] = {
            "max_completion_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": request.seed,
            _EFFORT: self._effort,
            **self._extensions.body(request, in_background=in_background),
        }
        for name, older in _OLDER_NAME.items():
            if name in self._refused:
                wanted[older] = wanted.pop(name)
        return {
            name: value for name, value in wanted.items() if value is not None and name not in self._refused
        }

    def learn(self, error: openai.APIStatusError, sent: Mapping[str, Any]) -> bool:
        """Leave out from now on the parameter that a refusal names, or ask for the least effort it names.

        Returns whether it named one that was sent, so that another request may succeed.
        """
        body = {**sent, **sent.get("extra_body", {})}
        message = f"{error.message} {error.body}"
        name = self._refused_name(error.param, message, body)
        if name is None:
            return False
        if name == _EFFORT:
            self._learn_effort(str(body[_EFFORT]), message)
        elif name in self._extensions.continuing:  # one without the other has another meaning
            self._refused.update(self._extensions.continuing)
        else:
            self._refused.add(name)
        return True

    def _refused_name(self, param: str | None, message: str, body: Mapping[str, Any]) -> str | None:
        """Return the parameter that a refusal names, if we can do without it."""
        optional = [name for name in (*_STANDARD, *sorted(self._extensions.names)) if name in body]
        places = {name: _index_of(name, message) for name in optional}
        named = [name for name in [param] if name in optional]
        named += sorted((name for name in optional if places[name] >= 0), key=lambda name: places[name])
        if not named and _EFFORT in body and _ABOUT_THINKING.search(message):
            named = [_EFFORT]
        if not named or named[0] == "max_tokens":  # an answer must have some limit
            return None
        # a template that cannot continue a message is no reason to ask for another text instead
        unfit = named[0] in self._extensions.continuing and _ABOUT_TEMPLATE.search(message)
        return None if unfit else named[0]

    def _learn_effort(self, refused: str, message: str) -> None:
        self._refused_efforts.add(refused)
        if refused != self._effort:  # another call has learnt it meanwhile
            return
        named = [effort for effort in _named_efforts(message) if effort not in self._refused_efforts]
        if named:
            self._effort = min(named, key=_EFFORTS.index)
        else:
            self._refused.add(_EFFORT)


def _named_efforts(message: str) -> list[str]:
    """Return the efforts that a refusal lists as possible; those in quotes if it has no such list.

    Words such as "high" also occur in sentences of another meaning.
    """
    for before in reversed(list(_BEFORE_EFFORTS.finditer(message))):
        if efforts := _EFFORT_WORD.findall(message, before.end()):
            return [effort.lower() for effort in efforts]
    return [quoted[1:-1].lower() for quoted in _QUOTED_EFFORT.findall(message)]


def _index_of(name: str, text: str) -> int:
    """Return where a text names a parameter; -1 if it does not."""
    match = re.search(rf"\b{name}\b", text)
    return match.start() if match else -1
