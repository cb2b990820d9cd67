"""Render a GGUF file's chat template with Jinja: llama.cpp's server does not render the end of a chat."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from jinja2 import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.nodes import Node
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

OPTIONS: Mapping[str, bool] = {"enable_thinking": False}
"""What every chat template is told, in training and serving alike.

The models answer at once: templates that let a model think otherwise put an empty thought into the prompt,
which is then no part of what is learned.
"""


class ChatTemplate:
    """A template, with the names that every chat template may use."""

    def __init__(self, source: str, *, bos_token: str, eos_token: str) -> None:
        """Compile it. Raises ValueError if it is not valid."""
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _GenerationTag]
        )
        environment.filters["tojson"] = _to_json
        environment.globals |= {
            "raise_exception": _raise,
            "strftime_now": time.strftime,
            "bos_token": bos_token,
            "eos_token": eos_token,
        }
        try:
            self._template = environment.from_string(source)
        except TemplateError as error:
            raise ValueError(f"the model's chat template is not valid: {error}") from error

    def turn(self, messages: Sequence[dict[str, Any]]) -> tuple[str, str]:
        """Return the prompt before the last message, the assistant's, and what the message adds to it.

        Raises ValueError if the template refuses the messages, or changes the prompt.
        """
        try:
            prompt = self._template.render(messages=messages[:-1], add_generation_prompt=True, **OPTIONS)
            text = self._template.render(messages=messages, add_generation_prompt=False, **OPTIONS)
        except TemplateError as error:
            raise ValueError(f"the model's chat template refuses the messages: {error}") from error
        return prompt, answer_text(prompt, text)


class _GenerationTag(Extension):
    """Reads `{% generation %}...{% endgeneration %}`, by which templates mark what a model writes."""

    tags = {"generation"}  # noqa: RUF012  as jinja2 declares it

    def parse(self, parser: Parser) -> list[Node]:
        """Return what stands between the tags."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def answer_text(prompt: str, text: str) -> str:
    """Return what follows the prompt in a text. Raises ValueError if the text begins otherwise."""
    if not text.startswith(prompt):
        raise ValueError("the model's chat template changes earlier messages: it cannot be used for training")
    return text.removeprefix(prompt)


def _to_json(value: Any, **options: Any) -> str:
    # Jinja's own filter escapes HTML
    return json.dumps(value, ensure_ascii=False, **options)


def _raise(message: str) -> NoReturn:
    raise TemplateError(message)
