"""The guide: it knows from the database where the visitor is, through the whole loop."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from bot.app import App
from bot.i18n.message import ENGLISH
from bot.local_page.server import Page
from bot.playground.simulated_discord import SimulatedDiscord, open_simulated_discord
from bot.playground.tutorial import Step, steps
from bot.store import descriptions, duels, jobs, milestones
from bot.store.job_schema import BuildSpec
from tests.playground.conftest import Message, Visitor, visiting, visitor_session
from tests.support.duels import HERO, two_models, vote, vote_unanimously
from tests.support.eventually import eventually
from tests.support.scripted_server import Script
from tests.support.workflows import build, finetune, run_job
from tests.support.writers import of_one_taste

TITLES = [
    "Ask for a hero",
    "Gather examples",
    "Train the model",
    "Ask again",
    "Vote",
    "Gather again",
    "Train again",
    "Let them duel",
    "Promote the winner",
    "See the best",
]


async def next_step(app: App, world: SimulatedDiscord) -> Step:
    """Return the step that the guide shows."""
    return next(step for step in await shown_steps(app, world) if not step.done)


async def shown_steps(app: App, world: SimulatedDiscord) -> list[Step]:
    return await steps(app, world, ENGLISH)


async def describe(app: App, *, likes: int = 0, shown: bool = True) -> None:
    """Let olga (by a pseudonym that is not hers) ask for a hero, and others like it."""
    description = await app.describer.describe(HERO, requester=7)
    if shown:
        await app.describer.set_message(description, 1, description.id)
    for number in range(likes):
        await app.votes.simulate(description.id, f"voter {number}", "👍")


async def test_the_steps_and_who_takes_them(app: App, world: SimulatedDiscord) -> None:
    shown = await shown_steps(app, world)
    assert [step.title for step in shown] == TITLES
    assert [step.done for step in shown] == [False] * 10
    assert shown[0].line == "/hero 40 woman healing"
    assert shown[0].person is None
    assert shown[1].line == "/build-dataset source:shipped"
    assert {shown[index].person for index in (1, 2, 5, 6)} == {"olga"}
    assert all(step.why.endswith(".") and step.why.count(". ") == 0 for step in shown)  # one sentence


@pytest.mark.parametrize(
    ("doings", "title"),
    [
        ([describe], "Gather examples"),
        ([describe, build], "Train the model"),
        ([describe, build, finetune], "Ask again"),
        ([build, finetune, describe], "Vote"),
    ],
)
async def test_each_deed_leads_to_the_next_step(
    app: App, world: SimulatedDiscord, doings: list[Callable[[App], Awaitable[object]]], title: str
) -> None:
    for do in doings:
        await do(app)
    assert (await next_step(app, world)).title == title


async def test_the_second_round(app: App, world: SimulatedDiscord) -> None:
    await build(app)
    await finetune(app)
    await describe(app, likes=1)
    assert (await next_step(app, world)).title == "Vote"
    await describe(app, likes=2)
    assert (await next_step(app, world)).title == "Gather again"
    await build(app)
    assert (await next_step(app, world)).title == "Train again"
    await finetune(app)
    step = await next_step(app, world)
    assert (step.title, step.line) == ("Let them duel", "/duel 40 woman healing")
    await vote(app, "voter", "candidate")
    step = await next_step(app, world)
    assert (step.title, step.line) == ("Promote the winner", "/models promote model:2")
    await app.registry.promote(2, actor_id=1)
    assert (await next_step(app, world)).title == "See the best"


async def test_a_liked_text_that_may_not_train_is_no_step_taken(
    app: App, world: SimulatedDiscord, script: Script
) -> None:
    await build(app)
    await finetune(app)
    script.texts = ["Sleeps.", "Sings."]
    await describe(app)
    step = await next_step(app, world)
    assert (step.title, step.line) == ("Vote", "/hero 40 woman healing")
    assert "No text here may teach the next model (1 " in str(step.todo)
    await describe(app, likes=2)
    shown = await shown_steps(app, world)
    assert not shown[4].done
    assert "No text here may teach" in str(shown[5].todo)
    await build(app)  # it takes in nothing that was liked
    assert (await next_step(app, world)).title == "Vote"


async def test_only_the_round_that_runs_says_so(app: App, world: SimulatedDiscord) -> None:
    await build(app)
    await app.finetunes.submit(epochs=1)
    shown = await shown_steps(app, world)
    assert "It has begun" in str(shown[2].todo)
    assert (shown[6].todo, shown[6].line) == ("Confirm its plan.", "/finetune")
    assert "second model" in str(shown[7].todo)
    assert "second model" in str(shown[8].todo)


async def test_a_candidate_that_has_won_is_promoted(app: App, world: SimulatedDiscord) -> None:
    await two_models(app)
    await describe(app, likes=2)
    await build(app)
    await vote_unanimously(app, "candidate")
    step = await next_step(app, world)
    assert (step.title, step.line) == ("Promote the winner", "/models promote model:2")
    assert str(step.todo).startswith("The candidate has won its duels.")


async def test_the_guide_says_how_the_untrained_model_was_helped(app: App, world: SimulatedDiscord) -> None:
    """The first text is not to be taken for the model's own: the comparison would be unfair."""
    shown = await steps(app, world, ENGLISH)
    assert "it writes only the sentence between them" in str(shown[0].todo)
    assert "it wrote only the sentence in the middle" in str(shown[3].todo)
    settings = app.settings.model_copy(update={"openai_base_url": "http://127.0.0.1:9/v1"})
    shown = await steps(replace(app, settings=settings), world, ENGLISH)  # its author writes the whole text
    assert shown[0].todo == "Any age, gender and power will do."
    assert shown[3].todo == "Compare the answer with the first one."


async def test_a_step_names_the_message_on_which_it_is_done(app: App, world: SimulatedDiscord) -> None:
    assert [step.message for step in await shown_steps(app, world)] == [None] * 10
    await two_models(app)
    await describe(app)
    async with app.db.read() as tx:
        (shown,) = await milestones.list_shown(tx)
    step = await next_step(app, world)
    assert (step.title, step.message) == ("Vote", str(shown.message_id))
    await describe(app, likes=2)
    job, _ = await app.builds.plan(BuildSpec(limit=16))
    async with app.db.write() as tx:
        await jobs.change(tx, job.id, message_id=2**60)
    step = await next_step(app, world)
    assert (step.title, step.message) == ("Gather again", str(2**60))
    await app.jobs.confirm(job.id)
    assert (await next_step(app, world)).message is None  # a build that runs needs nothing


async def test_after_a_restart_the_vote_begins_with_a_hero(app: App, world: SimulatedDiscord) -> None:
    await build(app)
    await finetune(app)
    await describe(app)
    step = await next_step(app, world)
    assert (step.person, step.line) == ("ana", None)
    async with app.db.write() as tx:
        for forget in (descriptions.forget_messages, duels.forget_messages, jobs.forget_messages):
            await forget(tx)
    step = await next_step(app, world)
    assert (step.title, step.person, step.line) == ("Vote", None, "/hero 40 woman healing")


async def test_a_model_without_a_candidate_is_explained(app: App, world: SimulatedDiscord) -> None:
    await two_models(app)
    await describe(app, likes=2)
    await build(app)
    await app.registry.retire(2, actor_id=1)
    step = await next_step(app, world)
    assert (step.title, step.line) == ("Let them duel", "/models list")
    assert "says why" in str(step.todo)


@pytest.mark.parametrize(("sound", "title"), [(0, "Train the model"), (1, "Train again")])
async def test_a_model_that_is_held_back_is_not_a_step_taken(
    app: App, world: SimulatedDiscord, script: Script, sound: int, title: str
) -> None:
    script.writers[f"ft:tiny:{sound + 1}"] = of_one_taste
    await describe(app)
    await build(app)
    for _ in range(sound):
        await finetune(app)
        await describe(app, likes=2)
        await build(app)
    await finetune(app)
    step = await next_step(app, world)
    assert (step.title, step.line, step.done) == (title, "/build-dataset source:shipped", False)
    assert "More examples help most" in str(step.todo)
    await run_job(app, BuildSpec(source="shipped", hand_written=False))
    step = await next_step(app, world)
    assert (step.title, step.line) == (title, "/finetune")
    assert "Confirm" in str(step.todo)


async def test_a_model_that_the_shipped_texts_did_not_help_needs_a_larger_dataset(
    app: App, world: SimulatedDiscord, script: Script
) -> None:
    script.writers["ft:tiny:1"] = of_one_taste
    await describe(app)
    await run_job(app, BuildSpec(source="shipped", hand_written=False))
    await finetune(app)
    step = await next_step(app, world)
    assert (step.title, step.line) == ("Train the model", "/build-dataset")


async def test_a_step_that_is_done_says_what_was_done(app: App, world: SimulatedDiscord) -> None:
    await describe(app)
    await build(app)
    await finetune(app)
    shown = await shown_steps(app, world)
    assert [step.todo for step in shown if step.done] == [
        "The model has described a hero.",
        "The first dataset is there.",
        "A model was trained, and has passed its check.",
    ]


def current(visitor: Visitor) -> dict[str, object]:
    return next(step for step in visitor.steps if not step["done"])


def confirm_button(message: Message) -> str | None:
    buttons = [each for row in message["components"] for each in row["components"]]
    return next((each["custom_id"] for each in buttons if each.get("label") == "Confirm"), None)


async def test_a_plan_and_a_running_job_are_named(olga: Visitor, app: App) -> None:
    """No worker runs here, so the job waits."""
    await olga.type_line("/hero 40 woman healing")
    await olga.wait_for_message(lambda message: message["reactions"])
    await olga.wait_for(lambda: current(olga)["title"] == "Gather examples")
    line = str(current(olga)["line"])
    await olga.type_line(line)
    plan = await olga.wait_for_message(confirm_button)
    await olga.wait_for(lambda: "The plan is in the channel" in str(current(olga)["todo"]))
    assert (current(olga)["line"], current(olga)["message"]) == (None, plan["id"])
    await olga.ask(do="click", message=plan["id"], custom_id=confirm_button(plan))
    await olga.wait_for(lambda: "It runs" in str(current(olga)["todo"]))
    await app.jobs.pause(1)
    await olga.type_line("hello")
    await olga.wait_for(lambda: "Resume" in str(current(olga)["todo"]))
    await app.jobs.cancel(1)
    await olga.type_line("hello")
    await olga.wait_for(lambda: current(olga)["line"] == line)


@pytest.mark.usefixtures("running_worker")
async def test_members_are_asked_for_their_votes_in_turn(page: Page, olga: Visitor, app: App) -> None:
    await build(app)
    await finetune(app)
    await olga.type_line("/hero 40 woman healing")
    hero = await olga.wait_for_message(lambda message: len(message["reactions"]) == 2)
    for name, title in (("ana", "Vote"), ("ben", "Gather again")):
        await olga.wait_for(lambda name=name: current(olga)["person"] == name)  # type: ignore[misc]
        async with visiting(page, name) as member:
            await member.ask(do="react", message=hero["id"], emoji="👍", on=True)
        await olga.wait_for(lambda title=title: current(olga)["title"] == title)  # type: ignore[misc]


async def test_the_guide_sees_what_is_written_down_after_an_event(olga: Visitor, app: App) -> None:
    await olga.wait_for(lambda: olga.steps and current(olga)["title"] == "Ask for a hero")
    await describe(app)  # nothing happens in the channel
    await olga.wait_for(lambda: current(olga)["title"] == "Gather examples")


async def test_top_counts_once_it_shows_something_and_ends_a_guide_that_is_done(
    olga: Visitor, page: Page, app: App
) -> None:
    await olga.wait_for(lambda: olga.steps)
    await olga.type_line("/top")
    await olga.wait_for_message(lambda message: "Nobody is in it yet" in str(message["embeds"]))
    await two_models(app)
    await describe(app, likes=2)
    await olga.wait_for(lambda: olga.steps[4]["done"])
    assert not olga.steps[-1]["done"]
    await olga.type_line("/top everywhere:True")
    await olga.wait_for(lambda: olga.steps[-1]["done"])
    assert (olga.steps[-1]["todo"], olga.steps[-1]["in_discord"]) == ("The hall of fame was shown.", None)
    await build(app)
    await vote(app, "voter", "candidate")
    await app.registry.promote(2, actor_id=1)
    await olga.wait_for(lambda: "close this guide" in olga.steps[-1]["todo"])
    async with visitor_session(page) as session, session.get(olga.steps[-1]["in_discord"]) as readme:
        assert 'id="run-it-in-discord"' in await readme.text()


async def test_the_last_step_survives_a_restart(app: App) -> None:
    async with open_simulated_discord(app) as world:
        await describe(app, likes=2)
        await world.act(world.people["olga"].slash(world.channel, "top", everywhere=True))

        async def seen() -> bool:
            return (await shown_steps(app, world))[-1].done

        await eventually(seen, what="the hall of fame is shown, with its card")
    async with open_simulated_discord(app) as world:
        assert (await shown_steps(app, world))[-1].done
