"""What every runtime does alike: llama.cpp, OpenVINO and torch answer the same requests."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import openai
import psutil
import pytest
from openai import AsyncOpenAI

from tests.support.engine_process import EngineProcess
from tests.support.eventually import eventually
from tests.support.tiny_engine import TINY

MESSAGES: Any = [{"role": "user", "content": "Tell me about 🎉 and Zoë."}]


@pytest.fixture(scope="module", params=["llama.cpp", "openvino", "torch"])
def runtime(
    request: pytest.FixtureRequest, tiny_base: Path, folders: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EngineProcess]:
    """Run an engine whose answers come from one runtime."""
    data = tmp_path_factory.mktemp("runtime")
    is_torch = request.param == "torch"
    base = folders / "llama" if is_torch else tiny_base
    with EngineProcess(data, base, runtime="llama.cpp" if is_torch else request.param) as engine:
        engine.blocking_client().chat.completions.create(
            model=name_of(engine), messages=MESSAGES, max_tokens=1
        )
        yield engine


def name_of(engine: EngineProcess) -> str:
    return "llama" if Path(str(engine.base)).is_dir() else TINY


@pytest.fixture
async def any_client(runtime: EngineProcess) -> AsyncOpenAI:
    """Return a client, once OpenVINO answers if it is to."""

    async def answers() -> bool:
        return runtime.runtime != "openvino" or (await runtime.metrics())["engine_openvino_models"] > 0

    await eventually(answers, what="OpenVINO has loaded the base")
    return runtime.client()


@pytest.fixture
async def client(any_client: AsyncOpenAI, runtime: EngineProcess) -> AsyncIterator[AsyncOpenAI]:
    """The same; fail unless the runtime itself has answered the test, and not llama.cpp in its place."""
    before = await answers_of(runtime)
    yield any_client
    assert name_of(runtime) != TINY or await answers_of(runtime) > before


async def answers_of(runtime: EngineProcess) -> float:
    return (await runtime.metrics()).get(f"engine_runtime_answers_total{{name={runtime.runtime}}}", 0)


async def ask(client: AsyncOpenAI, runtime: EngineProcess, messages: Any = MESSAGES, **options: Any) -> Any:
    settings: Any = {"model": name_of(runtime), "max_tokens": 24, "temperature": 2}
    return await client.chat.completions.create(messages=messages, **(settings | options))


def text_of(answer: Any) -> str:
    text = answer.choices[0].message.content
    assert isinstance(text, str)
    return text


async def test_a_seed_decides_whatever_else_is_generated(client: AsyncOpenAI, runtime: EngineProcess) -> None:
    """With OpenVINO only if nothing else is: it rounds otherwise for other numbers of texts at once."""
    alone, other = [text_of(await ask(client, runtime, seed=seed)) for seed in (1, 2)]
    if runtime.runtime == "openvino":
        assert alone == text_of(await ask(client, runtime, seed=1)) != other
        return
    seeds = (1, 5, 1, 6, 1)
    together = await asyncio.gather(*[ask(client, runtime, seed=seed) for seed in seeds])
    assert {text_of(answer) for seed, answer in zip(seeds, together, strict=True) if seed == 1} == {alone}
    assert other != alone


async def test_temperature_0_always_gives_the_likeliest_text(
    client: AsyncOpenAI, runtime: EngineProcess
) -> None:
    texts = {text_of(await ask(client, runtime, temperature=0, seed=seed)) for seed in (1, 2)}
    assert len(texts) == 1
    assert texts != {text_of(await ask(client, runtime, seed=1))}


async def test_a_stream_equals_the_complete_answer(client: AsyncOpenAI, runtime: EngineProcess) -> None:
    complete = await ask(client, runtime, seed=3, max_tokens=60)
    pieces, finish, usage = [], [], None
    async for chunk in await ask(
        client, runtime, seed=3, max_tokens=60, stream=True, stream_options={"include_usage": True}
    ):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            pieces.append(choice.delta.content or "")
            finish.append(choice.finish_reason)
    assert "".join(pieces) == text_of(complete)
    assert len(pieces) > 10
    assert [reason for reason in finish if reason] == [complete.choices[0].finish_reason] == finish[-1:]
    assert usage == complete.usage


async def test_tokens_are_counted(client: AsyncOpenAI, runtime: EngineProcess) -> None:
    """The tiny models share their tokenizer and their chat template."""
    one, several = [await ask(client, runtime, temperature=0, max_tokens=number) for number in (1, 7)]
    assert one.usage.prompt_tokens == several.usage.prompt_tokens == 61
    assert [answer.usage.completion_tokens for answer in (one, several)] == [1, 7]
    assert several.usage.total_tokens == 68
    assert text_of(several).startswith(text_of(one))


async def test_the_answer_ends_before_a_stop_string(client: AsyncOpenAI, runtime: EngineProcess) -> None:
    text = text_of(await ask(client, runtime, temperature=0, max_tokens=60))
    for stop in (text[len(text) // 2 :][:4], text[-1]):
        stopped = await ask(client, runtime, temperature=0, max_tokens=60, stop=["not there", stop])
        assert stopped.choices[0].finish_reason == "stop"
        assert text_of(stopped) == text[: text.index(stop)]


async def test_each_choice_has_a_seed_of_its_own(client: AsyncOpenAI, runtime: EngineProcess) -> None:
    both = [choice.message.content for choice in (await ask(client, runtime, seed=11, n=2)).choices]
    alone = [text_of(await ask(client, runtime, seed=seed)) for seed in (11, 12)]
    if runtime.runtime == "openvino":  # as above
        assert both[0] != both[1]
        return
    assert both == alone


async def test_a_trailing_assistant_message_is_continued(client: AsyncOpenAI, runtime: EngineProcess) -> None:
    continued = await ask(
        client, runtime, [*MESSAGES, {"role": "assistant", "content": "She is"}], temperature=0
    )
    anew = await ask(client, runtime, temperature=0)
    assert anew.usage.prompt_tokens < continued.usage.prompt_tokens < anew.usage.prompt_tokens + 5
    assert text_of(continued) != text_of(anew)


@pytest.mark.parametrize(
    "penalties",
    [
        [{"presence_penalty": value} for value in (0.5, 2)],
        [{"frequency_penalty": value} for value in (0.5, 2)],
        [{"extra_body": {"repeat_penalty": value}} for value in (1.2, 2)],
    ],
)
async def test_a_higher_penalty_lowers_the_number_of_repetitions(
    client: AsyncOpenAI, runtime: EngineProcess, penalties: list[dict[str, Any]]
) -> None:
    counts = [await repetitions(client, runtime, **options) for options in ({}, *penalties)]
    assert counts[0] > counts[-1], counts
    assert counts == sorted(counts, reverse=True)


async def repetitions(client: AsyncOpenAI, runtime: EngineProcess, **options: Any) -> int:
    """Return how many pieces of the likeliest text of two hundred tokens it has had before."""
    stream = await ask(client, runtime, temperature=0, max_tokens=200, stream=True, **options)
    pieces = [
        choice.delta.content async for chunk in stream for choice in chunk.choices if choice.delta.content
    ]
    return len(pieces) - len(set(pieces))


async def test_the_highest_min_p_leaves_the_likeliest_tokens_only(
    client: AsyncOpenAI, runtime: EngineProcess
) -> None:
    likeliest = text_of(await ask(client, runtime, temperature=0, max_tokens=4))
    hot = {"temperature": 2, "top_p": 1, "max_tokens": 4}
    alone = [await ask(client, runtime, seed=seed, **hot, extra_body={"min_p": 1}) for seed in range(3)]
    free = [await ask(client, runtime, seed=seed, **hot, extra_body={"min_p": 0}) for seed in range(3)]
    assert {text_of(answer) for answer in alone} == {likeliest}
    assert len({text_of(answer) for answer in free}) == 3


async def test_structured_output_is_followed(any_client: AsyncOpenAI, runtime: EngineProcess) -> None:
    answer = await ask(
        any_client,
        runtime,
        max_tokens=200,
        seed=1,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "hero", "strict": True, "schema": {"type": "boolean"}},
        },
    )
    assert text_of(answer) in {"true", "false"}
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("messages", "code", "message"),
    [
        ([{"role": "user", "content": "word " * 2000}], "context_length_exceeded", "have 1024"),
        (
            [*MESSAGES, *[{"role": "assistant", "content": "She"}] * 2],
            "invalid_value",
            "2 or more assistant",
        ),
    ],
)
async def test_invalid_messages_are_rejected(
    any_client: AsyncOpenAI, runtime: EngineProcess, messages: Any, code: str, message: str
) -> None:
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError, match=message) as caught:
            await ask(any_client, runtime, messages, stream=stream)
        assert caught.value.code == code


async def test_the_context_ends_an_answer(client: AsyncOpenAI, runtime: EngineProcess) -> None:
    answer = await ask(client, runtime, temperature=0, max_tokens=5000)
    assert answer.choices[0].finish_reason in {"length", "stop"}
    assert answer.usage.total_tokens <= 1024


async def test_who_disconnects_ends_the_generation(client: AsyncOpenAI, runtime: EngineProcess) -> None:
    """Compared in processor time, which other programs hardly change."""

    async def spent(*, disconnects: bool) -> float:
        """Return what answers of up to 3600 tokens take after their first one."""
        stream = await ask(client, runtime, temperature=0, n=4, max_tokens=900, stream=True)
        chunks = aiter(stream)
        await anext(chunks)
        before = processor_seconds(runtime)
        if disconnects:
            await stream.close()
        else:
            async for _ in chunks:
                pass
        await until_it_rests(runtime)
        return processor_seconds(runtime) - before

    assert await spent(disconnects=True) < await spent(disconnects=False) / 4
    assert (await runtime.metrics())["engine_chat_answers_running"] == 0


def processor_seconds(engine: EngineProcess) -> float:
    """Return the processor time of the engine and its processes."""
    process = psutil.Process(engine.process.pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)


async def until_it_rests(engine: EngineProcess) -> None:
    """Wait until the engine takes no processor time for most of half a second."""
    last = -1.0

    def rests() -> bool:
        nonlocal last
        before, last = last, processor_seconds(engine)
        return before >= 0 and last - before < 0.05

    await eventually(rests, what="the engine rests", timeout=100, interval=0.5)
