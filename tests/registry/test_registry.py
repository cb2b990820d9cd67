"""The registry: one live model, candidates in line, and a history that forgets nothing."""

import asyncio

import pytest

from bot.app import App, open_app
from bot.errors import UserError
from bot.heroes.hero import Hero
from bot.settings import Settings
from bot.store import models
from bot.store.job_schema import Verdict
from bot.store.models import Model
from tests.support.duels import vote, vote_unanimously
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


async def ahead(app: App) -> dict[int, int]:
    """Return how many candidates are ahead of each."""
    return {
        each.id: await app.registry.count_ahead(each)
        for each in await app.registry.all()
        if each.state == "candidate"
    }


async def history(app: App, model: int) -> list[tuple[str, int | None, int | None]]:
    return [
        (each.what, each.replaced_id, each.actor_id) for each in (await app.registry.record(model)).events
    ]


async def test_the_first_goes_live_and_later_ones_challenge_it_one_at_a_time(app: App) -> None:
    await tuned(app, 3)
    assert await states(app) == {"ft:tiny:1": "live", "ft:tiny:2": "candidate", "ft:tiny:3": "candidate"}

    assert await app.registry.candidate_stages() == {2: "in duels", 3: "waiting"}
    await app.registry.retire(2, actor_id=7)
    assert await app.registry.candidate_stages() == {3: "in duels"}
    assert await history(app, 2) == [("registered", None, None), ("passed", None, None), ("retired", None, 7)]


async def test_a_candidate_that_has_won_keeps_the_others_waiting_for_the_operator(app: App) -> None:
    await tuned(app, 4)
    await vote_unanimously(app, "candidate")
    assert await app.registry.candidate_stages() == {2: "won", 3: "behind winner", 4: "behind winner"}
    assert await ahead(app) == {2: 0, 3: 1, 4: 2}

    await app.registry.retire(2)
    assert await app.registry.candidate_stages() == {3: "in duels", 4: "waiting"}
    await app.registry.roll_back()
    assert await app.registry.candidate_stages() == {3: "without rival", 4: "without rival"}


@pytest.mark.parametrize(("rules", "ended"), [({"trial_duels": 2}, "undecided"), ({}, "in duels")])
async def test_a_candidate_that_votes_could_not_decide_on_has_had_its_turn(
    settings: Settings, rules: dict[str, int], ended: str
) -> None:
    async with open_app(settings.model_copy(update=rules)) as app:
        await tuned(app, 3)
        await vote(app, "one", "candidate")
        await vote(app, "other", "live")
        stages = await app.registry.candidate_stages()
        assert stages == {2: ended, 3: "in duels" if ended == "undecided" else "waiting"}
        assert await ahead(app) == {2: 0, 3: 0 if ended == "undecided" else 1}


async def test_a_model_that_lost_its_place_waits_behind_the_others_and_its_old_victory_does_not_count(
    app: App,
) -> None:
    await tuned(app, 4)
    await vote_unanimously(app, "candidate")
    await app.trials.make_live(2)
    assert await app.registry.candidate_stages() == {1: "waiting", 3: "in duels", 4: "waiting"}
    assert await ahead(app) == {1: 2, 3: 0, 4: 1}
    await app.registry.retire(3)
    await app.registry.retire(4)
    await vote_unanimously(app, "candidate")
    assert await app.registry.candidate_stages() == {1: "won"}
    await app.trials.make_live(1)  # it wins its place back
    assert await app.registry.candidate_stages() == {2: "in duels"}


async def test_a_candidate_in_duels_has_nobody_ahead_however_many_wait(app: App) -> None:
    """Here an older one joins the line while it duels."""
    await tuned(app, 4)
    await app.registry.conclude(2, Verdict(live_id=1, faults=["fit"]))
    await app.trials.advance()
    await app.registry.conclude(2, Verdict(live_id=1))
    assert await app.registry.candidate_stages() == {2: "waiting", 3: "in duels", 4: "waiting"}
    assert await ahead(app) == {2: 1, 3: 0, 4: 2}


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

    assert await live_after_rollback(app, actor_id=7) == 2
    assert await states(app) == {"ft:tiny:1": "retired", "ft:tiny:2": "live", "ft:tiny:3": "retired"}
    assert await live_after_rollback(app) == 1
    assert await live_after_rollback(app) is None
    assert await app.registry.live() is None
    assert (await history(app, 2))[-1] == ("rolled back", 3, 7)
    with pytest.raises(UserError, match="No trained model is live"):
        await app.registry.roll_back()
    assert (await app.registry.promote(1)).state == "live"


async def live_after_rollback(app: App, **options: int) -> int | None:
    live = await app.registry.roll_back(**options)
    return live.id if live else None


async def test_what_cannot_be_done_changes_nothing(app: App) -> None:
    await tuned(app, 2)
    with pytest.raises(UserError, match="no model 9"):
        await app.registry.promote(9)
    with pytest.raises(UserError, match=r"is live, so it cannot be retired"):
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
