"""/models: the registry in Discord, and what the admins are told."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.app import App
from bot.client import HeroBot
from bot.store import jobs, notifications
from bot.store.jobs import State
from tests.conftest import Stage
from tests.support.duels import vote_unanimously
from tests.support.scripted_server import Script
from tests.support.workflows import build


async def said(stage: Stage, command: str, **options: int | str) -> str:
    result = await stage.olga.slash(stage.channel, f"models {command}", **options)
    assert result.response is not None
    return result.response.content


async def test_without_models_the_list_says_what_to_do(stage: Stage) -> None:
    assert "run `/build-dataset source:shipped`, which takes seconds, then `/finetune`" in await said(
        stage, "list"
    )
    refused = await stage.olga.slash(stage.channel, "models show")
    assert (
        "run `/build-dataset source:shipped`, which takes seconds, then `/finetune`"
        in stage.ephemeral_reply(refused)
    )
    assert "No model has been trained yet" in stage.refusal()


async def test_while_the_first_model_is_in_training_the_list_names_its_job(stage: Stage, app: App) -> None:
    await build(app)
    job, _ = await app.finetunes.submit(epochs=1)
    async with app.db.write() as tx:
        await jobs.change(tx, job.id, state="running")
    in_training = f"No model has been trained yet; the first one is in training, as job {job.id}."
    assert await said(stage, "list") == in_training
    await stage.olga.slash(stage.channel, "models show")
    assert stage.refusal() == in_training
    await stage.olga.slash(stage.channel, "settings language", language="Deutsch")
    assert f"das erste ist im Training, als Job {job.id}." in await said(stage, "list")


@pytest.mark.parametrize(
    ("state", "how"),
    [
        ("queued", "the first training waits to start"),
        ("paused", "the first training is paused"),
        ("cancelling", "the first training is being cancelled"),
    ],
)
async def test_a_first_training_that_does_not_run_is_not_called_in_training(
    stage: Stage, app: App, state: State, how: str
) -> None:
    await build(app)
    job, _ = await app.finetunes.submit(epochs=1)
    async with app.db.write() as tx:
        await jobs.change(tx, job.id, state=state)
    assert await said(stage, "list") == f"No model has been trained yet; {how}, as job {job.id}."


@pytest.mark.usefixtures("two_models")
async def test_the_list_tells_state_loss_and_votes(stage: Stage, app: App) -> None:
    described = await app.describer.describe(app.heroes.vocabulary.sample(1)[0], requester=1)
    await app.votes.simulate(described.id, "somebody", "👍")
    candidate, _, trial, live, figures = (await said(stage, "list")).split("\n")
    assert candidate == "**Model 2**"
    assert trial == "-# Is the new model better? no vote counts yet."
    assert live == "**Model 1**"
    assert figures == "-# **live** · dataset v1 · loss 1.250 · 👍 1 👎 0 (100% for it)"
    assert "in duels with the live model" in await said(stage, "list")


@pytest.mark.usefixtures("two_models")
@pytest.mark.parametrize(
    ("language", "state", "promote"),
    [
        ("English", "candidate, has won its duels", "`/models promote model:2` makes it live"),
        (
            "German",
            "Kandidat, hat seine Duelle gewonnen",
            "`/modelle einsetzen modell:2` stellt es in Dienst",
        ),
    ],
)
async def test_a_candidate_that_has_won_says_so_and_what_the_operator_does_next(
    stage: Stage, app: App, language: str, state: str, promote: str
) -> None:
    await stage.olga.slash(stage.channel, "settings language", language=language)
    await vote_unanimously(app, "candidate")
    _, figures, decide, *_ = (await said(stage, "list")).split("\n")
    assert state in figures
    assert promote in decide
    assert promote in await said(stage, "show", model=2)


@pytest.mark.usefixtures("two_models")
async def test_a_candidate_without_a_live_model_to_duel_with_is_promoted_by_hand(stage: Stage) -> None:
    await said(stage, "rollback")
    _, figures, step, *_ = (await said(stage, "list")).split("\n")
    assert "no trained model is live to duel with" in figures
    assert step == "-# To make it live: `/models promote model:2`."


@pytest.mark.usefixtures("two_models")
async def test_a_models_page_tells_base_dataset_hash_and_history(stage: Stage, app: App) -> None:
    await said(stage, "promote", model=2)
    text = await said(stage, "show", model=2)
    entry = await app.registry.record(2)
    for part in (
        "Trained from smollm2-135m-instruct",
        "Its technical name: `ft:tiny:2`",
        "Job 3",
        f"dataset v1, checksum `{entry.dataset_hash[:12]}`",
        "2.500 → 1.250",
    ):
        assert part in text
    assert "went live by hand, in the place of model 1, by <@" in text
    assert "went live by hand" in await said(stage, "show")  # the live one, where none is named


@pytest.mark.usefixtures("two_models")
async def test_the_history_tells_who_let_a_model_go_live(stage: Stage, app: App) -> None:
    await said(stage, "promote", model=2)
    await app.registry.roll_back()  # as in the terminal

    first = (await said(stage, "show", model=1)).split("\n")

    assert [line.split(" · ", 1)[-1] for line in first[-4:]] == [
        "went live again by rollback, in the place of model 2, in the terminal",
        "went live in place of the base model, by itself",
        "passed its check",
        "was trained",
    ]


@pytest.mark.usefixtures("two_models")
async def test_a_model_tuned_from_another_names_it_by_its_number(stage: Stage, app: App) -> None:
    planned = await stage.olga.slash(stage.channel, "finetune", **{"base-model": "ft:tiny:1"})
    assert planned.response is not None
    assert "**Training model 1** on dataset v1" in planned.response.content
    await stage.olga.click(stage.channel.history()[-1], label="Confirm")
    assert await app.worker.run_next()
    await said(stage, "promote", model=3)

    assert "\nTrained from model 1\n" in await said(stage, "show")
    about = await stage.ana.slash(stage.channel, "about")
    assert about.response is not None
    assert about.response.embeds[0].fields[0].value == "Model 3, trained from model 1."


@pytest.mark.usefixtures("two_models")
async def test_only_a_models_page_shows_its_long_name(stage: Stage, app: App, script: Script) -> None:
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    await stage.ana.slash(stage.channel, "about")
    await stage.olga.slash(stage.channel, "models compare", a=2, hero="50 man flight")
    for command, options in (
        ("list", {}),
        ("promote", {"model": 2}),
        ("rollback", {}),
        ("retire", {"model": 2}),
    ):
        await stage.olga.slash(stage.channel, f"models {command}", **options)
    script.unknown_models = script.trainings.gone = {"ft:tiny:1"}
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")

    async with app.db.read() as tx:
        notified = [str(each.text) for each in await notifications.list_pending(tx)]
    embeds = [embed.to_dict() for message in stage.channel.history() for embed in message.embeds]
    contents = [message.content for message in stage.channel.history()]
    assert notified
    assert "ft:tiny" not in str([embeds, contents, notified])
    assert "ft:tiny:2" in await said(stage, "show", model=2)


@pytest.mark.usefixtures("two_models")
async def test_promote_rollback_and_retire(stage: Stage, app: App) -> None:
    assert "Model 2 is live" in await said(stage, "promote", model=2)
    assert "Model 1 is live again" in await said(stage, "rollback")
    assert "Model 2 is retired" in await said(stage, "retire", model=2)
    assert [model.state for model in await app.registry.all()] == ["live", "retired"]
    refused = await stage.olga.slash(stage.channel, "models retire", model=1)
    assert "so it cannot be retired" in stage.ephemeral_reply(refused)
    assert "so it cannot be retired" in stage.refusal()
    assert "The base model answers again" in await said(stage, "rollback")
    assert await app.registry.live() is None


@pytest.mark.usefixtures("two_models")
async def test_two_models_write_the_same_hero_side_by_side(stage: Stage, script: Script) -> None:
    result = await stage.olga.slash(stage.channel, "models compare", a=2, hero="50 man flight")
    assert result.response is not None
    (card,) = result.response.embeds
    assert card.title == "50-year-old man, flight"
    assert [field.name for field in card.fields] == ["candidate: model 2", "live: model 1"]
    assert {asked["model"] for asked in script.asked[-2:]} == {"ft:tiny:1", "ft:tiny:2"}

    await stage.olga.slash(stage.channel, "models compare", a=1)
    cards = stage.channel.history()[-1].embeds
    assert len(cards) == 3
    assert [field.name for field in cards[0].fields] == [
        "live: model 1",
        "base, given a beginning and an ending",
    ]


@pytest.mark.usefixtures("two_models")
@pytest.mark.parametrize(
    ("language", "undone", "level"),
    [
        ("English", "With 1 of these votes the other way it would not have won yet;", "with 6, it would not"),
        (
            "German",
            "Mit 1 dieser Stimmen für das andere hätte es noch nicht gewonnen;",
            "mit 6 läge es nicht",
        ),
    ],
)
async def test_beside_a_promotion_stands_how_many_votes_otherwise_would_undo_it(
    stage: Stage, app: App, language: str, undone: str, level: str
) -> None:
    await stage.olga.slash(stage.channel, "settings language", language=language)
    await vote_unanimously(app, "candidate")
    await said(stage, "promote", model=2)
    result = await stage.olga.slash(stage.channel, "models compare", a=2, b=1, hero="50 man flight")
    assert result.response is not None
    assert f"\n-# {undone} {level}" in result.response.content
    assert f"\n-# {undone} {level}" in await said(stage, "show", model=2)


@pytest.mark.usefixtures("two_models")
async def test_a_model_that_cannot_answer_says_so_in_its_place(stage: Stage, script: Script) -> None:
    script.unknown_models = {"ft:tiny:2"}
    result = await stage.olga.slash(stage.channel, "models compare", a=2, hero="50 man flight")
    assert result.response is not None
    assert "(no text: No server here knows" in str(result.response.embeds[0].fields[0].value)


@pytest.mark.usefixtures("two_models")
async def test_numbers_are_completed_with_names(stage: Stage) -> None:
    offered = await stage.olga.autocomplete(stage.channel, "models promote", "model", "2")
    assert offered == [{"name": "Model 2 · candidate · dataset v1", "value": 2}]


@pytest.mark.usefixtures("two_models")
async def test_a_lost_model_is_told_to_the_admins_and_not_to_the_user(
    stage: Stage, app: App, script: Script
) -> None:
    script.unknown_models = script.trainings.gone = {"ft:tiny:1"}
    async with app.db.write() as tx:
        await jobs.change(tx, 3, channel_id=stage.channel.id)

    result = await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    assert result.response is not None
    assert "Written by the base model" in (result.response.embeds[0].footer.text or "")
    await stage.env.advance_time(12)

    (text,) = [
        each.content
        for each in stage.channel.history()
        if "Model 1, which was live, is gone from its server" in each.content
    ]
    assert "the base model answers" in text
    assert "retired: its server no longer had it" in await said(stage, "show", model=1)


@pytest.mark.usefixtures("two_models")
async def test_an_end_that_comes_near_is_told_in_the_admin_channel_and_marked_in_the_list(
    stage: Stage, app: App, script: Script
) -> None:
    admins = stage.env.guild.create_text_channel("admins")
    app.notifications._admin_channel = admins.id
    day = str((datetime.now(UTC) + timedelta(days=20)).date())
    script.trainings.shutdown_dates["ft:tiny:1"] = day

    await stage.env.restart_bot(HeroBot(app))  # it asks the servers when it starts, and every six hours
    await stage.env.advance_time(12)

    (message,) = admins.history()
    assert f"shut down on {day}, in 20 days" in message.content
    assert f"⏳ available until {day}" in await said(stage, "list")
