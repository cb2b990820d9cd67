"""The untuned base at SERVING_URL: it continues the beginning it is given, as at the engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.app import App, open_app
from bot.errors import ServerError
from bot.llm.budget import Account
from bot.llm.stream import Stream
from bot.serving.generator import GeneratedText
from bot.settings import Settings
from bot.store.job_schema import BuildResult
from tests.support.lora_server import KEY, NAME, LoraServer, lora_server
from tests.support.scripted_server import Script
from tests.support.workflows import build

CONTINUING = {"continue_final_message": True, "add_generation_prompt": False}
SAMPLING = {"top_k": 40, "min_p": 0.05}


@pytest.fixture
async def server() -> AsyncIterator[LoraServer]:
    async with lora_server() as running:
        yield running


@pytest.fixture
async def app(settings: Settings, server: LoraServer, penalising: Path) -> AsyncIterator[App]:
    """Return an installation whose base is answered elsewhere."""
    chosen = Settings(
        **settings.model_dump(exclude_none=True, exclude={"author_model", "base_model", "heroes_file"}),
        heroes_file=penalising,
        author_model=NAME,
        base_model=NAME,
        serving_url=server.url,
        serving_api_key=KEY,
    )
    async with open_app(chosen) as opened:
        yield opened


def extras(body: dict[str, object]) -> dict[str, object]:
    """Return the parameters of a request that are not OpenAI's."""
    standard = {
        "model",
        "messages",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "seed",
        "reasoning_effort",
    }
    return {
        name: value for name, value in body.items() if name not in standard | {"stream", "stream_options"}
    }


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("index", [0, 7, 40])
async def test_the_base_continues_the_beginning_of_a_text(
    app: App, server: LoraServer, index: int, *, streamed: bool
) -> None:
    hero = list(app.heroes.vocabulary.grid.heroes())[index]
    stream = Stream() if streamed else None
    generated = await app.describer.generate(hero, stream) if stream else await _generate(app, index)
    (body,) = server.asked
    opening = body["messages"][-1]["content"]
    assert generated.text.startswith(f"{opening} bring the crew of ship x home. ")
    assert "Robin" not in generated.text
    assert extras(body) == CONTINUING | SAMPLING | {"repetition_penalty": 1.1}


async def _generate(app: App, index: int) -> GeneratedText:
    hero = list(app.heroes.vocabulary.grid.heroes())[index]
    return await app.describer._generator.generate(hero, NAME, Account("hero"))


async def test_a_dataset_is_built_of_whole_texts(app: App, server: LoraServer) -> None:
    job = await build(app)
    assert isinstance(job.result, BuildResult), job.error
    assert job.result.counts["example"] == 16
    assert all(extras(body) == CONTINUING | SAMPLING | {"repetition_penalty": 1.1} for body in server.asked)


@pytest.mark.parametrize(
    "strict", [{"top_k"}, {"min_p", "repetition_penalty"}, CONTINUING.keys(), {"add_generation_prompt"}]
)
async def test_a_server_that_refuses_a_parameter_is_asked_without_it(
    app: App, server: LoraServer, strict: set[str]
) -> None:
    """One refusal for each. The two that continue a message go together: one alone has another meaning."""
    server.strict = frozenset(strict)
    await _generate(app, 0)
    sent = extras(server.asked[-1]).keys()
    without = set(strict) | (CONTINUING.keys() if strict & CONTINUING.keys() else set())
    assert sent == (CONTINUING | SAMPLING | {"repetition_penalty": 1.1}).keys() - without
    asked = len(server.asked)
    await _generate(app, 1)
    assert len(server.asked) == asked + 1


async def test_a_template_that_cannot_continue_is_an_error_and_no_broken_text(
    app: App, server: LoraServer
) -> None:
    server.template_trims = True
    with pytest.raises(ServerError, match="chat template"):
        await _generate(app, 0)
    job = await build(app)
    assert job.state == "failed"


async def test_a_question_without_a_beginning_is_not_continued(app: App, server: LoraServer) -> None:
    """As tuned models are asked, which have a min_p of their own."""
    hero = next(app.heroes.vocabulary.grid.heroes())
    request = app.heroes.prompts.tuned_request(hero)
    assert (await app.client.complete(request, model=NAME, account=Account("hero"))).text == "the base"
    assert extras(server.asked[0]) == SAMPLING | {"min_p": request.sampling.min_p}


@pytest.mark.parametrize("hosted_elsewhere", [False, True])
async def test_the_engine_and_hosted_models_get_no_parameters_of_vllm(
    settings: Settings, hosted: Settings, script: Script, penalising: Path, *, hosted_elsewhere: bool
) -> None:
    chosen = hosted if hosted_elsewhere else settings
    async with open_app(chosen.model_copy(update={"heroes_file": penalising})) as app:
        await app.describer.generate(next(app.heroes.vocabulary.grid.heroes()), Stream())
    assert extras(script.asked[0]) == ({} if hosted_elsewhere else {"repeat_penalty": 1.1})


async def test_a_scene_continues_the_story(app: App, server: LoraServer) -> None:
    first = await app.describer.describe(next(app.heroes.vocabulary.grid.heroes()), requester=1)
    async with app.stories.going_on(first.id) as told:
        scene = await app.stories.tell(told, requester=1)
    body = server.asked[-1]
    begun = body["messages"][-1]
    assert begun["role"] == "assistant"
    assert begun["content"].startswith(f"{first.text} ")
    assert scene.text.startswith(begun["content"].removeprefix(f"{first.text} "))
    assert extras(body).items() >= CONTINUING.items()
