"""Structured output: grammars that an answer, or the arguments of a tool call, must follow.

A grammar is text in llguidance's format, which llama.cpp reads as well. llama.cpp ignores a grammar that it
cannot read, so `Grammar.check` has to find every fault before.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field

from engine.errors import ApiError
from engine.inference.tools import FunctionDefinition
from engine.openai_object import OpenAIObject

_MAX_SCHEMA_CHARACTERS = 128 * 1024
_MAX_SUBSCHEMAS = 1000  # more take seconds to compile
_MAX_SCHEMA_DEPTH = (
    1000  # levels, if each reference leads to the deepest: at 2000 llguidance's stack overflows
)
_MAX_MULTIPLE = 10_000  # llguidance has a state for each remainder, which took 20 GB for two `multipleOf`
_MAX_ITEMS = 4096  # over all arrays and objects: llama.cpp compiles each of them, in more than linear time
_NUMBERS_OF_ITEMS = ("minItems", "maxItems", "minProperties", "maxProperties")
_COMBINING = frozenset({"allOf", "anyOf", "oneOf", "$ref", "if"})
_OPENING = frozenset({"additionalProperties", "patternProperties", "unevaluatedProperties", "minProperties"})
_VALUES = frozenset({"const", "default", "enum", "examples"})
_MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions"})  # from names to schemas
_OPTIONS = {
    # a small model could write blanks until its tokens end; so it writes what `json.dumps` writes
    "whitespace_flexible": False,
    "key_separator": ": ",
    "item_separator": ", ",
    "coerce_one_of": True,
}


class JsonSchema(OpenAIObject):
    """The schema of `response_format`."""

    name: str | None = None
    description: str | None = None
    # `schema` is a method of pydantic's models
    definition: Annotated[dict[str, Any] | None, Field(alias="schema")] = None
    strict: bool | None = None


class ResponseFormat(OpenAIObject):
    """`response_format`: text, any JSON object, or JSON that follows a schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class Grammar:
    """What the text of an answer must follow."""

    def __init__(self, rules: Sequence[tuple[str, dict[str, Any], bool]], param: str) -> None:
        """Allow any one of `rules`: the text before the JSON, its schema, and whether the schema is strict.

        A rule that begins with a text ends with the brace that closes it. `param` is what errors name.
        """
        self._rules = rules
        self._param = param

    @classmethod
    def of_format(cls, response_format: ResponseFormat) -> "Grammar":
        """Return the grammar of a format other than text."""
        schema = response_format.json_schema or JsonSchema()
        rules = [("", schema.definition or {"type": "object"}, bool(schema.strict))]
        return cls(rules, "response_format")

    @classmethod
    def of_call(cls, functions: Sequence[FunctionDefinition]) -> "Grammar":
        """Return the grammar of a call of one of the functions."""
        rules = [
            (
                f'{{"name": "{function.name}", "arguments": ',
                function.parameters or {"type": "object"},
                bool(function.strict),
            )
            for function in functions
        ]
        return cls(rules, "tools")

    @cached_property
    def text(self) -> str:
        """The grammar in llguidance's format."""
        lines = ["%llguidance {}", "start: " + " | ".join(f"r{index}" for index in range(len(self._rules)))]
        for index, (before, schema, strict) in enumerate(self._rules):
            options = {"x-guidance": _OPTIONS | {"lenient": not strict}}
            lines.append(f"j{index}: %json {json.dumps(_close_objects(schema) | options)}")
            around = (json.dumps(before), '"}"') if before else ("", "")
            lines.append(f"r{index}: {around[0]} j{index} {around[1]}")
        return "\n".join(lines)

    def check(self) -> None:
        """Raise a 400 with the reason if the grammar cannot be used. Computes for up to half a second."""
        self._check_limits()
        from llguidance import LLMatcher, LLTokenizer  # noqa: PLC0415  native code, loaded only when needed

        matcher = LLMatcher(LLTokenizer("byte"), LLMatcher.grammar_from_lark(self.text), log_level=0)
        # the first steps find what the compilation does not: a schema that no text follows, or too many ways
        beginning = matcher.compute_ff_bytes()
        if len(beginning) > _MAX_SCHEMA_CHARACTERS // 2:
            raise self._invalid("no finite text follows it")
        matcher.consume_tokens(list(beginning))
        matcher.compute_bitmask()
        if matcher.is_error():
            raise self._invalid(_reason(matcher.get_error()))

    def _check_limits(self) -> None:
        schemas = [schema for _, schema, _ in self._rules]
        if len(json.dumps(schemas)) > _MAX_SCHEMA_CHARACTERS:
            raise self._invalid(f"it has more than {_MAX_SCHEMA_CHARACTERS} characters")
        objects = list(_objects(schemas))
        if len(objects) > _MAX_SUBSCHEMAS:
            raise self._invalid(f"it has more than {_MAX_SUBSCHEMAS} parts")
        depth, references = 0, set()
        for level, part in objects:
            depth = max(depth, level)
            references.add(str(part.get("$ref")))
        if depth * len(references) > _MAX_SCHEMA_DEPTH:
            raise self._invalid("it is nested too deeply, or has too many references")
        self._check_numbers([part for _, part in objects])

    def _check_numbers(self, parts: Sequence[dict[str, Any]]) -> None:
        # together: `allOf` and references may combine any of them
        if _common_multiple(_numbers(part.get("multipleOf") for part in parts)) > _MAX_MULTIPLE:
            raise self._invalid(
                f"multipleOf can be at most {_MAX_MULTIPLE}, and so can the least common multiple of several"
            )
        counts = (max(_numbers(map(part.get, _NUMBERS_OF_ITEMS)), default=0) for part in parts)
        if sum(counts) > _MAX_ITEMS:
            raise self._invalid(
                f"{', '.join(_NUMBERS_OF_ITEMS)} can be at most {_MAX_ITEMS}, over all arrays and objects:"
                " leave out what is not needed"
            )

    def _invalid(self, reason: str) -> ApiError:
        message = f"Invalid schema for '{self._param}': {reason}."
        return ApiError(400, message, code="invalid_json_schema", param=self._param)


def _close_objects(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema without the properties that it allows by saying nothing of them.

    A small model would write such properties until its tokens end. What is combined with other schemas stays.
    """
    for _, part in _objects(schema):
        parts = part.get("allOf")
        if (isinstance(parts, list) and len(parts) > 1) or (
            "properties" in part and _COMBINING & part.keys()
        ):
            return schema

    def close(value: Any) -> Any:
        if isinstance(value, list):
            return [close(inner) for inner in value]
        if not isinstance(value, dict):
            return value
        closed = {name: close_keyword(name, inner) for name, inner in value.items()}
        properties, required = value.get("properties"), value.get("required", [])
        if isinstance(properties, dict) and isinstance(required, list) and not _OPENING & value.keys():
            named = all(isinstance(name, str) and name in properties for name in required)
            return closed | ({"additionalProperties": False} if named else {})
        return closed

    def close_keyword(name: str, value: Any) -> Any:
        if name in _VALUES:
            return value
        if name in _MAPS and isinstance(value, dict):  # a property may be called as a keyword is
            return {inner: close(part) for inner, part in value.items()}
        return close(value)

    closed: dict[str, Any] = close(schema)
    return closed


def _objects(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects within a JSON value, with their depth."""
    stack = [(1, value)]
    while stack:
        level, value = stack.pop()
        if isinstance(value, dict):
            yield level, value
            value = list(value.values())
        if isinstance(value, list):
            stack += [(level + 1, inner) for inner in value]


def _numbers(values: Iterable[Any]) -> list[int | float]:
    """Return the sizes of the numbers but zero; llguidance refuses every other value itself."""
    return [
        abs(value)
        for value in values
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < abs(value) < math.inf
    ]


def _common_multiple(numbers: Iterable[int | float]) -> int:
    """Return the least common multiple of decimal numbers, without its decimal point and final zeros.

    So many remainders are to be told apart: those of a power of ten show in the last digits.
    """
    fractions = [Fraction(str(number)) for number in numbers]
    places = max((-int(Decimal(str(number)).as_tuple().exponent) for number in numbers), default=0)
    multiple = math.lcm(*(int(fraction * 10 ** max(places, 0)) for fraction in fractions))
    while multiple % 10 == 0:
        multiple //= 10
    return multiple


def _reason(error: str) -> str:
    """Return the cause within llguidance's error, which also shows the grammar and its state."""
    error = error.rpartition("failed to compile JSON schema: ")[2]
    if error.startswith("NoExtension"):
        return "no finite text follows it"
    if error.startswith("Parser Error"):
        return "it allows too many alternatives at once"
    if regex := re.search(r"^error: (.+)", error, re.MULTILINE):
        return f"a pattern cannot be used: {regex.group(1)}"
    return error.partition("\n")[0].replace("Unimplemented keys:", "strict mode does not support").rstrip(".")
