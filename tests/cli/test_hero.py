"""`herosmith hero`, `dataset list | show | sample`, `jobs show`: look at what there is, also as JSON."""

import json
from typing import Any

import pytest

from bot.settings import Settings
from bot.store.use_lock import mark_unfinished
from tests.cli.conftest import RunCommand
from tests.support.scripted_server import Script

GENERATED = "40 woman healing"


def test_a_hero_is_described_by_the_base_and_nothing_is_kept(terminal: RunCommand) -> None:
    described = terminal("hero", GENERATED)
    assert described.exit_code == 0, described.output
    found = json.loads(terminal("hero", "40, woman, Healing ->", "--json").stdout)
    assert (found["age"], found["gender"], found["power"]) == (40, "woman", "healing")
    assert (found["tuned"], found["model"]) == (False, "smollm2-135m-instruct")
    assert found["text"]
    assert found["seconds"] >= 0
    unquoted = json.loads(terminal("hero", "40", "woman", "healing", "--json").stdout)
    assert (unquoted["age"], unquoted["gender"], unquoted["power"]) == (40, "woman", "healing")


@pytest.mark.usefixtures("built")
def test_a_hero_is_described_by_a_tuned_model(terminal: RunCommand, server: Script) -> None:
    assert terminal("finetune", "--yes").exit_code == 0
    for model in ((), ("--model", "1")):
        found = json.loads(terminal("hero", GENERATED, "--json", *model).stdout)
        assert (found["tuned"], found["model"]) == (True, "ft:tiny:1")
        assert "40-year-old woman with the power of healing" in found["text"]
        streamed = terminal("hero", GENERATED, "--stream", *model)
        assert "40-year-old woman with the power of healing" in streamed.stdout
        assert streamed.stdout.count("40-year-old") == 1
        assert server.asked[-1]["stream"] is True


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("hero", "healing"), 1, "herosmith hero '40 woman healing'"),
        (("hero", GENERATED, "--model", "7"), 1, "There is no model 7"),
        (("hero", GENERATED, "--stream", "--json"), 2, "Choose one of --stream and --json"),
    ],
)
def test_what_is_wrong_is_said(
    terminal: RunCommand, arguments: tuple[str, ...], code: int, message: str
) -> None:
    refused = terminal(*arguments)
    assert refused.exit_code == code
    assert message in refused.stderr


def test_an_interrupted_restore_is_told_before_an_engine_starts(
    terminal: RunCommand, monkeypatch: pytest.MonkeyPatch, installation: Settings
) -> None:
    monkeypatch.delenv("ENGINE_URL")
    data = installation.data_dir
    data.mkdir(parents=True)
    mark_unfinished(data)
    refused = terminal("hero", GENERATED)
    assert refused.exit_code == 1
    assert "was interrupted" in refused.stderr
    assert not (data / "logs").exists()  # which an engine writes


@pytest.mark.parametrize("command", [("hero",), ("models", "compare", "1", "--hero")])
def test_a_blocked_power_is_asked_of_no_model(
    terminal: RunCommand, server: Script, command: tuple[str, ...]
) -> None:
    refused = terminal(*command, "40 woman rape")
    assert refused.exit_code == 1
    assert "I would rather not write about" in refused.stderr
    assert server.asked == []


def _json(terminal: RunCommand, *arguments: str) -> Any:
    done = terminal(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_empty_lists_say_how_to_begin(terminal: RunCommand) -> None:
    for group, hint in (("dataset", "dataset build"), ("models", "finetune"), ("jobs", "dataset build")):
        assert f"herosmith {hint}" in terminal(group, "list").stdout
        assert _json(terminal, group, "list") == []
    assert _json(terminal, "powers", "list") == {"added": [], "requested": []}


@pytest.mark.usefixtures("built")
def test_datasets_and_jobs_are_listed_shown_and_sampled(terminal: RunCommand) -> None:
    heading, first = terminal("dataset", "list").stdout.splitlines()
    assert heading.split()[:2] == ["version", "kind"]
    assert first.split()[:2] == ["1", "texts"]
    (listed,) = _json(terminal, "dataset", "list")
    assert (listed["version"], listed["kind"], listed["train"] + listed["valid"]) == (1, "texts", 16)
    assert listed["created_at"].endswith("+00:00")

    shown = _json(terminal, "dataset", "show", "1")
    assert "items" not in shown
    assert {**listed, "recipe": shown["recipe"]} == shown
    items = _json(terminal, "dataset", "show", "--texts")["items"]
    assert len(items) == 16
    printed = terminal("dataset", "show", "--texts").stdout
    assert all(item["text"] in printed and item["prompt"] in printed for item in items)

    sampled = _json(terminal, "dataset", "sample", "-n", "4", "--seed", "7")
    assert sampled == _json(terminal, "dataset", "sample", "-n", "4", "--seed", "7")
    assert len({item["text"] for item in sampled}) == 4
    assert all(item in items for item in sampled)
    assert len(_json(terminal, "dataset", "sample", "-n", "99")) == 16
    assert sampled[0]["text"] in terminal("dataset", "sample", "-n", "4", "--seed", "7").stdout

    (job,) = _json(terminal, "jobs", "list")
    assert job == _json(terminal, "jobs", "show", "1")
    assert (job["kind"], job["state"], job["done"], job["total"]) == ("build", "succeeded", 16, 16)
    assert (job["spec"]["limit"], job["result"]["dataset"], job["error"]) == (16, 1, None)
    page = terminal("jobs", "show", "1").stdout
    for words in ("kind", "build", "limit", "Dataset v1 is ready"):
        assert words in page
    assert "**" not in page
