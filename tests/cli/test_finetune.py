"""`herosmith finetune`, `herosmith models` and `herosmith jobs answer`."""

import asyncio
from pathlib import Path

from bot.app import open_app
from bot.i18n.message import LocalizedMessage
from bot.settings import ROOT, Settings
from bot.store import jobs
from tests.cli.conftest import RunCommand


def test_finetune_then_promote_roll_back_retire_and_compare(terminal: RunCommand) -> None:
    assert "no dataset yet" in terminal("finetune", "--yes").output
    assert terminal("dataset", "build", "--limit", "16", "--yes").exit_code == 0

    declined = terminal("finetune", typed="n\n")
    assert "Nothing was done." in declined.output
    trained = terminal("finetune", "--epochs", "2", "--yes")
    assert trained.exit_code == 0, trained.output
    assert "x 2 epochs (as ordered)" in trained.output
    assert "ft:tiny:1` is trained and live" in trained.output
    assert "loss.png" in trained.output

    assert terminal("finetune", "--yes").exit_code == 0
    listed = terminal("models", "list").output
    assert "1 ft:tiny:1\n   live" in listed
    assert "candidate, challenges the live one" in listed
    assert "Model 2, ft:tiny:2: live." in terminal("models", "promote", "2").output
    assert "by hand (override), in the place of model 1" in terminal("models", "show", "2").output
    assert "Model 1, ft:tiny:1: live." in terminal("models", "rollback").output
    assert "Model 2, ft:tiny:2: retired." in terminal("models", "retire", "2").output
    compared = terminal("models", "compare", "1", "--hero", "40 woman healing").output
    assert "40-year-old woman, healing" in compared
    assert "base, given a beginning and an ending: " in compared


def test_an_unknown_method_is_refused(terminal: RunCommand) -> None:
    refused = terminal("finetune", "--method", "magic")
    assert refused.exit_code == 2
    assert "magic is no method" in refused.output


def test_a_question_is_answered(terminal: RunCommand, tmp_path: Path, server_url: str) -> None:
    terminal("dataset", "build", "--limit", "16", "--yes")
    settings = Settings(
        data_dir=tmp_path / "var" / "playground",
        engine_url=server_url,
        heroes_file=ROOT / "data" / "heroes.toml",
    )
    asyncio.run(_pause_with_question(settings))

    assert "Which one?" in terminal("jobs", "list").output
    assert "waits for an answer. Which one?" in terminal("jobs", "resume", "2").output
    assert terminal("jobs", "answer", "2").exit_code == 2
    assert "finetune\tqueued" in terminal("jobs", "answer", "2", "--none").output
    assert "has asked nothing" in terminal("jobs", "answer", "2", "--none").output


async def _pause_with_question(settings: Settings) -> None:
    async with open_app(settings) as app:
        job, _ = await app.finetunes.submit()
        async with app.db.write() as tx:
            await jobs.change(tx, job.id, state="paused", question=LocalizedMessage("Which one?"))
