"""Several servers at SERVING_URL: kept in step, and passed over while they are away. Over real HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from openai import AsyncOpenAI

from bot.app import App, Timing, open_app
from bot.errors import OutOfReach, UserError
from bot.heroes.hero import Hero
from bot.llm.replicas import Replicas, ReplicaTiming
from bot.llm.stream import Stream
from bot.monitoring.health import readiness
from bot.registry.lora_deployment import LoraDeployment
from bot.settings import Settings
from bot.store.models import Model
from tests.support import adapters
from tests.support.adapters import gives
from tests.support.eventually import eventually
from tests.support.lora_server import KEY, LoraServer, lora_server, serving

pytestmark = pytest.mark.usefixtures("two_models")

HERO = Hero(40, "woman", "healing")
AWAY = 0.5  # seconds; a minute and more for tests of what happens meanwhile


@dataclass
class Stage:
    """A live model, whose adapter is in the folder, and two servers that have not loaded it."""

    app: App
    a: LoraServer
    b: LoraServer

    async def live(self) -> Model:
        found = await self.app.registry.live()
        assert found
        return found

    async def describe(self) -> None:
        """Have the live model describe a hero, as /hero does."""
        described = await self.app.describer.describe(HERO, requester=1, stream=Stream())
        assert (described.model, described.tuned) == ((await self.live()).name, True)

    async def load(self) -> str:
        """Let both servers load the live model; return its name there."""
        reloaded = await self.app.availability.reload(await self.live())
        assert reloaded
        assert reloaded.served_as
        assert [reloaded.served_as in server.loaded for server in (self.a, self.b)] == [True, True]
        for server in (self.a, self.b):
            server.asked.clear()
        return reloaded.served_as

    def asked(self) -> tuple[int, int]:
        return len(self.a.asked), len(self.b.asked)


@pytest.fixture
def away() -> float:
    return AWAY


@pytest.fixture
async def stage(settings: Settings, away: float) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        a, b = [await stack.enter_async_context(lora_server()) for _ in range(2)]
        adapters.write(settings.data_dir / "adapters" / "ft:tiny:1", value=0.5)
        chosen = Settings(
            **settings.model_dump(exclude_none=True), serving_url=f"{a.url}, {b.url}", serving_api_key=KEY
        )
        timing = Timing(replicas=ReplicaTiming(away=away, lacking=away, connect=2.0))
        yield Stage(await stack.enter_async_context(open_app(chosen, timing)), a, b)


async def test_both_servers_load_an_adapter_before_it_answers_and_then_take_turns(stage: Stage) -> None:
    """The model was served under its plain name before, by a version that knew no other."""
    assert (await stage.live()).served_as == "ft:tiny:1"
    await stage.describe()
    served_as = (await stage.live()).served_as
    assert served_as
    assert served_as.startswith("ft:tiny:1@")
    assert [list(server.loaded) for server in (stage.a, stage.b)] == [[served_as], [served_as]]

    for server in (stage.a, stage.b):
        server.asked.clear()
    for _ in range(6):
        await stage.describe()
    assert stage.asked() == (3, 3)


async def test_one_that_restarts_gets_its_adapters_anew_while_the_other_answers(stage: Stage) -> None:
    served_as = await stage.load()
    stage.a.restart()
    for _ in range(2):
        await stage.describe()
    assert [body["model"] for body in stage.b.asked] == [served_as] * 2
    await eventually(lambda: served_as in stage.a.loaded, what="the adapter is loaded again")
    stage.b.asked.clear()

    async def both_answer() -> bool:
        await stage.describe()
        return bool(stage.a.computed and stage.b.asked)

    await eventually(both_answer, what="both servers answer")


@pytest.mark.parametrize("away", [60.0])
async def test_one_that_is_away_is_asked_no_more_and_what_it_was_doing_is_done_by_the_other(
    stage: Stage,
) -> None:
    await stage.load()
    stage.a.cuts = stage.b.cuts = 1  # the answer breaks off, wherever it is asked first
    await stage.describe()
    assert stage.asked() in ((1, 2), (2, 1), (1, 1))

    await stage.a.stop()
    stage.b.asked.clear()
    await asyncio.gather(*(stage.describe() for _ in range(4)))
    assert len(stage.b.asked) == 4


async def test_one_that_comes_back_without_its_adapters_gets_them_and_answers(stage: Stage) -> None:
    served_as = await stage.load()
    await stage.a.stop()
    for _ in range(3):
        await stage.describe()
    assert stage.asked() == (0, 3)
    await stage.a.start()

    async def answers() -> bool:
        await stage.describe()
        return served_as in stage.a.computed

    await eventually(answers, what="the server that was away answers")


async def test_both_restart_and_the_next_hero_is_answered(stage: Stage) -> None:
    served_as = await stage.load()
    stage.a.restart()
    stage.b.restart()
    await stage.describe()
    assert [served_as in server.loaded for server in (stage.a, stage.b)] == [True, True]


async def test_one_away_does_not_hold_up_the_loading_at_the_other(stage: Stage) -> None:
    await stage.a.stop()
    await stage.describe()
    served_as = (await stage.live()).served_as
    assert list(stage.b.loaded) == [served_as]
    await stage.a.start()

    async def has_it() -> bool:
        await stage.describe()
        return served_as in stage.a.loaded

    await eventually(has_it, what="the server that was away has the adapter")


@pytest.mark.parametrize("away", [60.0])
async def test_one_that_refuses_the_key_is_passed_over(stage: Stage) -> None:
    await stage.load()
    stage.a.key = "another"
    for _ in range(3):
        await stage.describe()
    assert len(stage.b.asked) == 3


async def test_with_all_away_people_are_told_so(stage: Stage) -> None:
    await stage.load()
    await stage.a.stop()
    await stage.b.stop()
    assert not (await readiness(stage.app, None))["model_server"]
    with pytest.raises(OutOfReach, match="not answering right now"):
        await stage.describe()
    await stage.b.start()
    assert (await readiness(stage.app, None))["model_server"]


async def test_a_model_is_missing_only_if_every_server_says_so(stage: Stage) -> None:
    await stage.load()
    model = await stage.live()
    stage.a.restart()
    assert not await stage.app.availability.is_missing(model)
    stage.b.restart()
    assert await stage.app.availability.is_missing(model)
    await stage.a.stop()
    assert not await stage.app.availability.is_missing(model)


@pytest.mark.parametrize(
    ("fault", "told"),
    [("rank", "could not load"), ("key", "SERVING_API_KEY"), ("endpoint", "takes no adapters")],
)
async def test_a_fault_of_one_server_names_its_address(stage: Stage, fault: str, told: str) -> None:
    """An operator hears of it after a training; people are answered by the other server."""
    if fault == "rank":
        stage.b.greatest_rank = 2
    elif fault == "key":
        stage.b.key = "another"
    else:
        stage.b.updating = False
    address = stage.b.url.removeprefix("http://").removesuffix("/v1")
    await stage.describe()
    assert len(stage.a.loaded) == 1
    folder = stage.app.settings.adapters
    async with AsyncExitStack() as stack:
        training = await stack.enter_async_context(serving(gives(adapters.archive(folder / "ft:tiny:1"))))
        clients = [
            await stack.enter_async_context(AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0))
            for url in (training, stage.a.url, stage.b.url)
        ]
        deployment = LoraDeployment(
            clients[0], clients[1:], here=folder, there=str(folder), hint="Start it so."
        )
        with pytest.raises(UserError, match=f"`{address}`: .*{told}"):
            await deployment.deploy("ft:tiny:1")


def test_the_least_busy_server_comes_first() -> None:
    replicas = Replicas([AsyncOpenAI(base_url=f"http://{host}/v1", api_key="none") for host in "abc"])
    first, second, third = replicas.in_order("m")
    with first.use(), second.use(), second.use():
        for _ in range(3):
            assert replicas.in_order("m") == [third, first, second]
    assert {replicas.in_order("m")[0] for _ in range(3)} == {first, second, third}
