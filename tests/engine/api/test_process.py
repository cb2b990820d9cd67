"""The engine as a process: its key, start, shutdown, lock, and files on disk."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import openai
import pytest

from tests.engine.test_tunability import write
from tests.support.engine_process import EngineProcess
from tests.support.tiny_engine import TINY, Training

EVERYWHERE = "0.0.0.0"  # noqa: S104  the test is about binding to it


async def test_health_needs_no_key_and_all_else_does(tiny_base: Path, tmp_path: Path) -> None:
    with EngineProcess(tmp_path, tiny_base, key="secret") as engine:
        assert [model.id for model in (await engine.client().models.list()).data] == [TINY]
        for wrong in ("wrong", "secret2"):
            with pytest.raises(openai.AuthenticationError) as caught:
                await engine.client(wrong).models.list()
            assert caught.value.code == "invalid_api_key"
        async with aiohttp.ClientSession() as http:
            async with http.get(engine.url.removesuffix("/v1") + "/healthz") as answer:
                assert (answer.status, await answer.json()) == (
                    200,
                    {
                        "status": "ok",
                        "runtime": {
                            "name": "llama.cpp",
                            "reason": "--runtime says so",
                            "tokens_per_second": None,
                            "is_measuring": False,
                            "crashes": {"count": 0, "last": None},
                        },
                    },
                )
            for authorization in ("", "secret", "Basic secret", "Bearer", "Bearer s\u00e9cret"):
                headers = {"Authorization": authorization}
                async with http.post(engine.url + "/chat/completions", json={}, headers=headers) as answer:
                    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
            metrics = engine.url.removesuffix("/v1") + "/metrics"
            async with http.get(metrics) as answer:
                assert answer.status == 401
            async with http.get(metrics, headers={"Authorization": "bearer secret"}) as answer:
                assert answer.status == 200


@pytest.mark.parametrize(
    ("host", "key", "warned"),
    [(EVERYWHERE, "", True), (EVERYWHERE, "secret", False), ("localhost", "", False)],
)
def test_it_warns_if_anyone_may_use_it(
    tiny_base: Path, tmp_path: Path, host: str, key: str, warned: bool
) -> None:
    command = [sys.executable, "-m", "engine", "--data", tmp_path, "--base", tiny_base, "--port", "0"]
    with subprocess.Popen(
        [*map(str, command), "--host", host],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"ENGINE_API_KEY": key},
        text=True,
    ) as engine:
        assert engine.stdout is not None
        assert "listening" in engine.stdout.readline()
        engine.terminate()
        try:
            assert ("set ENGINE_API_KEY" in engine.communicate(timeout=20)[1]) == warned
        finally:
            engine.kill()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, "stdin"])
def test_it_stops_on_a_signal_or_end_of_stdin(
    tiny_base: Path, tmp_path: Path, how: signal.Signals | str
) -> None:
    """A model in memory must not crash the exit."""
    with EngineProcess(tmp_path, tiny_base) as engine:
        engine.blocking_client().chat.completions.create(
            model=TINY, messages=[{"role": "user", "content": "hello"}], max_tokens=3
        )
        if isinstance(how, signal.Signals):
            engine.process.send_signal(how)
        else:
            assert engine.process.stdin is not None
            engine.process.stdin.close()
        assert engine.process.wait(10) == 0


def test_a_second_engine_on_the_same_folder_is_rejected(tiny_base: Path, tmp_path: Path) -> None:
    """Each would delete the other's unfinished files as if a crash had left them."""
    with EngineProcess(tmp_path, tiny_base):
        second = subprocess.run(
            [sys.executable, "-m", "engine", "--data", tmp_path, "--base", tiny_base, "--port", "0"],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    assert second.returncode == 1
    assert "another engine is at work" in second.stderr


def test_with_a_parent_it_waits_for_the_previous_engine_to_exit(tiny_base: Path, tmp_path: Path) -> None:
    """This happens if a bot is killed and restarted at once."""
    with EngineProcess(tmp_path, tiny_base) as engine:
        command = (sys.executable, "-m", "engine", "--data", tmp_path, "--base", tiny_base, "--port", "0")
        successor = subprocess.Popen(
            (*command, "--with-parent"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert successor.stderr is not None
        assert b"waiting for the previous engine" in successor.stderr.readline()
        assert successor.poll() is None
        assert engine.stop() == 0
        assert successor.stdout is not None
        assert b"listening" in successor.stdout.readline()
        successor.communicate()


def test_it_stops_before_the_model_is_loaded(tiny_base: Path, tmp_path: Path) -> None:
    with EngineProcess(tmp_path, tiny_base) as engine:
        assert engine.stop() == 0


async def test_tuned_models_survive_a_restart_and_can_be_deleted(training: Training, tmp_path: Path) -> None:
    shutil.copytree(training.folder, tmp_path / "models" / training.folder.name)
    unfinished = tmp_path / "models" / "ft_tiny_half_0"
    unfinished.mkdir()
    with EngineProcess(tmp_path, training.engine.base) as engine:
        client = engine.client()
        assert [model.id for model in (await client.models.list()).data] == [TINY, training.model]
        assert not unfinished.exists()
        answer = await client.chat.completions.create(
            model=training.model,
            messages=[{"role": "user", "content": "31, woman, flight ->"}],
            temperature=0,
        )
        assert "She is" in (answer.choices[0].message.content or "")
        assert (await client.models.delete(training.model)).deleted
        assert [model.id for model in (await client.models.list()).data] == [TINY]
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve(training.model)
    assert list((tmp_path / "models").iterdir()) == []


def test_a_missing_base_is_a_readable_error(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "engine",
        "--data",
        str(tmp_path),
        "--port",
        "0",
        "--base",
        str(tmp_path),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "holds 0 .gguf files" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_importing_the_engine_loads_no_heavy_library() -> None:
    """The server must start quickly, and only the trainer may need the memory for torch."""
    code = (
        "import sys, engine.__main__, engine.training.__main__; "
        "print(sorted({'torch', 'transformers', 'peft', 'xllamacpp', 'gguf'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


async def test_a_base_that_cannot_be_loaded_is_a_503(tmp_path: Path, tiny_base: Path) -> None:
    broken = write(tmp_path / "broken.gguf", tiny_base, architecture="unheard-of")
    with EngineProcess(tmp_path / "data", broken) as engine:
        for _ in range(2):
            with pytest.raises(openai.InternalServerError) as caught:
                await engine.client().chat.completions.create(
                    model="broken", messages=[{"role": "user", "content": "hello"}]
                )
            assert (caught.value.status_code, caught.value.code) == (503, "model_not_loaded")
