"""The playground's own part: commands typed and sent in one go."""

import pytest
import simcord

from bot.app import App
from bot.playground import TypedCommands, read_command
from tests.conftest import Stage

KNOWN = ("hero", "build-dataset", "dataset review", "finetune")


@pytest.mark.parametrize(
    ("typed", "name", "options"),
    [
        ("/hero 40 woman healing", "hero", {"hero": "40 woman healing"}),
        ("/hero hero: 40, woman, Healing ->", "hero", {"hero": "40, woman, Healing ->"}),
        ("/build-dataset", "build-dataset", {}),
        ("/dataset review", "dataset review", {}),
        ("/dataset review version:2", "dataset review", {"version": 2}),
        (" /build-dataset limit:24 repeats:2 ", "build-dataset", {"limit": 24, "repeats": 2}),
    ],
)
def test_reads_commands(typed: str, name: str, options: dict[str, object]) -> None:
    assert read_command(typed, KNOWN) == (name, options)


@pytest.mark.parametrize(
    "typed", ["/build-dataset 24", "/build-dataset limit=24", "/nosuch", "/dataset", "/heroes", "/"]
)
def test_what_is_not_understood_is_not_run(typed: str) -> None:
    with pytest.raises(ValueError, match=r"name:value|there is no command"):
        read_command(typed, KNOWN)


@pytest.fixture
def typed(stage: Stage) -> TypedCommands:
    return TypedCommands(stage.channel, [stage.olga, stage.ana])


async def test_a_typed_command_is_run_in_its_authors_name(stage: Stage, typed: TypedCommands) -> None:
    await stage.ana.send(stage.channel, "/hero 40 woman healing")

    await typed.run()
    await typed.run()

    (answer,) = stage.channel.history()
    assert answer.embeds[0].title == "40-year-old woman, healing"


@pytest.mark.parametrize("line", ["/build-dataset limit:5", "/build-dataset 24", "/finetune dataset:x"])
async def test_wrong_options_are_told_in_the_lines_place(
    stage: Stage, typed: TypedCommands, app: App, line: str
) -> None:
    await stage.olga.send(stage.channel, line)

    await typed.run()

    (message,) = stage.channel.history()
    assert message.content.startswith(f"{line}\n-# not run: ")
    assert await app.board.unannounced() == []


async def test_a_member_cannot_type_an_operators_command(stage: Stage, typed: TypedCommands) -> None:
    await stage.ana.send(stage.channel, "/finetune")
    await typed.run()
    assert "there is no command /finetune for you" in stage.channel.history()[0].content


async def test_talk_stays_talk(stage: Stage, typed: TypedCommands) -> None:
    await stage.ana.send(stage.channel, "I would type /hero here")
    await typed.run()
    assert [message.content for message in stage.channel.history()] == ["I would type /hero here"]


async def test_a_command_typed_while_the_page_is_busy_is_run_later(
    stage: Stage, typed: TypedCommands
) -> None:
    await stage.ana.send(stage.channel, "/hero 40 woman healing")
    stage.env._operation_task, stage.env._operation_label = object(), "an action"  # type: ignore[assignment]
    with pytest.raises(simcord.SetupError, match="overlaps"):
        await typed.run()
    stage.env._operation_task = None

    await typed.run()

    assert stage.channel.history()[0].embeds[0].title == "40-year-old woman, healing"
