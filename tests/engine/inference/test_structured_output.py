"""Structured output: `response_format` through the `openai` package, with a model of random weights.

Such a model writes anything that the grammar allows, so an answer is right only because of the grammar.
"""

import asyncio
import json
import time
from typing import Annotated, Any, Literal

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from engine.inference.structured_output import Grammar, JsonSchema, ResponseFormat
from tests.support.engine_chats import USER, ask
from tests.support.engine_process import EngineProcess
from tests.support.tiny_engine import TINY

Word = Annotated[str, Field(max_length=4)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Power(Strict):
    kind: Literal["flight", "healing"]
    strength: Annotated[int, Field(ge=1, le=9)]


class Hero(Strict):
    """References, an enum, a nested object and a nullable one, a bounded list, a number within bounds."""

    name: Word
    age: Annotated[int, Field(ge=16, le=95)]
    power: Power
    second: Power | None
    tags: Annotated[list[Literal["old", "tall"]], Field(min_length=1, max_length=3)]
    score: Annotated[float, Field(ge=0, le=1)]
    alive: bool


class Cat(Strict):
    sound: Literal["meow"]


class Dog(Strict):
    sound: Literal["woof"]
    age: Annotated[int, Field(ge=0, le=20)]


class Pet(Strict):
    animal: Annotated[Cat | Dog, Field(discriminator="sound")]


class Tree(Strict):
    """It refers to itself; most trees that random weights write end at once."""

    value: Literal["a", "b"]
    children: Annotated[list["Tree"], Field(max_length=1)]


class Coded(Strict):
    code: Annotated[str, Field(pattern=r"^[A-Z]{2}-[0-9]{3}$")]
    day: Annotated[str, Field(json_schema_extra={"format": "date"})]


class Pair(Strict):
    pair: tuple[Literal["x"], bool]
    constant: Literal[5]


class Names(Strict):
    """Property names that have to be escaped, in the order of the schema."""

    z: Annotated[bool, Field(alias='a "quoted"\nname')]
    a: Annotated[bool, Field(alias="\u00e4\u00f6\u00fc \U0001f9b8")]


MODELS = [Hero, Pet, Coded, Pair, Names]


def format_of(schema: Any, *, strict: bool | None = True) -> Any:
    return {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": strict}}


def text_of(answer: Any) -> str:
    assert answer.choices[0].finish_reason == "stop"
    text = answer.choices[0].message.content
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "sampling", [{"temperature": 0}, {"temperature": 2, "n": 3}, {"extra_body": {"repeat_penalty": 2}}]
)
async def test_answers_follow_a_models_schema(
    client: AsyncOpenAI, model: type[BaseModel], sampling: Any
) -> None:
    """No sampler of the request, nor the fixed top_k and min_p, leaves the grammar."""
    response_format = format_of(model.model_json_schema())
    answer = await ask(client, response_format=response_format, max_tokens=400, seed=1, **sampling)
    for choice in answer.choices:
        assert choice.finish_reason == "stop"
        model.model_validate_json(choice.message.content, strict=False)
    assert len(answer.choices) == sampling.get("n", 1)
    assert answer.usage.completion_tokens > 0


@pytest.mark.parametrize("model", [Hero, Pet])
async def test_the_packages_own_parser(client: AsyncOpenAI, model: type[BaseModel]) -> None:
    parsed = await client.chat.completions.parse(
        model=TINY, messages=USER, response_format=model, max_tokens=400, seed=1
    )
    assert isinstance(parsed.choices[0].message.parsed, model)
    assert parsed.choices[0].message.refusal is None
    async with client.chat.completions.stream(
        model=TINY, messages=USER, response_format=model, max_tokens=400, seed=1
    ) as stream:
        async for _ in stream:
            pass
        assert (await stream.get_final_completion()).choices[0].message.parsed == parsed.choices[
            0
        ].message.parsed


SCHEMAS: dict[str, Any] = {
    "a bare enum": {"enum": ["a", 1, None, {"x": [True]}]},
    "a bare array": {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 2},
    "null": {"type": "null"},
    "a type list": {"type": ["boolean", "null"]},
    "definitions of old drafts": {
        "definitions": {"A": {"enum": ["x"]}},
        "type": "object",
        "properties": {"a": {"$ref": "#/definitions/A"}},
        "required": ["a"],
        "additionalProperties": False,
    },
    "all of": {
        "allOf": [
            {"type": "object", "properties": {"a": {"enum": [1]}}, "required": ["a"]},
            {"properties": {"b": {"enum": [2]}}, "required": ["b"], "maxProperties": 2},
        ],
    },
    "annotations": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "http://example.com/x",
        "title": "T",
        "description": "D",
        "default": 1,
        "examples": [2],
        "enum": [1, 2],
    },
}


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
async def test_answers_follow_a_schema(client: AsyncOpenAI, schema: Any) -> None:
    value = json.loads(text_of(await ask(client, response_format=format_of(schema), max_tokens=100, seed=1)))
    match schema:
        case {"enum": values}:
            assert value in values
        case {"type": "array"}:
            assert [type(item) for item in value] == [bool, bool]
        case {"type": "null"}:
            assert value is None
        case {"type": ["boolean", "null"]}:
            assert value in (True, False, None)
        case {"definitions": _}:
            assert value == {"a": "x"}
        case {"allOf": _}:
            assert value == {"a": 1, "b": 2}
        case _:
            raise AssertionError(schema)


async def test_a_schema_that_refers_to_itself(client: AsyncOpenAI) -> None:
    for seed in range(4):
        answer = await ask(
            client, response_format=format_of(Tree.model_json_schema()), max_tokens=300, seed=seed
        )
        Tree.model_validate_json(text_of(answer))


@pytest.mark.parametrize("stream", [False, True])
async def test_a_cut_answer_is_too_long_not_complete(client: AsyncOpenAI, stream: bool) -> None:
    options: Any = {"response_format": format_of(Hero.model_json_schema()), "max_tokens": 6}
    if stream:
        reasons = [c.choices[0].finish_reason async for c in await ask(client, stream=True, **options)]
        assert reasons[-1] == "length"
    else:
        answer = await ask(client, **options)
        assert (answer.choices[0].finish_reason, answer.usage.completion_tokens) == ("length", 6)


async def test_a_stream_equals_the_complete_answer(client: AsyncOpenAI) -> None:
    options: Any = {"response_format": format_of(Hero.model_json_schema()), "seed": 4, "max_tokens": 400}
    text = ""
    async for chunk in await ask(client, stream=True, **options):
        text += chunk.choices[0].delta.content or ""
    assert text == text_of(await ask(client, **options))


@pytest.mark.parametrize(
    "response_format", [{"type": "json_object"}, {"type": "json_schema", "json_schema": {}}]
)
async def test_any_json_object(client: AsyncOpenAI, response_format: Any) -> None:
    """Random weights seldom end an object, so it is known by its beginning, or by its end."""
    answer = await ask(client, response_format=response_format, max_tokens=200, seed=1)
    content = answer.choices[0].message.content
    assert content.startswith("{")
    if answer.choices[0].finish_reason == "stop":
        TypeAdapter(dict[str, Any]).validate_json(content)


class Open(BaseModel):
    """Pydantic says nothing of further properties by default, which JSON schema takes as allowed."""

    kind: Literal["a", "b"]
    inner: "Inner"


class Inner(BaseModel):
    properties: bool


@pytest.mark.parametrize("strict", [False, True])
async def test_properties_that_are_not_named_are_not_written(client: AsyncOpenAI, strict: bool) -> None:
    response_format = format_of(Open.model_json_schema(), strict=strict)
    value = json.loads(text_of(await ask(client, response_format=response_format, max_tokens=60, seed=1)))
    assert (list(value), list(value["inner"])) == (["kind", "inner"], ["properties"])


INVALID: dict[str, tuple[Any, str]] = {
    "an unknown type": ({"type": "nonsense"}, "Invalid type: nonsense"),
    "a missing definition": ({"$ref": "#/$defs/Nobody"}, "does not exist"),
    "another document": ({"$ref": "http://example.com/schema"}, "not present"),
    "a reference to itself": ({"$ref": "#"}, "no finite text"),
    "definitions that only refer": (
        {"$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}, "$ref": "#/$defs/A"},
        "no finite text",
    ),
    "an object that contains itself": (
        {
            "$defs": {"A": {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "required": ["a"]}},
            "$ref": "#/$defs/A",
        },
        "no finite text",
    ),
    "nothing to choose": ({"enum": []}, "nsatisfiable"),
    "a contradiction": ({"type": "integer", "minimum": 5, "maximum": 3}, "greater than maximum"),
    "required as objects": ({"properties": {"a": {}}, "required": [{}]}, "required"),
    "alternatives as a number": ({"properties": {"a": {"allOf": 5}}}, "allOf"),
    "required as text": ({"type": "object", "required": "a"}, "required"),
    "a regular expression with look-ahead": ({"type": "string", "pattern": "(?=x)a"}, "look-around"),
    "an invalid regular expression": ({"type": "string", "pattern": "["}, "pattern"),
    "a keyword that strict cannot follow": ({"not": {"type": "string"}}, "strict mode does not support"),
    "unique items": (
        {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True},
        "strict mode does not support",
    ),
    "an unknown format": ({"type": "string", "format": "shoe size"}, "Unknown format"),
    "a chain of references": (
        {
            "$defs": {f"a{i}": {"type": "array", "items": {"$ref": f"#/$defs/a{i + 1}"}} for i in range(400)}
            | {"a400": {"type": "string"}},
            "$ref": "#/$defs/a0",
        },
        "nested too deeply",
    ),
    "a chain of properties": (
        {"properties": {f"p{i}": {"$ref": f"#/properties/p{i + 1}"} for i in range(900)} | {"p900": {}}},
        "nested too deeply",
    ),
    "too many alternatives": (
        {"allOf": [{"anyOf": [{"required": [f"x{i}"]}, {"required": [f"y{i}"]}]} for i in range(30)]},
        "too large|too many|strict mode",
    ),
    "a huge multiple": ({"type": "integer", "multipleOf": 1_000_003}, "at most 10000"),
    "a huge multiple as a float": ({"type": "integer", "multipleOf": 999983.0}, "at most 10000"),
    "a huge negative multiple": ({"type": "integer", "multipleOf": -1_000_003}, "at most 10000"),
    "a multiple with many decimals": ({"type": "number", "multipleOf": 0.999983}, "at most 10000"),
    "a multiple of two large primes": (
        {"type": "number", "allOf": [{"multipleOf": 9973}, {"multipleOf": 9967}]},
        "least common multiple",
    ),
    "multiples in properties that are merged": (
        {"allOf": [{"properties": {"a": {"type": "number", "multipleOf": size}}} for size in (997, 991)]},
        "least common multiple",
    ),
    "a list without end": ({"type": "array", "items": {}, "maxItems": 10**18}, "maxItems.* at most 4096"),
    "a long list": ({"type": "array", "items": {"type": "null"}, "minItems": 5000}, "at most 4096"),
    "an object without end": ({"type": "object", "minProperties": 10**12}, "at most 4096"),
    "many lists": (
        {"properties": {f"p{i}": {"type": "array", "items": {}, "maxItems": 1000} for i in range(100)}},
        "over all arrays",
    ),
    "a megabyte": ({"enum": [f"value {i}" for i in range(65_000)]}, "more than"),
}


@pytest.mark.parametrize(("schema", "reason"), INVALID.values(), ids=INVALID)
async def test_an_invalid_schema_gives_the_reason(client: AsyncOpenAI, schema: Any, reason: str) -> None:
    for stream in (False, True):
        with pytest.raises(
            openai.BadRequestError, match=f"Invalid schema for 'response_format': .*({reason})"
        ) as caught:
            await ask(client, response_format=format_of(schema), stream=stream)
        assert (caught.value.code, caught.value.param) == ("invalid_json_schema", "response_format")
        assert "\n" not in caught.value.message


@pytest.mark.parametrize("schema", [[], "x", 1, True])
async def test_a_schema_is_an_object(client: AsyncOpenAI, schema: Any) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await ask(client, response_format=format_of(schema))
    assert caught.value.param == "response_format.json_schema.schema"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "maxItems": 2},
        {"enum": ["a"], "not": {"const": "b"}},
        {"type": "string", "format": "shoe size", "maxLength": 3},
        {
            "type": "object",
            "properties": {"a": {"enum": [1]}},
            "required": ["a"],
            "propertyNames": {"enum": ["a"]},
            "additionalProperties": False,
        },
    ],
)
@pytest.mark.parametrize("strict", [False, None])
async def test_without_strict_what_cannot_be_followed_is_left_to_the_model(
    client: AsyncOpenAI, schema: Any, strict: bool | None
) -> None:
    answer = await ask(client, response_format=format_of(schema, strict=strict), max_tokens=60, seed=1)
    assert answer.choices[0].finish_reason == "length" or json.loads(text_of(answer)) is not None


async def test_a_large_schema_does_not_block_other_requests(engine: EngineProcess) -> None:
    """A megabyte is refused, and 120 kB are compiled, while /healthz keeps answering."""
    large: Any = {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(25_000)}}
    compiled: Any = {"enum": [f"value {i}" for i in range(8_000)]}
    client = engine.client()
    with pytest.raises(openai.BadRequestError, match="more than"):
        await ask(client, response_format=format_of(large))
    answer = asyncio.create_task(ask(client, response_format=format_of(compiled), max_tokens=30))
    async with aiohttp.ClientSession() as http:
        seconds = [await health(http, engine) for _ in range(40)]
    assert json.loads(text_of(await answer)) in compiled["enum"]
    assert max(seconds) < 1


async def health(http: aiohttp.ClientSession, engine: EngineProcess) -> float:
    """Return the seconds that /healthz takes."""
    started = asyncio.get_running_loop().time()
    async with http.get(engine.url.removesuffix("/v1") + "/healthz") as answer:
        assert answer.status == 200
    return asyncio.get_running_loop().time() - started


@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [{"properties": {f"p{i}": {"type": "string"}}, "required": [f"p{i}"]} for i in range(300)]},
        {"properties": {f"p{i}": {"type": "string"} for i in range(400)}},
        {"type": "string", "pattern": "(a{1,1000}){1,1000}"},
        {"type": "array", "items": {"type": "string", "minLength": 3}, "maxItems": 4096},
        {"type": "number", "multipleOf": 9973},
        {"type": "number", "allOf": [{"multipleOf": size} for size in (0.25, 4, 7, 11, 13)]},
    ],
    ids=["alternatives", "properties", "pattern", "items", "multiple", "multiples"],
)
def test_the_largest_schemas_are_checked_in_bounded_time(schema: Any) -> None:
    definition = JsonSchema.model_validate({"schema": schema})
    started = time.process_time()
    Grammar.of_format(ResponseFormat(type="json_schema", json_schema=definition)).check()
    assert time.process_time() - started < 2  # 0.2 s on an idle machine


@pytest.mark.parametrize(
    ("schema", "fits"),
    [
        ({"type": "integer", "multipleOf": 100_000}, lambda number: number % 100_000 == 0),
        (
            {"type": "number", "multipleOf": 0.25, "minimum": 0, "maximum": 9},
            lambda number: number * 4 % 1 == 0,
        ),
        (
            {
                "type": "integer",
                "minimum": 1,
                "maximum": 999,
                "allOf": [{"multipleOf": 6}, {"multipleOf": 15}],
            },
            lambda number: number % 30 == 0,
        ),
    ],
    ids=["a power of ten", "a fraction", "two"],
)
async def test_multiples_that_can_be_followed(client: AsyncOpenAI, schema: Any, fits: Any) -> None:
    answer = await ask(client, response_format=format_of(schema), max_tokens=40, seed=1)
    if answer.choices[0].finish_reason == "stop":
        assert fits(json.loads(text_of(answer)))


@pytest.mark.parametrize("name", ["default", "const", "enum", "examples", "properties", "required"])
async def test_properties_may_be_called_as_keywords_are(client: AsyncOpenAI, name: str) -> None:
    inner = {"type": "object", "properties": {"a": {"enum": [1, 2]}}, "required": ["a"]}
    schema = {"type": "object", "properties": {name: inner}, "required": [name]}
    answer = await ask(client, response_format=format_of(schema), max_tokens=60, seed=1)
    assert json.loads(text_of(answer)) in [{name: {"a": value}} for value in (1, 2)]
