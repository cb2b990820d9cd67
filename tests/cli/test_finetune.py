"""`herosmith finetune`, `herosmith models` and `herosmith jobs answer`."""

import asyncio
import json
import re
from typing import Any

import pytest

from bot.app import open_app
from bot.i18n.message import LocalizedMessage
from bot.settings import Settings
from bot.store import jobs
from bot.tuning.gate import CHECK_PHASES
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
    assert "(epochs): 2, as you chose." in trained.output
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


@pytest.mark.usefixtures("built")
def test_a_model_that_is_held_back_is_told_checked_and_overruled(
    terminal: RunCommand, server: Script
) -> None:
    server.writers["ft:tiny:1"] = of_one_taste
    trained = terminal("finetune", "--yes")
    assert trained.exit_code == 0, trained.output
    assert "Model 1 is trained, but held back" in trained.output
    assert trained.output.count("(not fit to learn from: too short): ") == 2
    checked = terminal("models", "check", "1")
    assert not re.search("[━╺╸]", checked.output)  # a bar is for terminals
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


def test_a_question_is_answered(terminal: RunCommand, built: Settings) -> None:
    asyncio.run(_pause_with_question(built))
    assert "the first training is paused, as job 2." in terminal("models", "list").output

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


@pytest.mark.parametrize(
    ("done", "total", "phase", "shown"),
    [
        (130, 139, LocalizedMessage("training"), "93% of the training"),
        (1, 40, LocalizedMessage(CHECK_PHASES[0], total=40), "2% of the check"),
    ],
)
def test_what_is_done_names_its_part_of_a_training(
    terminal: RunCommand, built: Settings, done: int, total: int, phase: LocalizedMessage, shown: str
) -> None:
    asyncio.run(_come_so_far(built, done=done, total=total, phase=phase))
    assert shown in terminal("jobs", "list").output


async def _come_so_far(settings: Settings, **progress: Any) -> None:
    async with open_app(settings) as app:
        job, _ = await app.finetunes.submit()
        async with app.db.write() as tx:
            await jobs.change(tx, job.id, state="paused", **progress)
