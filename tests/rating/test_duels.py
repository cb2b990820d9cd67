"""Duels and trials without Discord: what counts, what decides, and what a decision does."""

import asyncio
import time

import pytest
from sqlalchemy import update

from bot.app import App, open_app
from bot.errors import OutOfReach, UserError
from bot.rating.duels import DuelVoteResult, Pairing
from bot.settings import Settings
from bot.store import models, notifications, trials
from bot.store.descriptions import Description
from bot.store.duels import Result
from bot.store.notifications import Notification, NotificationAction
from bot.store.schema import trial
from tests.support.duels import HERO, choice_for, run_duel, vote, vote_unanimously
from tests.support.scripted_server import Script
from tests.support.workflows import finetune

pytestmark = pytest.mark.usefixtures("two_models")


async def states(app: App) -> list[str]:
    return [model.state for model in await app.registry.all()]


async def events(app: App, model: int) -> list[tuple[str, int | None]]:
    return [(each.what, each.replaced_id) for each in (await app.registry.record(model)).events]


async def trial_notifications(app: App) -> list[Notification]:
    async with app.db.read() as tx:
        return [
            notification
            for notification in await notifications.list_pending(tx)
            if notification.key.startswith("trial:")
        ]


async def figures(app: App) -> str:
    status = await app.trials.status()
    assert status
    return str(status.figures)


def counts(result: DuelVoteResult) -> bool:
    """Return whether this vote is the one that counts, as the voter is told."""
    return result.not_counted is None and not result.repeated


async def test_duel_pairs_both_models_and_stores_both_texts(app: App, script: Script) -> None:
    pairing = await run_duel(app)
    assert {pairing.a.model, pairing.b.model} == {"ft:tiny:1", "ft:tiny:2"}
    assert pairing.a.text != pairing.b.text
    assert script.asked[-1]["messages"] == script.asked[-2]["messages"]


async def test_order_of_texts_is_random(app: App) -> None:
    first = {(await run_duel(app)).a.model for _ in range(30)}
    assert first == {"ft:tiny:1", "ft:tiny:2"}  # one alone comes once in 500 million runs


async def test_vote_reveals_the_models_and_is_final(app: App) -> None:
    pairing = await run_duel(app)
    result = await app.duels.vote(pairing.id, 7, "a")
    assert (result.a.id, result.b.id) == (pairing.a.id, pairing.b.id)
    assert {"a": result.a, "b": result.b}[result.live].version == 1
    assert (result.choice, counts(result), result.repeated) == ("a", True, False)
    again = await app.duels.vote(pairing.id, 7, "b")
    assert (again.choice, again.repeated) == ("a", True)
    assert (await figures(app)).startswith(("1 of 1 person", "0 of 1 person"))


async def test_first_result_of_a_voter_that_is_no_tie_counts(app: App) -> None:
    assert not counts(await vote(app, 7, "tie"))
    assert counts(await vote(app, 7, "candidate"))
    for _ in range(20):
        assert not counts(await vote(app, 7, "candidate"))
    assert "1 of 1 person" in await figures(app)
    assert "(besides: 1 tie, 20 votes that do not count)" in await figures(app)


async def test_one_result_of_a_duel_counts(app: App) -> None:
    """One lucky text, seen by a crowd, decides nothing."""
    pairing = await run_duel(app)
    results = [await vote(app, number, "candidate", pairing.id) for number in range(20)]
    assert [counts(result) for result in results] == [True] + [False] * 19
    assert counts(await vote(app, 3, "candidate"))  # a vote that did not count leaves the next one free
    assert await states(app) == ["live", "candidate"]


async def test_voters_count_once_however_often_they_vote(app: App) -> None:
    for turn in range(10):
        for friend in range(10):
            await vote(app, friend, "candidate" if friend < 7 else "live")
        assert "7 of 10 people" in await figures(app), turn
    assert await states(app) == ["live", "candidate"]


async def test_votes_of_young_accounts_are_stored_and_do_not_count(app: App) -> None:
    young = int((time.time() - 3 * 86400) * 1000 - 1_420_070_400_000) << 22
    assert not counts(await vote(app, young, "candidate"))
    assert "no vote counts yet (besides: 1 vote that does not count)" in await figures(app)
    assert counts(await vote(app, young - (5 * 86_400_000 << 22), "candidate"))


async def test_winner_is_proposed_and_promoted_by_an_operator(app: App) -> None:
    await vote_unanimously(app, "candidate")
    assert await states(app) == ["live", "candidate"]
    (notification,) = await trial_notifications(app)
    assert notification.action == NotificationAction("promote", 1)
    assert "12 of 12 people chose the new one." in str(notification.text)
    assert await app.trials.running() is None  # no other candidate is tried in the meantime

    promoted = await app.trials.promote(1, actor_id=7)
    assert (promoted.model.id, promoted.changed) == (2, True)
    assert await states(app) == ["candidate", "live"]
    assert (await events(app, 2))[-1] == ("promoted", 1)
    assert (await events(app, 1))[-1] == ("challenges", None)
    again = await app.trials.promote(1)  # pressed twice
    assert (again.model.id, again.changed) == (2, False)


async def test_a_winner_that_is_made_live_by_its_number_goes_live_by_votes(app: App) -> None:
    await vote_unanimously(app, "candidate")
    assert (await app.trials.make_live(2, actor_id=7)).state == "live"
    assert await states(app) == ["candidate", "live"]  # the other one may win its place back
    assert (await events(app, 2))[-1] == ("promoted", 1)
    assert (await app.trials.make_live(1)).state == "live"
    assert await states(app) == ["live", "retired"]
    assert (await events(app, 1))[-1] == ("override", 2)


async def test_a_candidate_whose_trial_goes_on_is_made_live_by_hand(app: App) -> None:
    await vote(app, 1, "candidate")
    await app.trials.make_live(2)
    assert await states(app) == ["retired", "live"]
    assert (await events(app, 2))[-1] == ("override", 1)


async def test_promotion_is_undone_by_rollback(app: App) -> None:
    await vote_unanimously(app, "candidate")
    await app.trials.promote(1)
    await app.registry.roll_back()
    assert await states(app) == ["live", "retired"]
    with pytest.raises(UserError, match="model 2 retired, so those votes no longer decide"):
        await app.trials.promote(1)


async def test_candidate_that_has_not_won_is_not_promoted(app: App) -> None:
    await vote(app, 1, "candidate")
    for number in (1, 9):
        with pytest.raises(UserError, match="did not win"):
            await app.trials.promote(number)


@pytest.mark.settings(auto_promote=True)
async def test_winner_is_promoted_at_once_with_auto_promote(app: App) -> None:
    await vote_unanimously(app, "candidate")
    assert await states(app) == ["candidate", "live"]
    (notification,) = await trial_notifications(app)
    assert notification.action is None
    assert "From now on model 2 is live" in str(notification.text)


async def test_loser_is_retired(app: App) -> None:
    await vote_unanimously(app, "live")
    assert await states(app) == ["live", "retired"]
    assert (await events(app, 2))[-1] == ("outvoted", None)
    (notification,) = await trial_notifications(app)
    assert "model 1 stays live and model 2 is retired" in str(notification.text)
    with pytest.raises(UserError, match="No new model is on trial"):
        await app.duels.run(HERO, requester=1)


async def test_a_trial_ends_by_the_test_with_which_it_began(app: App) -> None:
    """One that ran before the update is decided by eight who agree; those after it take twelve."""
    running = await app.trials.running()
    assert running
    assert running.test == "bimodal"
    await vote_unanimously(app, "candidate", 5)
    async with app.db.write() as tx:
        await tx.execute(update(trial).where(trial.c.id == running.id).values(test="uniform"))
    status = await app.trials.status()
    assert status
    assert str(status.progress) == (
        "5 votes count in the trial so far; about 3 more decide it if people go on like this."
    )
    await vote_unanimously(app, "candidate", 8)  # five of them counted already
    (status,) = await app.trials.of_model(2)
    assert (status.trial.state, status.tally.wins) == ("won", 8)
    assert "Evidence 28; at 20" in str(status.evidence)  # as it was decided
    assert (await app.trials.course(running.id))[-1].evidence == pytest.approx(256 / 9)

    await app.trials.promote(running.id)
    await vote_unanimously(app, "live", 8)
    (status, _) = await app.trials.of_model(2)
    assert (status.trial.state, status.trial.test) == ("running", "bimodal")


@pytest.mark.parametrize(
    ("winner", "sentence"),
    [
        ("candidate", "it would not have won yet; with 6, it would not even be ahead."),
        ("live", "it would not have lost yet; with 6, it would not even be behind."),
    ],
)
async def test_a_decided_trial_says_how_many_votes_otherwise_would_undo_it(
    app: App, winner: Result, sentence: str
) -> None:
    await vote_unanimously(app, winner, 11)
    status = await app.trials.status()
    assert status
    assert (status.fragility, status.fragility_text) == (None, None)
    await vote(app, 77, winner)
    (status,) = await app.trials.of_model(2)
    assert status.fragility == 1
    assert str(status.fragility_text) == f"With 1 of these votes the other way {sentence}"

    await app.privacy.delete(77)
    (status,) = await app.trials.of_model(2)
    assert status.trial.state in ("won", "lost")  # what is decided stays decided
    assert status.fragility == 0
    assert "those that are left would not decide it" in str(status.fragility_text)


@pytest.mark.settings(trial_duels=10)
async def test_undecided_trial_is_notified_once_and_left_to_the_operators(app: App) -> None:
    for number in range(10):
        await vote(app, number, "candidate" if number % 2 else "live")
    await app.trials.advance()
    (notification,) = await trial_notifications(app)
    assert "which stays live: 5 of 10 people" in str(notification.text)
    assert "/models promote model:2" in str(notification.text)
    assert await states(app) == ["live", "candidate"]
    assert await app.trials.running() is None


@pytest.mark.settings(trial_duels=10)
async def test_a_trial_that_its_maximum_ends_first_is_not_said_to_be_decided(app: App) -> None:
    for number in range(3):
        await vote(app, number, "live" if number else "candidate")
    status = await app.trials.status()
    assert status
    close = "it is close, and it ends undecided if 10 do not decide it"
    assert str(status.progress) == f"3 votes count in the trial so far; {close}."
    assert str(status.figures) == f"1 of 3 people chose the new one; {close}"
    await vote(app, 3, "candidate")  # a tie
    status = await app.trials.status()
    assert status
    assert str(status.progress) == f"4 votes count in the trial so far; {close}."


@pytest.mark.settings(trial_days=1e-9)
async def test_trial_expires_after_trial_days(app: App) -> None:
    await vote(app, 1, "candidate")
    assert await app.trials.advance() is None
    assert "could not decide" in str((await trial_notifications(app))[0].text)
    (status,) = await app.trials.of_model(2)
    assert status.fragility is None


@pytest.mark.settings(auto_promote=True)
async def test_replaced_model_may_win_its_place_back(app: App) -> None:
    await vote_unanimously(app, "candidate")
    await app.trials.running()
    status = await app.trials.status()
    assert status
    assert (status.live.id, status.candidate.id) == (2, 1)
    await vote_unanimously(app, "candidate")
    assert await states(app) == ["live", "candidate"]
    assert (await events(app, 1))[-1] == ("promoted", 2)


@pytest.mark.settings(auto_promote=True)
async def test_trials_go_on_after_a_rematch_and_the_old_win_promotes_nothing(
    app: App, settings: Settings
) -> None:
    await vote_unanimously(app, "candidate")
    await vote_unanimously(app, "candidate")
    assert await states(app) == ["live", "candidate"]
    with pytest.raises(UserError, match="lost its place to other votes since"):
        await app.trials.promote(1)
    trial = await app.trials.running()
    assert trial
    assert (trial.live_id, trial.candidate_id) == (1, 2)
    await finetune(app)
    async with open_app(settings.model_copy(update={"auto_promote": False})) as restarted:
        await vote_unanimously(restarted, "candidate")
        assert await restarted.trials.running() is None  # the win waits for an operator
        assert (await restarted.trials.promote(trial.id)).model.id == 2


@pytest.mark.settings(auto_promote=True, rematch_days=1e-9)
async def test_replaced_model_is_retired_after_the_rematch_window(app: App) -> None:
    await vote_unanimously(app, "candidate")
    assert await app.trials.advance() is None
    assert await states(app) == ["retired", "live"]


@pytest.mark.settings(auto_promote=True)
async def test_expired_rematch_is_notified(app: App) -> None:
    await vote_unanimously(app, "candidate")
    await vote(app, 7, "live")
    rematch = await app.trials.running()
    assert rematch
    async with app.db.write() as tx:
        await models.change(tx, rematch.candidate_id, challenges_until=time.time() - 1)

    assert await app.trials.advance() is None

    assert await states(app) == ["retired", "live"]
    (notification,) = [each for each in await trial_notifications(app) if each.key == f"trial:{rematch.id}"]
    assert "model 1 could win its place back from model 2" in str(notification.text)
    assert "0 of 1 person" in str(notification.text)


@pytest.mark.settings(auto_promote=True)
async def test_new_candidate_comes_before_a_replaced_model(app: App) -> None:
    await finetune(app)
    await vote_unanimously(app, "candidate")
    trial = await app.trials.running()
    assert trial
    assert (trial.live_id, trial.candidate_id) == (2, 3)


async def test_manual_promotion_stops_the_trial_and_starts_the_next(app: App) -> None:
    await finetune(app)
    pairing = await run_duel(app)
    await app.registry.promote(3)
    trial = await app.trials.running()
    assert trial
    assert (trial.live_id, trial.candidate_id) == (3, 2)
    assert not counts(await vote(app, 7, "candidate", pairing.id))  # stored, for a trial that is over
    await app.registry.retire(2)
    assert await app.trials.running() is None
    async with app.db.read() as tx:
        assert [(await trials.get_known(tx, number)).state for number in (1, 2)] == [
            "stopped",
            "stopped",
        ]


async def test_concurrent_votes_count_once(app: App) -> None:
    pairing = await run_duel(app)
    side = await choice_for(app, pairing.id, "candidate")
    results = await asyncio.gather(*(app.duels.vote(pairing.id, user, side) for user in (1, 2, 2, 3)))
    assert sum(counts(result) for result in results) == 1
    duel_ids = [(await run_duel(app)).id for _ in range(10)]
    results = await asyncio.gather(*(vote(app, "busy", "live", each) for each in duel_ids))
    assert sum(counts(result) for result in results) == 1


async def test_concurrent_deciding_votes_end_the_trial_once(app: App) -> None:
    await vote_unanimously(app, "candidate", 11)
    last = [(await run_duel(app)).id for _ in range(4)]
    await asyncio.gather(*(vote(app, number, "candidate", each) for number, each in enumerate(last)))
    assert len(await trial_notifications(app)) == 1
    async with app.db.read() as tx:
        assert (await trials.get_known(tx, 1)).state == "won"


@pytest.mark.parametrize(("missing", "other"), [("ft:tiny:1", "ft:tiny:2"), ("ft:tiny:2", "ft:tiny:1")])
async def test_description_is_returned_alone_if_the_other_model_fails(
    app: App, script: Script, missing: str, other: str
) -> None:
    script.unknown_models = {missing}
    description = await app.duels.run(HERO, requester=1)
    assert isinstance(description, Description)
    assert description.model == other


async def test_missing_candidate_is_retired_and_the_next_is_tried(app: App, script: Script) -> None:
    await finetune(app)
    await app.trials.running()
    script.trainings.lists = [app.settings.base_model]
    script.unknown_models = script.trainings.gone = {"ft:tiny:2"}
    await app.duels.run(HERO, requester=1)
    assert await states(app) == ["live", "retired", "candidate"]
    assert (await events(app, 2))[-1] == ("lost", None)
    trial = await app.trials.running()
    assert trial
    assert trial.candidate_id == 3
    async with app.db.read() as tx:
        assert [
            "Model 2, a candidate, is gone from its server" in str(each.text)
            for each in await notifications.list_pending(tx)
        ] == [True]


async def test_deleted_duel_is_tied_to_no_message(app: App) -> None:
    stored, deleted = await run_duel(app), await app.duels.run(HERO, requester=2)
    assert isinstance(deleted, Pairing)
    await app.privacy.delete(2)
    assert await app.duels.set_message(stored.id, 7, 71)
    assert not await app.duels.set_message(deleted.id, 7, 72)
    assert ((await app.duels.get(stored.id)).message_id, (await app.duels.get(deleted.id)).message_id) == (
        71,
        None,
    )


async def test_base_model_answers_if_the_server_knows_neither_model(app: App, script: Script) -> None:
    script.unknown_models = {"ft:tiny:1", "ft:tiny:2"}
    description = await app.duels.run(HERO, requester=1)
    assert isinstance(description, Description)
    assert not description.tuned
    assert await states(app) == ["live", "candidate"]  # the server may know them again later


async def test_error_is_raised_if_both_models_fail(app: App, script: Script) -> None:
    script.failures = [503] * 20
    with pytest.raises(OutOfReach):
        await app.duels.run(HERO, requester=1)


@pytest.mark.settings(duel_share=1)
async def test_heroes_become_duels_only_while_a_candidate_is_on_trial(app: App) -> None:
    assert await app.duels.should_duel()
    await app.registry.retire(2)
    assert not await app.duels.should_duel()


@pytest.mark.settings(duel_share=0)
async def test_no_hero_becomes_a_duel_at_a_share_of_0(app: App) -> None:
    assert not await app.duels.should_duel()


async def test_unknown_duel_is_refused(app: App) -> None:
    with pytest.raises(UserError, match="This duel is over"):
        await app.duels.vote(99, 1, "a")


def test_pairing_has_no_model_names() -> None:
    assert set(Pairing.__slots__) == {"id", "a", "b", "channel_id", "message_id"}


@pytest.mark.settings(heroes_at_once=1)
async def test_both_texts_of_a_duel_wait_in_the_queue(app: App, script: Script) -> None:
    script.delay, script.most_answering = 0.05, 0
    await asyncio.gather(run_duel(app), app.describer.describe(HERO, requester=2))
    assert script.most_answering == 1
