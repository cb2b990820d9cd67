"""`herosmith run` with a Discord that does not let it in: a sentence, a pause, exit code 1."""

import asyncio
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import RunCommand
from tests.support.eventually import eventually
from tests.support.scripted_discord import ScriptedDiscord, scripted_discord

TOKEN = "MTA0.GtoKen.secret-part_of-it"  # noqa: S105


@pytest.fixture
def refusing() -> Iterator[ScriptedDiscord]:
    """Run a scripted Discord beside the terminal's own event loop."""
    loop = asyncio.new_event_loop()
    server = scripted_discord()
    script = loop.run_until_complete(server.__aenter__())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield script
    asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_the_terminal_prints_a_sentence_waits_and_exits_with_1(
    terminal: RunCommand,
    refusing: ScriptedDiscord,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    Path(".env").write_text("ADMIN_CHANEL=123\n", encoding="utf-8")
    refusing.login = (429, "text/html", "<html>Error 1015</html>")
    started_at = time.monotonic()

    result = terminal("run", "--without-worker")

    assert result.exit_code == 1
    assert time.monotonic() - started_at > 2
    assert "limits how often this address may ask (429)" in result.output
    assert "The bot ends in 2 seconds, or at once with Ctrl-C." in result.output
    assert "ADMIN_CHANEL in .env is no setting: did you mean ADMIN_CHANNEL?" in caplog.text
    assert "voice" not in caplog.text
    assert "Traceback" not in result.output
    assert TOKEN not in result.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_pause(
    terminal: RunCommand,
    refusing: ScriptedDiscord,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    refusing.login = (401, "application/json", '{"message": "401: Unauthorized", "code": 0}')
    counted = tmp_path / "var" / "failed_starts.json"
    started_at = time.monotonic()

    # a shell that starts a program in the background has it ignore SIGINT
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    main = threading.main_thread().ident
    assert main is not None

    def send(main: int = main) -> None:
        asyncio.run(eventually(counted.exists, what="the failure is counted"))
        time.sleep(0.2)
        signal.pthread_kill(main, number)

    sender = threading.Thread(target=send)
    sender.start()
    result = terminal("run", "--without-worker")
    sender.join()
    signal.signal(signal.SIGINT, before)

    assert time.monotonic() - started_at < 30
    assert "Discord refuses DISCORD_TOKEN" in result.output
    assert "ends in 60 seconds" in result.output
    assert "Traceback" not in result.output
