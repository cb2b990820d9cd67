"""Following a job: lines of progress where no terminal shows a bar, and who carries the job out."""

import asyncio
import io
import re

import pytest
from rich.console import Console

from bot.app import App
from bot.cli.progress import is_picked_up, run_with_worker, show_progress
from bot.errors import OperatorError
from bot.jobs.worker_lock import worker_lock
from bot.settings import Settings
from tests.cli.conftest import RunCommand
from tests.support.databases import ON_POSTGRES, execute
from tests.support.eventually import eventually
from tests.support.workflows import build_spec


def lines_of(line_interval: float) -> list[str]:
    """Show three steps in a pipe, and return what it got."""
    pipe = io.StringIO()
    with show_progress(Console(file=pipe), "tuning kitchen", line_interval=line_interval) as view:
        view.update(0, 0, "preparing to train")
        view.update(500, 1234, "training [bold] · loss 2.5")
        view.update(1234, 1234, "done")
    return pipe.getvalue().splitlines()


def test_a_pipe_gets_a_line_with_what_is_done_and_since_when() -> None:
    first, second, third = lines_of(0.0)
    assert re.fullmatch(r"tuning kitchen: preparing to train · \d+ (s|min) so far", first)
    assert second.startswith("tuning kitchen: 500 of 1,234 done · training [bold] · loss 2.5 · ")
    assert third.startswith("tuning kitchen: 1,234 of 1,234 done")


@pytest.mark.parametrize("width", [72, 80, 100])
def test_a_bar_names_the_model_and_the_phase_in_full(width: int) -> None:
    screen = io.StringIO()
    title, phase = "training kitchen-of-my-grandmother", "loading the base model and testing it"
    with show_progress(Console(file=screen, force_terminal=True, width=width), title) as view:
        view.update(500, 1234, phase)
    shown = re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", screen.getvalue())
    assert title in shown
    assert "500/1234" in shown
    assert set(phase.split()) <= set(shown.split())


def test_lines_are_no_closer_than_their_interval() -> None:
    assert lines_of(3600.0) == []


_TRIGGER = "CREATE TRIGGER no_claims BEFORE UPDATE ON job"
_REFUSAL = "LANGUAGE plpgsql AS $$ BEGIN RAISE 'no claims'; END $$"


async def refuse_claims(settings: Settings) -> None:
    """Let the database refuse what no worker expects, as a damaged one does."""
    if not ON_POSTGRES:
        refusal = "WHEN NEW.owner IS NOT NULL BEGIN SELECT RAISE(ABORT, 'no claims'); END"
        await execute(settings.database, f"{_TRIGGER} {refusal}")
        return
    await execute(
        settings.database,
        f"CREATE FUNCTION refuse() RETURNS trigger {_REFUSAL}",
        f"{_TRIGGER} FOR EACH ROW WHEN (NEW.owner IS NOT NULL) EXECUTE FUNCTION refuse()",
    )


async def test_a_worker_that_dies_ends_the_wait_for_its_jobs(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    stopped = asyncio.Event()

    async def wait_for_ever() -> None:
        try:
            await asyncio.Future[None]()
        finally:
            stopped.set()

    await app.builds.submit(build_spec(app))
    await refuse_claims(app.settings)
    with pytest.raises(OperatorError, match=r"stopped unexpectedly.* To go on: again"):
        await asyncio.wait_for(run_with_worker(app.worker, wait_for_ever(), "To go on: again"), 60)
    assert stopped.is_set()
    assert "no claims" in caplog.text


@pytest.mark.timeout(60)
def test_a_build_whose_worker_dies_says_how_to_go_on(terminal: RunCommand, built: Settings) -> None:
    asyncio.run(refuse_claims(built))
    ended = terminal("dataset", "build", "--source", "shipped", "--yes")
    assert ended.exit_code == 1
    assert "stopped unexpectedly" in ended.stderr
    assert ended.stderr.endswith("to go on: herosmith jobs follow 2\n")


async def test_what_is_done_outlasts_the_worker_of_the_command(app: App) -> None:
    job, _ = await app.builds.submit(build_spec(app))

    async def end() -> str:
        async def ended() -> bool:
            return (await app.jobs.get(job.id)).ended

        await eventually(ended, what="the job ends")
        return "done"

    assert await run_with_worker(app.worker, end(), "") == "done"


async def test_a_job_is_waited_for_only_if_a_worker_runs(app: App) -> None:
    job, _ = await app.builds.submit(build_spec(app))
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert not await is_picked_up(app.jobs, job.id, app.settings)
    waited = loop.time() - began
    assert waited >= 2.5 if ON_POSTGRES else waited < 2.5  # there it may run on another host
    with worker_lock(app.settings.data_dir):
        waiting = asyncio.create_task(is_picked_up(app.jobs, job.id, app.settings))
        assert await app.worker.run_next()
        assert await waiting
