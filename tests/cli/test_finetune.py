"""`herosmith finetune`, `herosmith models` and `herosmith jobs answer`."""

import asyncio
import json
from pathlib import Path

from bot.app import open_app
from bot.i18n.message import LocalizedMessage
from bot.settings import ROOT, Settings
from bot.store import jobs
from tests.cli.conftest import RunCommand
from tests.support.scripted_server import Script
from tests.support.writers import of_one_taste


def test_finetune_then_promote_roll_back_retire_and_compare(terminal: RunCommand) -> None:
    assert "no dataset yet" in terminal("finetune", "--yes").output
    assert terminal("dataset", "build", "--limit", "16", "--yes").exit_code == 0

    declined = terminal("finetune", typed="n\n")
    assert "Nothing was done." in declined.output
    trained = terminal("finetune", "--epochs", "2", "--yes")
    assert trained.exit_code == 0, trained.output
    assert "x 2 epochs (as ordered)" in trained.output
    assert "Model 1 is trained and live" in trained.output
    assert "herosmith hero '40 woman healing'" in trained.output
    assert "loss.png" in trained.output

    assert terminal("finetune", "--yes").exit_code == 0
    heading, first, second = terminal("models", "list").output.splitlines()
    assert heading.split()[:3] == ["model", "state", "dataset"]
    assert first.split()[:3] == ["1", "live", "1"]
    assert "ft:" not in heading + first + second
    assert [each["name"] for each in json.loads(terminal("models", "list", "--json").stdout)] == [
        "ft:tiny:1",
        "ft:tiny:2",
    ]
    assert second.split()[:3] == ["2", "candidate", "1"]
    assert "Model 2 is live." in terminal("models", "promote", "2").output
    assert "by hand, in the place of model 1" in terminal("models", "show", "2").output
    assert "Model 1 is live." in terminal("models", "rollback").output
    assert "Model 2 is retired." in terminal("models", "retire", "2").output
    compared = terminal("models", "compare", "1", "--hero", "40 woman healing").output
    assert "40-year-old woman, healing" in compared
    compared_as_json = json.loads(terminal("models", "compare", "1", "2", "--json").stdout)
    assert len(compared_as_json) == 3
    assert [side["by"] for side in compared_as_json[0]["texts"]] == ["live: model 1", "retired: model 2"]
    shown = json.loads(terminal("models", "show", "2", "--json").stdout)
    assert (shown["state"], shown["history"][-1]["what"]) == (
        "retired",
        "override",
    )  # retired by the rollback
    assert "base, given a beginning and an ending: " in compared


def test_a_model_that_is_held_back_is_told_checked_and_overruled(
    terminal: RunCommand, server: Script
) -> None:
    server.writers["ft:tiny:1"] = of_one_taste
    terminal("dataset", "build", "--limit", "16", "--yes")
    trained = terminal("finetune", "--yes")
    assert trained.exit_code == 0, trained.output
    assert "Model 1 is trained, and held back" in trained.output
    assert trained.output.count("(may not train: too short): ") == 2
    checked = terminal("models", "check", "1")
    assert "fewer than half of its texts" in checked.output
    assert "everybody likes it" in checked.output

    declined = terminal("models", "promote", "1", typed="n\n")
    assert "Model 1 was held back" in declined.output
    assert "Nothing was done." in declined.output
    assert "held back" in terminal("models", "list").output
    assert "Model 1 is live." in terminal("models", "promote", "1", "--yes").output
    assert "though its check did not let it" in terminal("models", "show", "1").output


def test_an_unknown_method_is_refused(terminal: RunCommand) -> None:
    refused = terminal("finetune", "--method", "magic")
    assert refused.exit_code == 2
    assert "Invalid value for '--method'" in refused.output


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
    answered = terminal("jobs", "answer", "2", "--none").output.splitlines()[1]
    assert answered.split()[1:3] == ["finetune", "queued"]
    assert "has asked nothing" in terminal("jobs", "answer", "2", "--none").output


async def _pause_with_question(settings: Settings) -> None:
    async with open_app(settings) as app:
        job, _ = await app.finetunes.submit()
        async with app.db.write() as tx:
            await jobs.change(tx, job.id, state="paused", question=LocalizedMessage("Which one?"))
