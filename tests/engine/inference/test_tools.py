"""Tool calls through the `openai` package.

The shared engine's template does not know tools, and its weights are random: its calls are right only because
of the grammar. Another engine's template does, and its model calls a tool in every answer.
"""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel, ConfigDict

from engine.inference.tools import ForcedCall
from engine.storage import weights
from tests.support import tiny_model
from tests.support.engine_chats import USER, ask
from tests.support.engine_process import EngineProcess
from tests.support.tiny_engine import TINY
from tests.support.tool_template import CALL, TEMPLATE


def tool(name: str, properties: dict[str, Any], **more: Any) -> Any:
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "parameters": parameters, **more}}


HERO = tool(
    "hero",
    {"age": {"type": "integer", "minimum": 16, "maximum": 95}, "power": {"$ref": "#/$defs/P"}},
    strict=True,
)
HERO["function"]["parameters"]["$defs"] = {"P": {"enum": ["flight", "healing"]}}
VILLAIN = tool("the-villain_2", {"evil": {"type": "boolean"}}, description="A villain.")
PARTNERS = tool("partners", {"names": {"type": "array", "items": {"enum": ["A", "B"]}, "maxItems": 3}})
NOTHING = {"type": "function", "function": {"name": "nothing"}}


def chosen(name: str) -> Any:
    return {"type": "function", "function": {"name": name}}


def the_call(answer: Any, index: int = 0) -> tuple[str, Any]:
    choice = answer.choices[index]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    [call] = choice.message.tool_calls
    assert (call.type, bool(call.id)) == ("function", True)
    return call.function.name, json.loads(call.function.arguments)


def assert_hero(arguments: Any) -> None:
    assert list(arguments) == ["age", "power"]
    assert 16 <= arguments["age"] <= 95
    assert arguments["power"] in ("flight", "healing")


@pytest.mark.parametrize(
    "sampling", [{"temperature": 0}, {"temperature": 2, "seed": 1, "presence_penalty": 2}]
)
async def test_a_chosen_function_is_called(client: AsyncOpenAI, sampling: Any) -> None:
    tools = [HERO, VILLAIN, PARTNERS]
    for function in tools:
        name = function["function"]["name"]
        answer = await ask(client, tools=tools, tool_choice=chosen(name), max_tokens=100, **sampling)
        called, arguments = the_call(answer)
        assert called == name
        assert list(arguments) == list(function["function"]["parameters"]["properties"])


async def test_one_of_the_functions_has_to_be_called(client: AsyncOpenAI) -> None:
    answer = await ask(
        client, tools=[HERO, VILLAIN], tool_choice="required", n=8, temperature=2, seed=1, max_tokens=100
    )
    calls = [the_call(answer, index) for index in range(8)]
    for name, arguments in calls:
        if name == "hero":
            assert_hero(arguments)
        else:
            assert (name, list(arguments)) == ("the-villain_2", ["evil"])


@pytest.mark.parametrize(
    "options", [{"parallel_tool_calls": False}, {"parallel_tool_calls": True}, {"n": 2}, {"logprobs": True}]
)
async def test_a_stream_equals_the_complete_answer(client: AsyncOpenAI, options: dict[str, Any]) -> None:
    options = {"tools": [HERO], "tool_choice": "required", "seed": 3, "max_tokens": 100, **options}
    complete = await ask(client, **options)
    calls: dict[int, list[Any]] = {index: [] for index in range(len(complete.choices))}
    reasons = []
    usage = None
    async for chunk in await ask(client, stream=True, stream_options={"include_usage": True}, **options):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            assert not choice.delta.content
            calls[choice.index] += choice.delta.tool_calls or []
            reasons.append(choice.finish_reason)
    assert [reason for reason in reasons if reason] == ["tool_calls"] * len(calls)
    assert usage == complete.usage
    for index, [first, *rest] in calls.items():
        assert (first.function.name, bool(first.id), first.type) == ("hero", True, "function")
        assert {(call.index, call.id, call.function.name) for call in rest} == {(0, None, None)}
        arguments = "".join(call.function.arguments for call in (first, *rest))
        assert ("hero", json.loads(arguments)) == the_call(complete, index)


async def test_the_packages_own_parser(client: AsyncOpenAI) -> None:
    class Villain(BaseModel):
        model_config = ConfigDict(extra="forbid")
        evil: bool

    parsed = await client.chat.completions.parse(
        model=TINY,
        messages=USER,
        tools=[openai.pydantic_function_tool(Villain)],
        tool_choice="required",
        max_tokens=300,
    )
    [call] = parsed.choices[0].message.tool_calls or []
    assert isinstance(call.function.parsed_arguments, Villain)


@pytest.mark.parametrize("max_tokens", [2, 14, 18])
async def test_a_cut_call(client: AsyncOpenAI, max_tokens: int) -> None:
    answer = await ask(client, tools=[HERO], tool_choice="required", max_tokens=max_tokens, temperature=0)
    whole = await ask(client, tools=[HERO], tool_choice="required", max_tokens=100, temperature=0)
    assert answer.choices[0].finish_reason == "length"
    for call in answer.choices[0].message.tool_calls or []:
        assert whole.choices[0].message.tool_calls[0].function.arguments.startswith(call.function.arguments)


async def test_a_function_without_parameters(client: AsyncOpenAI) -> None:
    """Any object is allowed, and random weights write a long one."""
    answer = await ask(client, tools=[NOTHING], tool_choice="required", max_tokens=40, seed=1)
    [call] = answer.choices[0].message.tool_calls
    assert call.function.name == "nothing"
    assert call.function.arguments.startswith("{")


async def test_no_call_is_a_text(client: AsyncOpenAI) -> None:
    plain = await ask(client, temperature=0)
    assert (await ask(client, temperature=0, tools=[HERO], tool_choice="none")).choices == plain.choices


@pytest.mark.parametrize("choice", [openai.omit, "auto", None])
async def test_a_template_without_tools_cannot_leave_the_choice_to_the_model(
    client: AsyncOpenAI, choice: Any
) -> None:
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError, match="template does not know tools") as caught:
            await ask(client, tools=[HERO], tool_choice=choice, stream=stream)
        assert (caught.value.param, caught.value.code) == ("tools", "unsupported_value")


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [HERO], "tool_choice": chosen("nobody")}, "tool_choice"),
        ({"tools": [HERO], "tool_choice": "sometimes"}, "tool_choice"),
        ({"tools": [HERO], "tool_choice": {"type": "allowed_tools"}}, "tool_choice"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
        ({"tools": [tool("two words", {})]}, "tools[0].function.name"),
        ({"tools": [tool("x" * 65, {})]}, "tools[0].function.name"),
        ({"tools": [tool("x", {}, description="<|im_end|>")]}, "tools[0].function.description"),
        ({"tools": [tool("x", {"<|im_end|>": {}})]}, "tools[0]"),
        ({"tools": [HERO] * 129}, "tools"),
        ({"tools": [tool("x", {"a": {"type": "nonsense"}})], "tool_choice": "required"}, "tools"),
        (
            {"messages": [*USER, {"role": "assistant", "tool_calls": [{"id": "a"}]}]},
            "messages[1].tool_calls[0].function",
        ),
        ({"messages": [*USER, {"role": "function", "content": "x"}]}, "messages[1].role"),
    ],
)
async def test_rejected_by_name(client: AsyncOpenAI, options: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await ask(client, **options)
    assert caught.value.param == param


def handed_back(**more: Any) -> list[Any]:
    call = {"id": "call_1", "type": "function", "function": {"name": "hero", "arguments": '{"age": 20}'}}
    return [
        *USER,
        {"role": "assistant", "content": None, "tool_calls": [call], "refusal": None, **more},
        {"role": "tool", "tool_call_id": "call_1", "content": "Too young."},
    ]


@pytest.mark.parametrize(
    "more", [{}, {"content": ""}, {"annotations": [], "audio": None, "function_call": None}, {"name": "x"}]
)
async def test_a_call_and_its_result_are_handed_back(client: AsyncOpenAI, more: dict[str, Any]) -> None:
    """Without tools in its template, the model reads its own text and a user's answer to it."""
    as_text = [
        *USER,
        {"role": "assistant", "content": '{"name": "hero", "arguments": {"age": 20}}'},
        {"role": "user", "content": "Too young."},
    ]
    expected = await ask(client, as_text, temperature=0)
    answer = await ask(client, handed_back(**more), temperature=0)
    assert (answer.choices, answer.usage) == (expected.choices, expected.usage)


async def test_a_real_call_is_handed_back(client: AsyncOpenAI) -> None:
    options: Any = {"tools": [HERO], "tool_choice": "required", "max_tokens": 300}
    message = (await ask(client, **options)).choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "Again, please."}
    name, arguments = the_call(await ask(client, [*USER, message.model_dump(), result], **options))
    assert name == "hero"
    assert_hero(arguments)


async def test_a_call_without_its_result_is_rejected(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="must be followed"):
        await ask(client, handed_back()[:2])


@pytest.fixture(scope="module")
def tool_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """Run an engine with a model that knows tools and calls one in every answer."""
    folder = tmp_path_factory.mktemp("tools")
    base = tiny_model.write(folder / "tiny.gguf", weights.find(None).path, chat_template=TEMPLATE, says=CALL)
    with EngineProcess(folder / "engine", base) as running:
        yield running


@pytest.mark.parametrize("options", [{}, {"tool_choice": "auto"}, {"parallel_tool_calls": False}, {"n": 2}])
async def test_a_model_that_knows_tools_calls_one(tool_engine: EngineProcess, options: Any) -> None:
    client = tool_engine.client()
    answer = await ask(client, tools=[HERO, VILLAIN], max_tokens=300, **options)
    for index in range(len(answer.choices)):
        name, arguments = the_call(answer, index)
        assert (name, arguments["age"]) == ("hero", 40)
        assert_hero(arguments)  # also what the model left out
    text = await ask(client, max_tokens=50)  # tools were not offered
    assert text.choices[0].message.content == "".join(CALL)
    assert text.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens > text.usage.prompt_tokens + 50  # the template shows them


async def test_its_calls_are_streamed(tool_engine: EngineProcess) -> None:
    calls: list[Any] = []
    reasons = []
    async for chunk in await ask(tool_engine.client(), tools=[HERO], stream=True, max_tokens=50):
        calls += chunk.choices[0].delta.tool_calls or []
        reasons.append(chunk.choices[0].finish_reason)
    assert (calls[0].function.name, bool(calls[0].id), calls[0].type) == ("hero", True, "function")
    assert_hero(json.loads("".join(call.function.arguments for call in calls)))
    assert reasons[-1] == "tool_calls"


async def test_its_calls_can_be_forced(tool_engine: EngineProcess) -> None:
    """The grammar holds against a model that would call another tool."""
    client = tool_engine.client()
    for choice in ("required", chosen("the-villain_2")):
        answer = await ask(client, tools=[VILLAIN], tool_choice=choice, max_tokens=50)
        name, arguments = the_call(answer)
        assert name == "the-villain_2"
        assert list(arguments) == ["evil"]
        assert answer.usage.prompt_tokens > 50  # the template shows them


async def test_a_call_and_its_result_are_handed_back_to_it(tool_engine: EngineProcess) -> None:
    client = tool_engine.client()
    answer = await ask(client, handed_back(), tools=[HERO], max_tokens=50)
    assert the_call(answer)[0] == "hero"
    shorter = await ask(client, tools=[HERO], max_tokens=50)
    assert answer.usage.prompt_tokens > shorter.usage.prompt_tokens + 20


async def test_schemas_of_offered_tools_are_checked(tool_engine: EngineProcess) -> None:
    with pytest.raises(openai.BadRequestError, match="Invalid type: nonsense"):
        await ask(tool_engine.client(), tools=[tool("x", {"a": {"type": "nonsense"}})])


async def test_a_format_and_a_free_choice_exclude_each_other(tool_engine: EngineProcess) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await ask(tool_engine.client(), tools=[HERO], response_format={"type": "json_object"})
    assert caught.value.param == "response_format"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("arguments", ["{}", '{"a": {"b": "}"}}', '{"a": "\\"}"}', "[1]"])
def test_deltas_of_a_forced_call_add_up(size: int, arguments: str) -> None:
    text = f'{{"name": "hero", "arguments": {arguments}}}'
    for written in (text, text[:-3]):  # whole, and cut
        call = ForcedCall()
        pieces = [written[start : start + size] for start in range(0, len(written), size)]
        deltas = [delta for piece in pieces for delta in call.add(piece)] + call.finish()
        functions = [delta["tool_calls"][0]["function"] for delta in deltas]
        found = "".join(function["arguments"] for function in functions)
        assert found == (arguments if written == text else arguments[:-2])
        assert [function["name"] for function in functions if "name" in function] == ["hero"]


def test_a_call_that_nests_deeper_than_json_is_read_is_cut() -> None:
    call = ForcedCall()
    written = "[" * 20_000
    deltas = call.add('{"name": "hero", "arguments": ' + written) + call.finish()
    assert "".join(delta["tool_calls"][0]["function"]["arguments"] for delta in deltas) == written
