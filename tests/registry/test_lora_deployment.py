"""Adapters of a real engine, offered to a server of vLLM's shape."""

import asyncio
import json
import os
import re
import shutil
import sys
import tarfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import openai
import pytest
from openai import AsyncOpenAI
from safetensors.numpy import load_file, save

from bot.errors import OutOfReach, Unavailable, UserError
from bot.registry.adapter_folder import AdapterFolder
from bot.registry.lora_deployment import LoraDeployment
from tests.support.adapters import gives, tar_of
from tests.support.engine_process import EngineProcess
from tests.support.eventually import eventually
from tests.support.lora_server import BASE, KEY, NAME, LoraServer, lora_server, serving
from tests.support.tiny_engine import TINY, Training

HINT = "Start it with --adapters."
MODEL = "ft:tiny:heroes:1"


@dataclass
class Stage:
    """An engine that trained a model, and a server that shall answer as it."""

    training: Training
    server: LoraServer
    folder: Path
    clients: AsyncExitStack

    async def client(self, url: str, key: str = "none") -> AsyncOpenAI:
        api = AsyncOpenAI(base_url=url, api_key=key, max_retries=0, timeout=30)
        return await self.clients.enter_async_context(api)

    async def serving(
        self, *, trained_at: str | None = None, key: str = KEY, there: str = ""
    ) -> LoraDeployment:
        return LoraDeployment(
            await self.client(trained_at or self.training.engine.url),
            [await self.client(self.server.url, key)],
            here=self.folder,
            there=there or str(self.folder),
            hint=HINT,
        )

    async def ask(self, model: str) -> str:
        """What the server answers as a model."""
        client = await self.client(self.server.url, KEY)
        answer = await client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "40, woman, flight ->"}]
        )
        return answer.choices[0].message.content or ""

    def adapter(self, model: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.folder / model).iterdir()}

    def is_tidy(self) -> bool:
        """Whether nothing unfinished lies about."""
        return not [path for path in self.folder.iterdir() if path.name.startswith(".")]


@pytest.fixture
async def stage(adapter_training: Training, tmp_path: Path) -> AsyncIterator[Stage]:
    async with lora_server() as server, AsyncExitStack() as clients:
        yield Stage(adapter_training, server, tmp_path / "adapters", clients)


async def test_a_tuned_model_is_loaded_and_answers(stage: Stage) -> None:
    model = stage.training.model
    with pytest.raises(openai.NotFoundError):
        await stage.ask(model)

    served_as = await (await stage.serving()).deploy(model)

    assert re.fullmatch(f"{model}@[0-9a-f]{{12}}", served_as)
    assert float(await stage.ask(served_as)) > 0
    assert await stage.ask(NAME) == "the base"
    trained = stage.training.folder / "adapter"
    came = stage.adapter(served_as)
    assert came["adapter_model.safetensors"] == (trained / "adapter_model.safetensors").read_bytes()
    config = json.loads((trained / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == TINY
    assert json.loads(came["adapter_config.json"]) == config | {"base_model_name_or_path": BASE}
    assert stage.is_tidy()


@pytest.mark.parametrize("status", [404, 405])
async def test_where_the_endpoint_is_off_the_folder_is_read(stage: Stage, status: int) -> None:
    stage.server.updating, stage.server.refused_as = False, status
    stage.server.folder = stage.folder

    served_as = await (await stage.serving()).deploy(stage.training.model)

    assert float(await stage.ask(served_as)) > 0
    assert stage.server.loads == 0


async def test_it_may_be_offered_again_and_by_two_at_once(stage: Stage) -> None:
    services = [await stage.serving() for _ in range(2)]
    names = await asyncio.gather(*(each.deploy(stage.training.model) for each in services))
    before = stage.adapter(names[0])
    names.append(await services[0].deploy(stage.training.model))

    assert stage.server.loads == 1
    assert len(set(names)) == 1
    assert stage.adapter(names[0]) == before
    assert stage.is_tidy()


async def test_what_a_restart_forgot_comes_back_without_the_engine(stage: Stage) -> None:
    served_as = await (await stage.serving()).deploy(stage.training.model)
    stage.server.restart()
    stage.server.base = "/models/moved"
    with pytest.raises(openai.NotFoundError):
        await stage.ask(served_as)

    without_engine = await stage.serving(trained_at="http://127.0.0.1:1/v1")
    assert await without_engine.reload(stage.training.model) == served_as

    assert float(await stage.ask(served_as)) > 0
    config = json.loads(stage.adapter(served_as)["adapter_config.json"])
    assert config["base_model_name_or_path"] == "/models/moved"


@pytest.mark.parametrize("any_name", [False, True])
async def test_a_server_that_takes_no_adapters_is_told_of_with_the_hint(stage: Stage, any_name: bool) -> None:
    """One that answers as its base, whatever it is called, must not pass for the tuned model."""
    stage.server.updating, stage.server.any_name = False, any_name
    with pytest.raises(UserError, match=r"takes no adapters while it runs. Start it with --adapters\."):
        await (await stage.serving()).deploy(stage.training.model)


async def test_a_folder_that_the_server_sees_elsewhere_is_named(stage: Stage) -> None:
    with pytest.raises(UserError, match=f"no adapter in /elsewhere/{stage.training.model}@.*SERVING_ADAPTER"):
        await (await stage.serving(there="/elsewhere")).deploy(stage.training.model)


async def test_an_adapter_that_does_not_fit_is_said_to_be_in_the_log(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.server.greatest_rank = 8
    with pytest.raises(UserError, match="could not load"):
        await (await stage.serving()).deploy(stage.training.model)
    assert "max_lora_rank" in caplog.text


async def test_a_server_that_is_starting_is_waited_for(stage: Stage) -> None:
    stage.server.gateway["/v1/models"] = 2
    await (await stage.serving()).deploy(stage.training.model)
    assert stage.server.loads == 1


async def test_a_server_out_of_reach_is_no_fault_of_the_adapter(stage: Stage) -> None:
    stage.server.gateway["/v1/load_lora_adapter"] = 99
    with pytest.raises(OutOfReach):
        await (await stage.serving()).deploy(stage.training.model)


async def test_a_refused_key_names_its_setting(stage: Stage) -> None:
    with pytest.raises(Unavailable, match="SERVING_API_KEY"):
        await (await stage.serving(key="wrong")).deploy(stage.training.model)


async def test_a_model_that_the_engine_does_not_know_is_said_to_have_no_adapter(stage: Stage) -> None:
    with pytest.raises(UserError, match="has no adapter of it"):
        await (await stage.serving()).deploy("ft:tiny:gone:1")
    assert stage.is_tidy()


async def test_a_name_with_a_slash_is_a_path_below_the_folder(stage: Stage, tmp_path: Path) -> None:
    name = "ft:owner/tiny:heroes:1"
    data = tmp_path / "data"
    kept = shutil.copytree(stage.training.folder, data / "models" / "ft_owner_tiny_heroes_1")
    manifest = json.loads((kept / "manifest.json").read_text())
    (kept / "manifest.json").write_text(json.dumps(manifest | {"id": name}))
    stage.server.updating, stage.server.folder = False, stage.folder
    with EngineProcess(data, stage.training.engine.base) as engine:
        served_as = await (await stage.serving(trained_at=engine.url)).deploy(name)

    assert (stage.folder / "ft:owner" / "tiny:heroes:1" / "adapter_config.json").is_file()
    assert float(await stage.ask(served_as)) > 0


@pytest.mark.parametrize("name", ["../up", "a/../../up", "/etc", "a//b", ".", "a\\b", ".unfinished-1"])
async def test_a_name_that_leads_elsewhere_is_refused(stage: Stage, name: str) -> None:
    with pytest.raises(UserError, match="cannot be the name of a folder"):
        await (await stage.serving()).deploy(name)


def link(name: str, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


@pytest.mark.parametrize(
    "member",
    [
        (tarfile.TarInfo("../adapter_config.json"), b"{}"),
        (tarfile.TarInfo("a/../../escaped"), b"{}"),
        (link("adapter_config.json", "/etc/passwd"), b""),
        (link("adapter_config.json", "../../escaped"), b""),
    ],
)
async def test_an_archive_that_reaches_out_of_its_folder_is_refused(
    stage: Stage, member: tuple[tarfile.TarInfo, bytes]
) -> None:
    async with serving(gives(tar_of((tarfile.TarInfo("adapter_model.safetensors"), b"1"), member))) as url:
        with pytest.raises(UserError, match="reaches out of its folder"):
            await (await stage.serving(trained_at=url)).deploy(MODEL)
    assert list(stage.folder.iterdir()) == []
    assert [path.name for path in stage.folder.parent.iterdir()] == ["adapters"]


async def test_an_archive_of_something_else_is_refused(stage: Stage) -> None:
    async with serving(gives(tar_of((tarfile.TarInfo("readme"), b"1")))) as url:
        with pytest.raises(UserError, match="is not an adapter"):
            await (await stage.serving(trained_at=url)).deploy(MODEL)
    assert list(stage.folder.iterdir()) == []


async def test_an_archive_that_came_in_part_is_fetched_again(stage: Stage) -> None:
    files = {path.name: path.read_bytes() for path in (stage.training.folder / "adapter").iterdir()}
    whole = tar_of(*((tarfile.TarInfo(name), content) for name, content in files.items()))
    async with serving(gives(whole[: len(whole) // 2], b"no archive at all" * 99, whole)) as url:
        served_as = await (await stage.serving(trained_at=url)).deploy(MODEL)
    assert float(await stage.ask(served_as)) > 0
    assert stage.is_tidy()


_DEPLOY = """
import asyncio, sys
from pathlib import Path
from openai import AsyncOpenAI
from bot.registry.lora_deployment import LoraDeployment
api = AsyncOpenAI(base_url=sys.argv[1], api_key="none", max_retries=0)
deployment = LoraDeployment(api, [api], here=Path(sys.argv[2]), there=sys.argv[2], hint="")
asyncio.run(deployment.deploy(sys.argv[3]))
"""


async def test_a_process_killed_half_way_leaves_nothing_that_passes_for_an_adapter(stage: Stage) -> None:
    model = stage.training.model
    half = (stage.training.folder / "adapter" / "adapter_model.safetensors").read_bytes()
    async with serving(gives(half, hangs=True)) as url:
        killed = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _DEPLOY, url, str(stage.folder), model
        )
        try:
            await eventually(
                lambda: [path for path in stage.folder.glob(".*/*") if path.stat().st_size],
                what="the first bytes of the adapter are in the folder",
            )
        finally:
            killed.kill()
            await killed.wait()
    assert not (stage.folder / model).exists()

    served_as = await (await stage.serving()).deploy(model)

    assert float(await stage.ask(served_as)) > 0
    (left,) = (path for path in stage.folder.iterdir() if path.name.startswith("."))
    old = time.time() - 2 * 86_400
    os.utime(left, (old, old))
    for name in (model, served_as):  # as if half of it had been deleted
        (stage.folder / name / "adapter_config.json").unlink()
    await (await stage.serving()).reload(model)
    assert stage.is_tidy()
    for name in (model, served_as):
        assert set(stage.adapter(name)) == {"adapter_config.json", "adapter_model.safetensors"}


def retrained(folder: Path) -> bytes:
    """Return an archive of an adapter whose weights are not those in the folder, but half of them."""
    weights = {name: values / 2 for name, values in load_file(folder / "adapter_model.safetensors").items()}
    config = (folder / "adapter_config.json").read_bytes()
    return tar_of(
        (tarfile.TarInfo("adapter_config.json"), config),
        (tarfile.TarInfo("adapter_model.safetensors"), save(weights)),
    )


async def test_new_weights_never_get_the_name_of_old_ones(stage: Stage) -> None:
    """An engine restored from a backup trains a job again, under the same name.

    The server goes on with what it computed under a name, so it would answer as the old ones.
    """
    model = stage.training.model
    first = await (await stage.serving()).deploy(model)
    before = float(await stage.ask(first))
    async with serving(gives(retrained(stage.training.folder / "adapter"))) as url:
        second = await (await stage.serving(trained_at=url)).deploy(model)

    assert second != first
    assert float(await stage.ask(second)) == pytest.approx(before / 2, rel=1e-4)
    assert float(await stage.ask(first)) == before
    assert await (await stage.serving(trained_at="http://127.0.0.1:1/v1")).reload(model) == second


async def test_an_adapter_with_another_scale_has_another_name(stage: Stage) -> None:
    folder = stage.training.folder / "adapter"
    config = json.loads((folder / "adapter_config.json").read_text())
    changed = json.dumps(config | {"lora_alpha": config["lora_alpha"] * 2}).encode()
    weights = (folder / "adapter_model.safetensors").read_bytes()
    archive = tar_of(
        (tarfile.TarInfo("adapter_config.json"), changed),
        (tarfile.TarInfo("adapter_model.safetensors"), weights),
    )
    first = await (await stage.serving()).deploy(stage.training.model)
    async with serving(gives(archive)) as url:
        second = await (await stage.serving(trained_at=url)).deploy(stage.training.model)
    assert second != first


async def test_a_moved_folder_and_one_fetched_anew_have_the_same_name(stage: Stage) -> None:
    model = stage.training.model
    first = await (await stage.serving()).deploy(model)
    stage.folder = stage.folder.rename(stage.folder.parent / "moved")
    assert await (await stage.serving()).deploy(model) == first
    shutil.rmtree(stage.folder)
    assert await (await stage.serving()).deploy(model) == first
    assert stage.server.loads == 1


async def test_what_was_published_is_no_model_of_its_own(stage: Stage) -> None:
    await (await stage.serving()).deploy(stage.training.model)
    assert AdapterFolder(stage.folder).list_all() == [stage.training.model]
