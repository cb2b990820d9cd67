"""Commands typed in one line, and their completions."""

import pytest

from bot.app import App
from bot.errors import Refused
from bot.i18n.catalogues import Catalogues
from bot.i18n.message import ENGLISH
from bot.playground.command_line import is_complete, parse_command, visible_commands
from bot.playground.simulated_discord import SimulatedDiscord
from tests.playground.conftest import Visitor

MENTIONABLE = {"@ana": "ana", "@operator": "operator", "#heroes": "heroes"}


def as_olga(typed: str, world: SimulatedDiscord) -> tuple[str, dict[str, object]]:
    return parse_command(typed, visible_commands(world.people["olga"], world, ENGLISH), MENTIONABLE)


@pytest.mark.parametrize(
    ("typed", "name", "options"),
    [
        ("/hero 40 woman healing", "hero", {"hero": "40 woman healing"}),
        ("/hero hero: 40, woman, Healing ->", "hero", {"hero": "40, woman, Healing ->"}),
        ("/build-dataset", "build-dataset", {}),
        ("/dataset review", "dataset review", {}),
        ("/dataset review version:2", "dataset review", {"version": 2}),
        ("/build-dataset  limit:24 repeats: 2 ", "build-dataset", {"limit": 24, "repeats": 2}),
        ("/build-dataset budget:0.5 batch:true", "build-dataset", {"budget": 0.5, "batch": True}),
        ("/build-dataset model:a model limit:24", "build-dataset", {"model": "a model", "limit": 24}),
        ("/settings role role:@operator cooldown:9", "settings role", {"role": "operator", "cooldown": 9}),
        ("/people block member:@ana", "people block", {"member": "ana"}),
        ("/finetune method:dpo", "finetune", {"method": "dpo"}),
        ("/models compare a:1 hero:30 man flight", "models compare", {"a": 1, "hero": "30 man flight"}),
    ],
)
async def test_commands_are_parsed(
    world: SimulatedDiscord, typed: str, name: str, options: dict[str, object]
) -> None:
    assert as_olga(typed, world) == (name, options)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("/build-dataset 24", "typed as name:value, not 24. /build-dataset has "),
        ("/build-dataset limit=24", "typed as name:value, not limit=24"),
        ("/models list 3", "/models list takes no options"),
        ("/build-dataset limit:many", "limit is a whole number from 14 to 500,000, not many."),
        ("/build-dataset limit:5", "limit is a whole number from 14 to 500,000, not 5."),
        ("/build-dataset limit:", "There is nothing after limit:"),
        ("/build-dataset limit:99999999999999999999", "limit is a whole number from 14 to 500,000"),
        ("/build-dataset budget:nan", "budget is a number"),
        ("/build-dataset batch:perhaps", "batch is true or false, not perhaps."),
        ("/finetune method:magic", "method is one of supervised, dpo, kto, not magic."),
        ("/finetune epochs:11", "epochs is a whole number from 1 to 10, not 11."),
        ("/finetune base-model:" + "x" * 201, "base-model has 1 to 200 characters, not 201."),
        ("/hero", "/hero also needs hero (age, gender and power, for example: 40 woman healing)."),
        ("/models promote", "/models promote also needs model (The model's number)."),
        ("/nosuch", "There is no command /nosuch. /help lists the commands"),
        ("/nosuch 40 woman", "There is no command /nosuch. /help"),
        ("/dataset", "/dataset is several commands: /dataset "),
        ("/dataset nosuch version:2", "/dataset is several commands: /dataset "),
        ("/heros", "There is no command /heros. /help"),
        ("/", "There is no command /. /help"),
    ],
)
async def test_an_invalid_line_is_refused(world: SimulatedDiscord, typed: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        as_olga(typed, world)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("typed", "complete"),
    [
        ("hello", True),
        ("/top", True),
        ("/build-dataset ", True),
        ("/build-dataset limit:24", True),
        ("/hero 40 woman", True),  # the bot says what is missing in it
        ("/he", False),
        ("/hero", False),
        ("/hero ", False),
        ("/build-dataset li", False),
        ("/build-dataset limit:2", False),
        ("/models promote", False),
    ],
)
async def test_a_line_can_be_sent_if_nothing_is_missing(
    world: SimulatedDiscord, typed: str, complete: bool
) -> None:
    assert is_complete(typed, visible_commands(world.people["olga"], world, ENGLISH)) is complete


async def test_suggests_the_commands_that_a_person_may_use(olga: Visitor, ana: Visitor) -> None:
    assert "/hero " in await ana.suggestions("/")
    assert not {"/build-dataset ", "/models list "} & set(await ana.suggestions("/"))
    assert await olga.suggestions("/b") == ["/build-dataset "]
    assert {"/dataset review ", "/models list "} <= set(await olga.suggestions("/"))
    assert await olga.suggestions("just talk") == []


async def test_suggests_unused_options(olga: Visitor) -> None:
    assert "/build-dataset limit:" in await olga.suggestions("/build-dataset ")
    assert await olga.suggestions("/build-dataset li") == ["/build-dataset limit:"]
    suggestions = await olga.suggestions("/build-dataset limit:24 ")
    assert "/build-dataset limit:24 repeats:" in suggestions
    assert "/build-dataset limit:24 limit:" not in suggestions


async def test_suggests_values(olga: Visitor) -> None:
    assert await olga.suggestions("/build-dataset batch:t") == ["/build-dataset batch:true"]
    assert await olga.suggestions("/finetune epochs:2 method:") == [
        "/finetune epochs:2 method:supervised",
        "/finetune epochs:2 method:dpo",
        "/finetune epochs:2 method:kto",
    ]
    assert await olga.suggestions("/build-dataset limit:2") == []


async def test_suggests_what_the_bot_completes(olga: Visitor) -> None:
    assert (await olga.suggestions("/hero 40 woman heal"))[0] == "/hero 40 woman healing"
    assert (await olga.suggestions("/hero hero:40 woman heal"))[0] == "/hero hero:40 woman healing"


@pytest.mark.parametrize("language", ["en", "de", "fr"])
async def test_commands_are_in_the_order_of_their_names_in_a_language(
    world: SimulatedDiscord, app: App, language: str
) -> None:
    t = Catalogues(app.settings.languages_dir).translator_for(language)
    shown = [command.name.split()[0] for command in visible_commands(world.people["olga"], world, t)]
    roots = list(dict.fromkeys(shown))
    assert len(roots) > 10
    plain = [name.replace("ä", "a").replace("é", "e") for name in roots]
    assert plain == sorted(plain)
    assert shown == [name for root in roots for name in shown if name == root]  # groups stay together
