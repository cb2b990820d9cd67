"""The registry: one live model, candidates in line, and a history that forgets nothing."""

import asyncio

import pytest

from bot.app import App
from bot.errors import UserError
from bot.heroes.hero import Hero
from bot.store import models
from bot.store.models import Model
from tests.support.eventually import eventually
from tests.support.scripted_server import Script
from tests.support.workflows import build, finetune

HERO = Hero(40, "woman", "healing")


async def states(app: App) -> dict[str, str]:
    return {model.name: model.state for model in await app.registry.all()}


async def tuned(app: App, number: int) -> list[Model]:
    """So many models of one dataset."""
    await build(app)
    for _ in range(number):
        await finetune(app)
    return await app.registry.all()


async def history(app: App, model: int) -> list[tuple[str, int | None, int | None]]:
    return [
        (each.what, each.replaced_id, each.actor_id) for each in (await app.registry.record(model)).events
    ]


async def test_the_first_goes_live_and_later_ones_challenge_it_one_at_a_time(app: App) -> None:
    await tuned(app, 3)
    assert await states(app) == {"ft:tiny:1": "live", "ft:tiny:2": "candidate", "ft:tiny:3": "candidate"}

    challenger = await app.registry.challenger()
    assert challenger
    assert challenger.id == 2
    await app.registry.retire(2, actor_id=7)
    challenger = await app.registry.challenger()
    assert challenger
    assert challenger.id == 3
    assert await history(app, 2) == [("registered", None, None), ("passed", None, None), ("retired", None, 7)]


async def test_promotion_by_hand_is_an_override_and_retires_the_live_one(app: App) -> None:
    await tuned(app, 2)

    await app.registry.promote(2, actor_id=7)
    await app.registry.promote(2, actor_id=7)  # it is live already

    assert await states(app) == {"ft:tiny:1": "retired", "ft:tiny:2": "live"}
    assert await history(app, 1) == [
        ("registered", None, None),
        ("passed", None, None),
        ("first", None, None),
    ]
    assert await history(app, 2) == [("registered", None, None), ("passed", None, None), ("override", 1, 7)]


async def test_rollback_goes_back_step_by_step_and_not_in_a_circle(app: App) -> None:
    await tuned(app, 3)
    await app.registry.promote(2)
    await app.registry.promote(3)

    assert (await app.registry.roll_back(actor_id=7)).id == 2
    assert await states(app) == {"ft:tiny:1": "retired", "ft:tiny:2": "live", "ft:tiny:3": "retired"}
    assert (await app.registry.roll_back()).id == 1
    with pytest.raises(UserError, match="no earlier model"):
        await app.registry.roll_back()
    assert (await history(app, 2))[-1] == ("rolled back", 3, 7)


async def test_what_cannot_be_done_changes_nothing(app: App) -> None:
    await tuned(app, 2)
    with pytest.raises(UserError, match="no model 9"):
        await app.registry.promote(9)
    with pytest.raises(UserError, match=r"is live\. Let another one serve first"):
        await app.registry.retire(1)
    assert await states(app) == {"ft:tiny:1": "live", "ft:tiny:2": "candidate"}


async def test_a_model_entered_again_stays_as_it_is(app: App) -> None:
    first, second = await tuned(app, 2)
    await app.registry.promote(second.id)
    again = await app.registry.register(
        name=first.name,
        base=first.base,
        dataset_id=1,
        job_id=first.job_id,
        metrics={},
        served_as=first.name,
    )
    assert again.state == "retired"
    assert again.metrics == {"loss_before": 2.5, "loss_after": 1.25}


async def test_however_many_promote_at_once_one_is_live(app: App) -> None:
    await tuned(app, 4)
    await asyncio.gather(*(app.registry.promote(number) for number in (2, 3, 4, 2, 3)))
    assert sorted((await states(app)).values()) == ["live", "retired", "retired", "retired"]


async def test_a_hero_in_flight_while_models_are_switched_is_answered_by_one(
    app: App, script: Script
) -> None:
    await tuned(app, 2)
    script.delay = 0.3
    asked = len(script.asked)
    slow = asyncio.create_task(app.describer.describe(HERO, requester=1))
    await eventually(lambda: len(script.asked) > asked, what="the live model is asked")
    await app.registry.promote(2)

    described = await slow
    assert described.model == "ft:tiny:1" == script.asked[-1]["model"]
    script.delay = 0
    assert (await app.describer.describe(HERO, requester=1)).model == "ft:tiny:2"


async def test_a_live_model_that_its_server_lost_gives_way_to_the_one_before_and_then_to_the_base(
    app: App, script: Script
) -> None:
    await tuned(app, 3)
    await app.registry.promote(2)
    await app.registry.promote(3)

    def lose(*names: str) -> None:
        script.unknown_models = set(names)
        script.trainings.gone = set(names)

    script.trainings.lists = [app.settings.base_model]
    lose("ft:tiny:3", "ft:tiny:2")  # both at once: the first of the three serves again
    assert (await app.describer.describe(HERO, requester=1)).model == "ft:tiny:1"
    assert await states(app) == {"ft:tiny:1": "live", "ft:tiny:2": "retired", "ft:tiny:3": "retired"}

    lose("ft:tiny:1", "ft:tiny:2", "ft:tiny:3")
    described = await app.describer.describe(HERO, requester=1)
    assert (described.tuned, described.model) == (False, app.settings.author_model)
    assert await app.registry.live() is None
    async with app.db.read() as tx:
        history = [event.what for event in await models.list_events(tx, 1)]
    assert history == ["registered", "passed", "first", "fell back", "lost"]


async def test_a_passing_404_costs_no_model_its_place(app: App, script: Script) -> None:
    """The server lists the model still: the base answers this once."""
    await tuned(app, 1)
    script.unknown_models = {"ft:tiny:1"}
    assert not (await app.describer.describe(HERO, requester=1)).tuned
    script.unknown_models = set()
    assert (await app.describer.describe(HERO, requester=1)).tuned
    assert await states(app) == {"ft:tiny:1": "live"}


async def test_votes_are_counted_by_model(app: App) -> None:
    await tuned(app, 2)
    first = await app.describer.describe(HERO, requester=1)
    await app.registry.promote(2)
    second = await app.describer.describe(HERO, requester=1)
    for voter, thumb, described in (("a", "👍", first), ("b", "👎", first), ("a", "👍", second)):
        await app.votes.simulate(described.id, voter, thumb)

    votes = await app.votes.by_model()
    assert (votes["ft:tiny:1"].ups, votes["ft:tiny:1"].downs) == (1, 1)
    assert (votes["ft:tiny:2"].ups, votes["ft:tiny:2"].downs) == (1, 0)
