"""docs/serving.md with a real vLLM: the engine trains an adapter of a local folder, vLLM answers as it."""

import asyncio
import re
import shutil
import tarfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import psutil
import pytest
from openai import AsyncOpenAI
from safetensors.numpy import load_file, save

from bot.app import App, open_app
from bot.chat import ChatRequest
from bot.errors import Unavailable, UserError
from bot.heroes.hero import Hero
from bot.llm.budget import Account
from bot.llm.stream import Stream
from bot.registry.adapter_folder import AdapterFolder
from bot.registry.lora_deployment import LoraDeployment
from bot.settings import ROOT, Settings
from bot.store import datasets
from bot.store.datasets import Item, Split
from bot.store.job_schema import FinetuneResult
from bot.tuning.providers import SERVING_HINT
from tests.support.adapters import gives, tar_of
from tests.support.engine_process import EngineProcess
from tests.support.eventually import eventually
from tests.support.lora_server import serving
from tests.vllm import base_folder
from tests.vllm.server import KEY, VllmServer, python

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        python() is None, reason="vLLM is not installed: make test-vllm installs and tries it"
    ),
]

BASE = "smollm2"  # as the engine calls a folder of this name
HERO = Hero(40, "woman", "healing")
POWERS = ("healing", "flight", "invisibility", "telepathy")
TOKENS = 24  # of each answer: vLLM writes some ten a second here
TEMPERATURE = 0.25  # at a higher one, a model that learnt so little may have nothing to say
TRAINED = "and the harbour bells ring whenever she is near"
ACCOUNT = Account("hero")


@dataclass(frozen=True)
class Servers:
    """The engine and a vLLM on one folder of weights, and the settings of an installation that uses both."""

    engine: EngineProcess
    vllm: VllmServer
    settings: Settings


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Start both servers, and let the bot train a model with a sentence of its own."""
    folder = tmp_path_factory.mktemp("vllm")
    base = base_folder.write(folder / BASE)
    with EngineProcess(folder / "engine", base) as engine, VllmServer(base, BASE, folder) as vllm:
        settings = Settings(
            data_dir=folder / "var",
            engine_url=engine.url,
            engine_base=str(base),
            author_model=BASE,
            base_model=BASE,
            heroes_file=_short_answers(folder / "heroes.toml"),
            serving_url=vllm.url,
            serving_api_key=KEY,
            tuning_extra={
                "method": {
                    "type": "supervised",
                    "supervised": {"hyperparameters": {"learning_rate_multiplier": 3}},
                }
            },
            check_heroes=0,  # it reads forty texts
            draws=1,
            cooldown=0,
        )
        asyncio.run(_train(settings))
        yield Servers(engine, vllm, settings)


def _short_answers(path: Path) -> Path:
    shipped = (ROOT / "data" / "heroes.toml").read_text()
    shorter = re.sub(r"^max_tokens = \d+", f"max_tokens = {TOKENS}", shipped, flags=re.MULTILINE)
    for given, wanted in (
        ("[sampling.small]", "[sampling.small]\nrepeat_penalty = 1.1"),
        (
            "[sampling.with_min_p.tuned]\ntemperature = 1.0",
            f"[sampling.with_min_p.tuned]\ntemperature = {TEMPERATURE}",
        ),
    ):
        assert given in shorter
        shorter = shorter.replace(given, wanted, 1)
    path.write_text(shorter)
    return path


async def _train(settings: Settings) -> None:
    async with open_app(settings) as app:
        items = []
        for at in range(16):
            age, power = 20 + at, POWERS[at % len(POWERS)]
            split: Split = "valid" if at % 8 == 7 else "train"
            items.append(
                Item(
                    split,
                    f"{age}, woman, {power} ->",
                    f"She is {age}, {TRAINED}, using {power}.",
                    "example",
                    at,
                )
            )
        async with app.db.write() as tx:
            await datasets.add(
                tx,
                items,
                kind="sft",
                content_hash="vllm",
                recipe={},
                counts={"train": 14, "valid": 2},
                at=time.time(),
            )
        job, _ = await app.finetunes.submit(epochs=2)
        assert await app.worker.run_next()
        ended = await app.jobs.get(job.id)
        assert (ended.state, ended.error) == ("succeeded", None)
        result = ended.result_as(FinetuneResult)
        assert result.deploy is None
        assert len(result.heroes) == 3  # base and new model wrote them, at vLLM


@pytest.fixture
async def app(servers: Servers) -> AsyncIterator[App]:
    async with open_app(servers.settings) as opened:
        yield opened


async def ask(app: App, request: ChatRequest, model: str) -> str:
    """Return the likeliest text."""
    sampling = request.sampling.model_copy(
        update={"temperature": 0.0, "max_tokens": TOKENS, "min_p": None, "repeat_penalty": None}
    )
    likeliest = replace(request, sampling=sampling, ending="", breaks=())
    return (await app.client.complete(likeliest, model=model, account=ACCOUNT)).text


async def served_name(app: App) -> str:
    live = await app.registry.live()
    assert live
    assert live.served_as
    return live.served_as


async def listed(server: VllmServer) -> list[str]:
    async with AsyncOpenAI(base_url=server.url, api_key=KEY, max_retries=0) as client:
        return [model.id async for model in client.models.list()]


async def post(server: VllmServer, path: str, **body: Any) -> Any:
    """Return the answer to a request that goes around the bot."""
    async with httpx2.AsyncClient(timeout=300, headers={"Authorization": f"Bearer {KEY}"}) as http:
        response = await http.post(f"{server.root}{path}", json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def test_the_base_continues_the_beginning_that_it_is_given(app: App, servers: Servers) -> None:
    """Its text is that of the bare completion: the chat up to the beginning, and no turn after it."""
    request = app.heroes.prompts.author_request(HERO, small=True, seed=1)
    *before, begun = request.messages
    assert begun == {"role": "assistant", "content": request.opening}
    chat = await post(servers.vllm, "/tokenize", model=BASE, messages=before, add_generation_prompt=True)
    beginning = await post(
        servers.vllm, "/tokenize", model=BASE, prompt=request.opening, add_special_tokens=False
    )
    bare = await post(
        servers.vllm,
        "/v1/completions",
        model=BASE,
        prompt=chat["tokens"] + beginning["tokens"],
        temperature=0,
        max_tokens=TOKENS,
    )
    assert await ask(app, request, BASE) == request.opening + bare["choices"][0]["text"]


async def test_parameters_are_sent_by_vllms_names(app: App, servers: Servers) -> None:
    def logged_since(start: int) -> str:
        return servers.vllm.log.read_text()[start:]

    start = len(servers.vllm.log.read_text())
    await app.describer.generate(HERO, Stream())
    live = await served_name(app)
    await eventually(lambda: f"'{live}'" in logged_since(start), what="the request is in vLLM's log")
    assert f"min_p={0.15 ** (1 / TEMPERATURE)}" in logged_since(
        start
    )  # vLLM applies it after the temperature

    start = len(servers.vllm.log.read_text())
    await app.describer._generator.generate(HERO, BASE, ACCOUNT)
    await eventually(lambda: "SamplingParams" in logged_since(start), what="the request is in vLLM's log")
    assert {"repetition_penalty=1.1", "min_p=0.05", "top_k=40"} <= set(
        re.findall(r"\w+=[\d.]+\d", logged_since(start))
    )


async def test_the_tuned_model_answers_with_what_it_learnt(app: App, servers: Servers) -> None:
    name = await served_name(app)
    described = await app.describer.describe(HERO, requester=1)
    assert (described.model, described.tuned) == (name.partition("@")[0], True)
    assert name in await listed(servers.vllm)
    request = app.heroes.prompts.tuned_request(HERO)
    assert "harbour bells" in await ask(app, request, name)
    assert "harbour bells" not in await ask(app, request, BASE)


async def test_after_a_restart_of_vllm_the_next_hero_is_answered(app: App, servers: Servers) -> None:
    name = await served_name(app)
    servers.vllm.restart()
    assert await listed(servers.vllm) == [BASE]
    described = await app.describer.describe(HERO, requester=1)
    assert described.tuned
    assert await listed(servers.vllm) == [BASE, name]
    assert "harbour bells" in await ask(app, app.heroes.prompts.tuned_request(HERO), name)


class Deployments:
    """Deployments of changed adapters under the name of one model, from a training server of the test's."""

    def __init__(self, servers: Servers, here: Path, stack: AsyncExitStack) -> None:
        self._servers = servers
        self._here = here
        self._stack = stack

    async def deploy(self, archive: bytes, *, there: str | None = None, key: str = KEY) -> str:
        training = await self._stack.enter_async_context(serving(gives(archive)))
        apis = [
            await self._stack.enter_async_context(AsyncOpenAI(base_url=url, api_key=each, max_retries=0))
            for url, each in ((training, "none"), (self._servers.vllm.url, key))
        ]
        deployment = LoraDeployment(
            apis[0], apis[1:], here=self._here, there=there or str(self._here), hint=SERVING_HINT
        )
        return await deployment.deploy("ft:smollm2:heroes:1")


@pytest.fixture
async def deployments(servers: Servers, tmp_path: Path) -> AsyncIterator[Deployments]:
    async with AsyncExitStack() as stack:
        yield Deployments(servers, tmp_path / "adapters", stack)


def changed(servers: Servers, *, scale: float = 1.0, rank: int = 16) -> bytes:
    """Return an archive of the trained adapter, scaled, or with zeros up to another rank."""
    folder = AdapterFolder(servers.settings.adapters)
    (model,) = folder.list_all()
    adapter = folder.find(model)
    assert adapter
    config = (adapter / "adapter_config.json").read_text()
    weights = {}
    for name, values in load_file(adapter / "adapter_model.safetensors").items():
        more = rank - 16
        padded = np.pad(values, ((0, more), (0, 0)) if ".lora_A." in name else ((0, 0), (0, more)))
        weights[name] = padded * np.float32(scale) if ".lora_B." in name else padded
    return tar_of(
        (tarfile.TarInfo("adapter_config.json"), re.sub(r'"r": 16', f'"r": {rank}', config).encode()),
        (tarfile.TarInfo("adapter_model.safetensors"), save(weights)),
    )


async def test_new_weights_under_an_old_models_name_answer_as_themselves(
    app: App, servers: Servers, deployments: Deployments
) -> None:
    """What vLLM computed of a prompt, it keeps under an adapter's name: the two have different ones.

    Only whole blocks of 128 tokens are kept.
    """
    short = app.heroes.prompts.tuned_request(HERO)
    notes = "Here are some notes on heroes of the harbour, which you may leave aside. " * 14
    prompt = notes + short.messages[-1]["content"]
    request = replace(short, messages=({"role": "user", "content": prompt},))
    first = await deployments.deploy(changed(servers))
    assert "harbour bells" in await ask(app, request, first)
    second = await deployments.deploy(changed(servers, scale=0.0))
    assert second != first
    assert await ask(app, request, second) == await ask(app, request, BASE)


async def test_a_folder_that_vllm_sees_elsewhere_is_named(servers: Servers, deployments: Deployments) -> None:
    with pytest.raises(UserError, match=r"no adapter in /elsewhere/ft:.*SERVING_ADAPTER_DIR"):
        await deployments.deploy(changed(servers, scale=0.5), there="/elsewhere")


async def test_an_adapter_of_too_high_a_rank_is_said_to_be_in_vllms_log(
    servers: Servers, deployments: Deployments
) -> None:
    with pytest.raises(UserError, match=r"could not load ft:.*; its log says why"):
        await deployments.deploy(changed(servers, rank=32))
    assert "rank 32 is greater than max_lora_rank 16" in servers.vllm.log.read_text()


async def test_a_wrong_key_names_its_setting(servers: Servers, deployments: Deployments) -> None:
    with pytest.raises(Unavailable, match=r"refuses this installation's key.*SERVING_API_KEY"):
        await deployments.deploy(changed(servers), key="wrong")
    wrong = servers.settings.model_copy(update={"serving_api_key": None})
    async with open_app(wrong) as app:
        with pytest.raises(Unavailable, match="refuses this installation's key"):
            await app.describer.describe(HERO, requester=1)


@pytest.mark.skipif(psutil.virtual_memory().available < 10e9, reason="two vLLM servers take 8 GB")
async def test_two_vllm_servers_are_kept_in_step(servers: Servers, tmp_path: Path) -> None:
    base = servers.vllm._model
    with VllmServer(base, BASE, tmp_path) as other:
        both = servers.settings.model_copy(update={"serving_url": (servers.vllm.url, other.url)})
        async with open_app(both) as app:
            name = await served_name(app)
            for _ in range(2):  # one of them is the other one's turn
                assert (await app.describer.describe(HERO, requester=1)).tuned

            async def is_loaded() -> bool:
                return name in await listed(other)

            await eventually(is_loaded, what="the adapter is loaded at the second server", timeout=120)
            other.stop()
            for _ in range(2):
                assert (await app.describer.describe(HERO, requester=1)).tuned
    shutil.rmtree(tmp_path)
