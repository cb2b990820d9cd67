"""The form of log lines, and the reference that leads from a person's error message through all logs."""

import asyncio
import json
import logging
import os
import pty
import re
import subprocess
import sys

import openai
import pytest

from bot.app import App
from bot.llm.client import open_api
from bot.logs import HumanFormatter, JsonFormatter, begin_reference, current_reference, under_reference
from bot.settings import ROOT
from tests.conftest import Stage
from tests.support.engine_process import EngineProcess
from tests.support.eventually import eventually
from tests.support.log_guard import LogGuard
from tests.support.scripted_server import Script


def record(message: str, *args: object, name: str = "bot.x", error: bool = False) -> logging.LogRecord:
    cause = sys.exc_info() if error else None
    return logging.LogRecord(name, logging.WARNING, __file__, 1, message, args, cause)


def test_a_json_line_has_the_reference_and_the_traceback_in_one_line() -> None:
    formatter = JsonFormatter("worker")
    with under_reference("3f9a2c1e"):
        try:
            int("two\nlines")
        except ValueError:
            line = formatter.format(record("job %d\nfailed", 7, error=True))
    assert "\n" not in line
    fields = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields.pop("time"))
    assert fields.pop("exception").endswith(
        r"ValueError: invalid literal for int() with base 10: 'two\nlines'"
    )
    assert fields == {
        "level": "WARNING",
        "process": "worker",
        "logger": "bot.x",
        "message": "job 7\nfailed",
        "reference": "3f9a2c1e",
    }
    with under_reference(""):
        quiet = formatter.format(record("quiet"))
    assert set(json.loads(quiet)) == {
        "time",
        "level",
        "process",
        "logger",
        "message",
    }


def test_a_line_for_people_ends_with_the_reference() -> None:
    formatter = HumanFormatter("%(levelname)s %(message)s")
    with under_reference("3f9a2c1e"):
        assert formatter.format(record("job %d failed", 7)) == "WARNING job 7 failed [3f9a2c1e]"
    with under_reference(""):
        assert formatter.format(record("quiet")) == "WARNING quiet"


@pytest.mark.parametrize("formatter", [HumanFormatter("%(message)s"), JsonFormatter("bot")])
def test_discord_py_names_nobody_in_our_log(formatter: logging.Formatter) -> None:
    line = formatter.format(record("failed (User: %s)", 424_242_424_242_424_242, name="discord.app_commands"))
    assert "(User: (id))" in line
    assert "424242" in formatter.format(record("message %d", 424_242_424_242_424_242))


async def test_a_reference_goes_into_tasks_and_does_not_come_out() -> None:
    async def begin() -> str:
        begin_reference()
        return await asyncio.create_task(inner())

    async def inner() -> str:
        return current_reference()

    with under_reference(""):
        assert len(await asyncio.create_task(begin())) == 8
        assert current_reference() == ""


async def test_the_reference_of_an_error_message_finds_the_call_of_the_model(
    stage: Stage, script: Script, log_guard: LogGuard
) -> None:
    sent: list[str] = []
    script.on_request = lambda _when, request: sent.append(request.headers.get("X-Request-ID", ""))
    script.failures = [402]

    result = await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")

    (reference,) = re.findall(r"reference `([0-9a-f]{8})`", stage.ephemeral_reply(result))
    assert set(sent) == {reference}
    assert any("no credit left" in line for line in log_guard.lines_of(reference))
    stage.refusal()


@pytest.mark.usefixtures("running_worker")
async def test_a_job_keeps_the_reference_of_the_interaction_that_planned_it(
    stage: Stage, app: App, script: Script, log_guard: LogGuard
) -> None:
    sent: set[str] = set()
    script.on_request = lambda _when, request: sent.add(request.headers.get("X-Request-ID", ""))
    await stage.build(limit=16)
    job = await stage.until_notified(app, 1)

    assert job.reference
    assert sent == {job.reference}
    assert any("job 1 ended: succeeded" in line for line in log_guard.lines_of(job.reference))


async def test_the_engine_logs_a_call_under_the_bots_reference(engine: EngineProcess) -> None:
    with under_reference("0123abcd"):
        async with open_api(engine.url, "none") as api:
            raw = await api.chat.completions.with_raw_response.create(
                model="tiny", messages=[{"role": "user", "content": "Hello"}], max_tokens=2
            )
            with pytest.raises(openai.NotFoundError) as refused:
                await api.models.retrieve("no such model")
    assert raw.headers["X-Request-ID"] == "0123abcd"
    assert refused.value.request_id == "0123abcd"

    async def logged() -> bool:
        found = [line for line in engine.log.read_text().splitlines() if line.endswith("[0123abcd]")]
        return any("POST /v1/chat/completions: 200 after" in line for line in found)

    await eventually(logged, what="the engine has logged the call")
    assert "Hello" not in engine.log.read_text()


async def test_the_guard_of_logs_sees_what_it_must(stage: Stage, log_guard: LogGuard) -> None:
    """Otherwise it would prove nothing for all other tests."""
    log = logging.getLogger("bot.anywhere")
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    assert stage.env.bot.user
    await stage.ana.send(stage.channel, f"{stage.env.bot.user.mention} What is this here?")
    for leak in ("%s asked", "a 40-WOMAN, healing", "he said 'what is this: here'"):
        assert log_guard.leaks() == []
        log.debug(leak, stage.ana.id) if "%s" in leak else log.debug(leak)
        assert len(log_guard.leaks()) == 1
        log_guard.lines.clear()
    log.info("a woman of 40 asked for healing in channel %d", stage.channel.id)
    assert log_guard.leaks() == []


_PROBE = """
import logging, sys
from bot.logs import configure_logs, under_reference
configure_logs("worker", "INFO", sys.argv[1])
with under_reference("3f9a2c1e"):
    logging.getLogger("bot.x").info("job %d ends", 7)
logging.getLogger("httpx2").info("a request")
"""


def test_a_process_logs_in_the_form_of_its_settings() -> None:
    for log_format in ("human", "json"):
        command = [sys.executable, "-c", _PROBE, log_format]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        (line,) = done.stderr.splitlines()
        if log_format == "json":
            assert json.loads(line)["process"] == "worker"
        else:
            assert re.fullmatch(r"[-0-9]{10} [0-9:]{8},\d{3} INFO    bot\.x: job 7 ends \[3f9a2c1e\]", line)


def test_a_terminal_gets_colours() -> None:
    mine, theirs = pty.openpty()
    command = [sys.executable, "-c", _PROBE, "human"]
    environment = {**os.environ, "TERM": "xterm-256color"}
    for name in ("NO_COLOR", "CI"):
        environment.pop(name, None)
    subprocess.run(command, stderr=theirs, check=True, cwd=ROOT, env=environment)
    os.close(theirs)
    shown = os.read(mine, 4096).decode()
    os.close(mine)
    assert "\x1b[" in shown
    assert "job 7 ends [3f9a2c1e]" in shown
