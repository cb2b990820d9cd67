"""The engine as the bot starts it: with a key that only its own processes know."""

import asyncio
import contextlib
import json
import stat
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import httpx2
import openai
import psutil
import pytest
from filelock import FileLock
from pydantic import SecretStr

from bot.app import open_app
from bot.engine_download import EngineDownload, read_download
from bot.errors import OperatorError
from bot.heroes.hero import Hero
from bot.jobs.worker_lock import worker_lock
from bot.llm.budget import Account
from bot.processes import (
    ChildProcess,
    OnDownload,
    find_engine,
    run_engine,
    run_worker,
    share_engine,
    until_engine_ends,
)
from bot.settings import Settings
from tests.support.eventually import eventually
from tests.support.hub_server import Fault, HubServer, Repository


@pytest.fixture
def own_engine(settings: Settings, tiny_base: Path) -> Settings:
    """Return settings that start an engine on tiny weights."""
    return settings.model_copy(
        update={
            "engine_url": None,
            "engine_base": str(tiny_base),
            "author_model": "tiny",
            "base_model": "tiny",
        }
    )


def child(word: str) -> psutil.Process:
    """Return this process's child that has a word among its arguments."""
    (found,) = (each for each in psutil.Process().children() if word in each.cmdline())
    return found


async def list_models(settings: Settings, key: str) -> list[str]:
    async with openai.AsyncOpenAI(base_url=settings.engine_url, api_key=key, max_retries=0) as client:
        return [model.id for model in (await client.models.list()).data]


async def test_the_bots_engine_has_a_random_key_that_is_nowhere_to_be_read(
    own_engine: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with run_engine(own_engine) as reachable, run_worker(reachable), open_app(reachable) as app:
        assert reachable.engine_api_key is not None
        key = reachable.engine_api_key.get_secret_value()
        assert len(key) >= 32
        for wrong in ("none", "x", key[:-1], key + "x", key.swapcase()):
            with pytest.raises(openai.AuthenticationError) as refused:
                await list_models(reachable, wrong)
            assert key not in str(refused.value)
        assert await list_models(reachable, key) == ["tiny"]
        request = app.heroes.prompts.tuned_request(Hero(40, "woman", "healing"))
        assert (await app.client.complete(request, model="tiny", account=Account("hero"))).text
        engine, worker = child(str(own_engine.data_dir / "engine")), child("worker")
        assert worker.environ()["ENGINE_API_KEY"] == key
        assert worker.environ()["ENGINE_URL"] == reachable.engine_url
        assert worker.environ()["METRICS_PORT"] == "0"  # the port of the settings is the bot's
        assert key not in " ".join(engine.cmdline() + worker.cmdline())
        logs = "".join(each.read_text() for each in (own_engine.data_dir / "logs").iterdir())
        assert key not in logs + repr(reachable)
    assert caplog.text
    assert key not in caplog.text


async def test_the_bots_worker_serves_its_metrics_at_the_next_port(settings: Settings) -> None:
    """Also at the last port that there is."""
    async with run_worker(settings, metrics_port=65534), httpx2.AsyncClient() as http:
        assert (await http.get("http://127.0.0.1:65535/livez")).status_code == 200


async def test_engine_and_worker_import_nothing_from_the_working_folder(
    own_engine: Settings, tmp_path: Path
) -> None:
    """An owner's folder may hold anything."""
    for name in ("bot", "engine"):
        (tmp_path / name).mkdir()
    for name in ("filelock", "sqlalchemy", "xllamacpp"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the working folder')")
    async with run_engine(own_engine) as reachable, run_worker(reachable):
        assert reachable.engine_api_key is not None
        assert await list_models(reachable, reachable.engine_api_key.get_secret_value()) == ["tiny"]


async def test_a_key_of_ones_own_is_kept(own_engine: Settings) -> None:
    own = own_engine.model_copy(update={"engine_api_key": SecretStr("my own key")})
    async with run_engine(own) as reachable:
        assert await list_models(reachable, "my own key") == ["tiny"]


async def test_another_process_of_the_installation_asks_the_same_engine(own_engine: Settings) -> None:
    published = own_engine.data_dir / "engine.json"
    async with run_engine(own_engine) as first:
        assert stat.S_IMODE(published.stat().st_mode) == 0o600
        async with share_engine(own_engine) as second:
            assert second.engine_url == first.engine_url
            assert second.engine_api_key == first.engine_api_key
            assert child(str(own_engine.data_dir / "engine")).is_running()  # the only one
        assert first.engine_api_key is not None
        assert await list_models(first, first.engine_api_key.get_secret_value()) == ["tiny"]
    assert not published.exists()


async def test_an_address_that_a_killed_bot_left_behind_is_not_asked(own_engine: Settings) -> None:
    """Another program may listen there by now, and would be told the key."""
    published = own_engine.data_dir / "engine.json"
    published.write_text(json.dumps({"url": "http://127.0.0.1:1/v1", "key": "old"}))
    assert await find_engine(own_engine) is None
    lock = own_engine.data_dir / "engine" / "engine.lock"
    lock.parent.mkdir()
    lock.touch()
    assert await find_engine(own_engine) is None
    async with share_engine(own_engine) as reachable:
        assert reachable.engine_url != "http://127.0.0.1:1/v1"


@pytest.mark.parametrize("left", [None, "no json", "{}", '{"url": "http://127.0.0.1:1/v1", "key": "old"}'])
async def test_an_engine_of_unknown_address_is_told_in_a_sentence(
    own_engine: Settings, left: str | None
) -> None:
    folder = own_engine.data_dir / "engine"
    folder.mkdir()
    if left is not None:
        (own_engine.data_dir / "engine.json").write_text(left)
    with FileLock(folder / "engine.lock"), pytest.raises(OperatorError, match=r"stop it, or set ENGINE_URL"):
        await find_engine(own_engine, patience=0.3)


@pytest.mark.parametrize(
    ("token", "has_worker", "holder"),
    [("token", True, "The bot"), (None, True, "The playground"), (None, False, "Another command")],
)
async def test_a_second_start_says_what_runs_already(
    own_engine: Settings,
    token: str | None,
    has_worker: bool,
    holder: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = own_engine.model_copy(
        # without its base the second engine ends at once, and does not wait for the first one to exit
        update={"discord_token": SecretStr(token) if token else None, "engine_base": "missing.gguf"}
    )
    folder = settings.data_dir / "engine"
    folder.mkdir()
    with ExitStack() as stack:
        stack.enter_context(FileLock(folder / "engine.lock"))
        if has_worker:
            stack.enter_context(worker_lock(settings.data_dir))
        with pytest.raises(OperatorError, match=rf"^{holder}.* runs already, with its data in .*Ctrl-C"):
            async with run_engine(settings):
                pass
    waits = caplog.text.partition("runs already")[2]
    assert "waiting for up to 45 seconds" in waits, "the wait before that is silent"


async def test_a_log_that_cannot_be_written_is_told_in_a_sentence(settings: Settings) -> None:
    (settings.data_dir / "logs" / "worker.log").mkdir(parents=True)
    with pytest.raises(OperatorError, match="DATA_DIR cannot be written"):
        async with run_worker(settings):
            pass


@pytest.mark.parametrize("left", [None, '{"url": "http://127.0.0.1:2/v1", "key": "k"}'])
async def test_who_uses_an_engine_learns_when_it_has_ended_or_another_has_its_place(
    tmp_path: Path, left: str | None
) -> None:
    published = tmp_path / "engine.json"
    published.write_text('{"url": "http://127.0.0.1:1/v1", "key": "k"}')
    settings = Settings(data_dir=tmp_path, engine_url="http://127.0.0.1:1/v1")
    waiting = asyncio.create_task(until_engine_ends(settings, poll=0.01))
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    if left is None:
        published.unlink()
    else:
        published.write_text(left)
    await asyncio.wait_for(waiting, 10)


_SPEAKS_AGAIN_IN_AN_EMPTY_LOG = """
import os, sys, time
print("ready", flush=True)
os.write(2, b"x" * 2000)
while os.fstat(2).st_size:
    time.sleep(0.01)
os.write(2, b"y" * 100)
sys.stdin.read()
"""


async def test_the_log_of_a_long_run_is_begun_anew(tmp_path: Path) -> None:
    """The process goes on writing, and what it wrote before is in the old log."""
    arguments = ["-S", "-E", "-c", _SPEAKS_AGAIN_IN_AN_EMPTY_LOG]
    writer = ChildProcess("worker", arguments, {}, tmp_path, max_log_bytes=1000)
    await writer.start()
    keeping = asyncio.create_task(writer.keep_log_small(poll=0.01))
    current, old = tmp_path / "worker.log", tmp_path / "worker.old.log"
    try:
        await eventually(lambda: current.read_text() == "y" * 100, what="it goes on at the beginning")
        assert old.read_text() == "x" * 2000
    finally:
        keeping.cancel()
        await writer.stop()


def child_process(tmp_path: Path, code: str, *, stop_timeout: float = 10.0) -> ChildProcess:
    return ChildProcess("worker", ["-S", "-E", "-c", code], {}, tmp_path, stop_timeout=stop_timeout)


async def test_a_child_that_ends_as_it_is_stopped_is_no_unknown_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its output ends just before itself, so that the signal may find it dead already."""
    for _ in range(40):
        with pytest.raises(OperatorError, match="did not start"):
            await child_process(tmp_path, "import os; os.close(1); os._exit(3)").start()
    assert caplog.text == ""


async def test_a_child_whose_start_is_given_up_has_ended(tmp_path: Path) -> None:
    child = child_process(
        tmp_path, "import sys; sys.stderr.write('up'); sys.stderr.flush(); sys.stdin.read()"
    )
    starting = asyncio.create_task(child.start())
    log = tmp_path / "worker.log"
    await eventually(lambda: log.is_file() and log.read_text() == "up", what="the child runs")
    (process,) = (
        each for each in psutil.Process().children() if "sys.stdin.read" in " ".join(each.cmdline())
    )
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not process.is_running()


async def test_a_child_that_does_not_end_is_waited_for_with_a_word_and_then_killed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code = (
        "import signal, sys; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); sys.stdin.read()"
    )
    child = child_process(tmp_path, code, stop_timeout=0.2)
    assert await child.start() == "ready"
    await child.stop()
    assert "waiting for the worker to end" in caplog.text


async def test_the_end_of_a_child_is_not_waited_for_at_a_second_interruption(tmp_path: Path) -> None:
    code = (
        "import signal, sys; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); sys.stdin.read()"
    )
    child = child_process(tmp_path, code, stop_timeout=100.0)
    assert await child.start() == "ready"
    waiting = asyncio.Event()

    async def work() -> None:
        try:
            waiting.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            waiting.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()  # saves something
            await child.stop()
            raise

    task = asyncio.create_task(work())
    for _ in range(2):
        await waiting.wait()
        waiting.clear()
        task.cancel()
    async with asyncio.timeout(20):
        await asyncio.wait([task])
    assert task.cancelled()
    (left,) = (each for each in psutil.Process().children() if "SIG_IGN" in " ".join(each.cmdline()))
    left.kill()
    await child.stop()


async def test_a_start_takes_as_long_as_there_are_signs_of_life(tmp_path: Path) -> None:
    """A base may take an hour to download; one that gets nowhere is given up."""
    code = "import time; time.sleep(3.5); print('ready', flush=True); time.sleep(60)"
    child = ChildProcess("late", ["-c", code], {}, tmp_path, start_timeout=1.5)
    with pytest.raises(OperatorError, match="The late did not start"):
        await child.start()
    signs = count()
    child.sign_of_life = lambda: next(signs)
    assert await child.start() == "ready"
    await child.stop()


async def test_the_download_of_a_base_is_told_while_the_engine_starts(
    own_engine: Settings, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a slow server, in the processes of the product: what the start tells, what others are told."""
    server = HubServer()
    content = await asyncio.to_thread(tiny_base.read_bytes)
    server.repositories["owner/name"] = Repository({"tiny.F32.gguf": content, "other.gguf": b"x"})
    server.faults.append(Fault(stalls_after=len(content) // 2, stalls_for=6))
    settings = own_engine.model_copy(update={"engine_base": "owner/name:tiny.F32.gguf"})
    told: list[EngineDownload] = []
    async with server.serving():
        for name, value in {"HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "hf")}.items():
            monkeypatch.setenv(name, value)

        async def start(on_download: OnDownload) -> list[str]:
            async with run_engine(settings, on_download=on_download) as reachable:
                assert reachable.engine_api_key is not None
                return await list_models(reachable, reachable.engine_api_key.get_secret_value())

        starting = asyncio.create_task(start(told.append))
        await eventually(lambda: told, what="the progress is told", timeout=90)
        assert (told[0].base, told[0].total) == ("owner/name:tiny.F32.gguf", len(content))
        with pytest.raises(OperatorError, match=r"The engine downloads its base model .* Try again"):
            await find_engine(settings, patience=0)
        assert await starting == ["tiny"]
    assert server.ranges == [None, f"bytes={len(content) // 2}-"]
    assert server.sent == len(content)
    assert read_download(settings.data_dir) is None
    log = (settings.data_dir / "logs" / "engine.log").read_text()
    assert "downloading owner/name:tiny.F32.gguf: " in log
    assert "127.0.0.1 breaks off; the next attempt is in 1 s" in log


async def test_what_a_killed_engine_told_of_its_download_is_past(settings: Settings) -> None:
    folder = settings.data_dir / "engine"
    folder.mkdir()
    (folder / "download.json").write_text('{"base": "a/b", "done": 1000000, "total": 3000000}')
    assert read_download(settings.data_dir) is None
    with FileLock(folder / "engine.lock"):
        found = read_download(settings.data_dir)
    assert found
    assert str(found.message()) == "The engine downloads its base model `a/b`, 1 of 3 MB so far."
