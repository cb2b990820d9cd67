"""Duels and trials without Discord: what counts, what decides, and what a decision does."""

import asyncio
import time

import pytest

from bot.app import App
from bot.errors import OutOfReach, UserError
from bot.rating.duels import Pairing
from bot.store import models, notifications, trials
from bot.store.descriptions import Description
from bot.store.notifications import Notification
from tests.support.duels import HERO, choice_for, everyone, pairing, ruled, two_models, vote
from tests.support.scripted_server import Script
from tests.support.workflows import finetune


@pytest.fixture(autouse=True)
async def _two(app: App) -> None:
    await two_models(app)


async def states(app: App) -> list[str]:
    return [model.state for model in await app.registry.all()]


async def events(app: App, model: int) -> list[tuple[str, int | None]]:
    return [(each.what, each.replaced_id) for each in (await app.registry.record(model)).events]


async def told(app: App) -> list[Notification]:
    async with app.db.read() as tx:
        return [each for each in await notifications.pending(tx) if each.key.startswith("trial:")]


async def figures(app: App) -> str:
    standing = await app.trials.status()
    assert standing
    return str(standing.figures)


async def test_a_duel_pairs_both_models_and_keeps_both_texts(app: App, script: Script) -> None:
    held = await pairing(app)
    assert {held.a.model, held.b.model} == {"ft:tiny:1", "ft:tiny:2"}
    assert held.a.text != held.b.text
    assert script.asked[-1]["messages"] == script.asked[-2]["messages"]


async def test_sides_are_drawn(app: App) -> None:
    first = {(await pairing(app)).a.model for _ in range(30)}
    assert first == {"ft:tiny:1", "ft:tiny:2"}  # one alone comes once in 500 million runs


async def test_a_vote_reveals_and_is_final(app: App) -> None:
    held = await pairing(app)
    pick = await app.duels.vote(held.id, 7, "a")
    assert (pick.a.id, pick.b.id) == (held.a.id, held.b.id)
    assert {"a": pick.a, "b": pick.b}[pick.live].version == 1
    assert (pick.choice, pick.counts, pick.repeated) == ("a", True, False)
    again = await app.duels.vote(held.id, 7, "b")
    assert (again.choice, again.repeated) == ("a", True)
    assert (await figures(app)).startswith(("1 of 1 person", "0 of 1 person"))


async def test_of_a_voter_the_first_decided_result_counts_and_the_rest_is_kept(app: App) -> None:
    assert not (await vote(app, 7, "tie")).counts
    assert (await vote(app, 7, "candidate")).counts
    for _ in range(20):
        assert not (await vote(app, 7, "candidate")).counts
    assert "1 of 1 person" in await figures(app)
    assert "(1 tie, 20 votes besides)" in await figures(app)


async def test_of_a_duel_one_result_counts(app: App) -> None:
    """One lucky text, seen by a crowd, decides nothing."""
    held = await pairing(app)
    picks = [await vote(app, number, "candidate", held.id) for number in range(20)]
    assert [pick.counts for pick in picks] == [True] + [False] * 19
    assert (await vote(app, 3, "candidate")).counts  # who did not count yet may count elsewhere
    assert await states(app) == ["live", "candidate"]


async def test_ten_busy_friends_are_ten_voters(app: App) -> None:
    for turn in range(10):
        for friend in range(10):
            await vote(app, friend, "candidate" if friend < 7 else "live")
        assert "7 of 10 people" in await figures(app), turn
    assert await states(app) == ["live", "candidate"]


async def test_young_accounts_are_kept_and_do_not_count(app: App) -> None:
    young = int((time.time() - 3 * 86400) * 1000 - 1_420_070_400_000) << 22
    assert not (await vote(app, young, "candidate")).counts
    assert "no vote counts yet (0 ties, 1 vote besides)" in await figures(app)
    assert (await vote(app, young - (5 * 86_400_000 << 22), "candidate")).counts


async def test_the_winner_is_proposed_and_goes_live_when_an_operator_says_so(app: App) -> None:
    await everyone(app, "candidate")
    assert await states(app) == ["live", "candidate"]
    (notice,) = await told(app)
    assert notice.action == "promote:1"
    assert "8 of 8 people preferred the candidate (100 %, surely between 52 % and 100 %)" in str(notice.text)
    assert await app.trials.running() is None  # nothing else is tried meanwhile

    promoted = await app.trials.promote(1, actor_id=7)
    assert (promoted.model.id, promoted.changed) == (2, True)
    assert await states(app) == ["candidate", "live"]
    assert (await events(app, 2))[-1] == ("promoted", 1)
    assert (await events(app, 1))[-1] == ("challenges", None)
    again = await app.trials.promote(1)  # pressed twice
    assert (again.model.id, again.changed) == (2, False)


async def test_a_promotion_is_undone_by_rollback(app: App) -> None:
    await everyone(app, "candidate")
    await app.trials.promote(1)
    await app.registry.roll_back()
    assert await states(app) == ["live", "retired"]
    with pytest.raises(UserError, match="model 2 retired: the votes say nothing about that"):
        await app.trials.promote(1)


async def test_what_was_not_won_is_not_promoted(app: App) -> None:
    await vote(app, 1, "candidate")
    for number in (1, 9):
        with pytest.raises(UserError, match="not won"):
            await app.trials.promote(number)


async def test_where_it_is_wished_the_winner_goes_live_at_once(app: App) -> None:
    ruled(app, auto=True)
    await everyone(app, "candidate")
    assert await states(app) == ["candidate", "live"]
    (notice,) = await told(app)
    assert notice.action is None
    assert "It is live now" in str(notice.text)


async def test_the_loser_is_retired(app: App) -> None:
    await everyone(app, "live")
    assert await states(app) == ["live", "retired"]
    assert (await events(app, 2))[-1] == ("outvoted", None)
    (notice,) = await told(app)
    assert "keeps its place" in str(notice.text)
    with pytest.raises(UserError, match="no new model to try"):
        await app.duels.run(HERO, requester=1)


async def test_undecided_is_said_once_and_left_to_the_operators(app: App) -> None:
    ruled(app, duels=10)
    for number in range(10):
        await vote(app, number, "candidate" if number % 2 else "live")
    await app.trials.advance()
    (notice,) = await told(app)
    assert "ends undecided: 5 of 10 people" in str(notice.text)
    assert "/models promote model:2" in str(notice.text)
    assert await states(app) == ["live", "candidate"]
    assert await app.trials.running() is None


async def test_a_trial_does_not_last_for_ever(app: App) -> None:
    await vote(app, 1, "candidate")
    ruled(app, days=1e-9)
    assert await app.trials.advance() is None
    assert "ends undecided" in str((await told(app))[0].text)


async def test_the_dethroned_model_may_win_its_place_back(app: App) -> None:
    ruled(app, auto=True)
    await everyone(app, "candidate")
    standing = await app.trials.status() or (await app.trials.running() and await app.trials.status())
    assert standing
    assert (standing.live.id, standing.candidate.id) == (2, 1)
    await everyone(app, "candidate")
    assert await states(app) == ["live", "candidate"]
    assert (await events(app, 1))[-1] == ("promoted", 2)


async def test_after_a_place_was_won_back_trials_go_on_and_the_old_win_promotes_nothing(app: App) -> None:
    ruled(app, auto=True)
    await everyone(app, "candidate")
    await everyone(app, "candidate")
    assert await states(app) == ["live", "candidate"]
    with pytest.raises(UserError, match="lost its place to other votes since"):
        await app.trials.promote(1)
    trial = await app.trials.running()
    assert trial
    assert (trial.live_id, trial.candidate_id) == (1, 2)
    await finetune(app)
    ruled(app, auto=False)
    await everyone(app, "candidate")
    assert await app.trials.running() is None  # the second win waits for an operator, whoever else is there
    assert (await app.trials.promote(trial.id)).model.id == 2


async def test_the_dethroned_model_is_retired_when_its_days_are_over(app: App) -> None:
    ruled(app, auto=True, rematch_days=1e-9)
    await everyone(app, "candidate")
    assert await app.trials.advance() is None
    assert await states(app) == ["retired", "live"]


async def test_a_rematch_whose_days_are_over_is_told(app: App) -> None:
    ruled(app, auto=True)
    await everyone(app, "candidate")
    await vote(app, 7, "live")
    rematch = await app.trials.running()
    assert rematch
    async with app.db.write() as tx:
        await models.change(tx, rematch.candidate_id, challenges_until=time.time() - 1)

    assert await app.trials.advance() is None

    assert await states(app) == ["retired", "live"]
    (notice,) = [each for each in await told(app) if each.key == f"trial:{rematch.id}"]
    assert "model 1 (`ft:tiny:1`) might win its place back from the live model 2" in str(notice.text)
    assert "0 of 1 person" in str(notice.text)


async def test_a_fresh_candidate_comes_before_a_dethroned_one(app: App) -> None:
    ruled(app, auto=True)
    await finetune(app)
    await everyone(app, "candidate")
    trial = await app.trials.running()
    assert trial
    assert (trial.live_id, trial.candidate_id) == (2, 3)


async def test_a_change_by_hand_stops_the_trial_and_the_next_begins(app: App) -> None:
    await finetune(app)
    held = await pairing(app)
    await app.registry.promote(3)
    trial = await app.trials.running()
    assert trial
    assert (trial.live_id, trial.candidate_id) == (3, 2)
    assert not (await vote(app, 7, "candidate", held.id)).counts  # kept, for a trial that is over
    await app.registry.retire(2)
    assert await app.trials.running() is None
    async with app.db.read() as tx:
        assert [(await trials.locked(tx, number)).state for number in (1, 2)] == ["stopped", "stopped"]


async def test_votes_that_come_at_once_count_once(app: App) -> None:
    held = await pairing(app)
    side = await choice_for(app, held.id, "candidate")
    picks = await asyncio.gather(*(app.duels.vote(held.id, user, side) for user in (1, 2, 2, 3)))
    assert sum(pick.counts and not pick.repeated for pick in picks) == 1
    duels = [(await pairing(app)).id for _ in range(10)]
    picks = await asyncio.gather(*(vote(app, "busy", "live", each) for each in duels))
    assert sum(pick.counts for pick in picks) == 1


async def test_the_deciding_vote_may_come_twice_at_once(app: App) -> None:
    await everyone(app, "candidate", 7)
    last = [(await pairing(app)).id for _ in range(4)]
    await asyncio.gather(*(vote(app, number, "candidate", each) for number, each in enumerate(last)))
    assert len(await told(app)) == 1
    async with app.db.read() as tx:
        assert (await trials.locked(tx, 1)).state == "won"


@pytest.mark.parametrize(("lost", "answers"), [("ft:tiny:1", "ft:tiny:2"), ("ft:tiny:2", "ft:tiny:1")])
async def test_where_one_side_fails_the_other_is_an_answer_alone(
    app: App, script: Script, lost: str, answers: str
) -> None:
    script.unknown_models = {lost}
    held = await app.duels.run(HERO, requester=1)
    assert isinstance(held, Description)
    assert held.model == answers


async def test_a_candidate_that_its_server_has_lost_makes_room_for_the_next(app: App, script: Script) -> None:
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
            "does not know the candidate 2" in str(each.text) for each in await notifications.pending(tx)
        ] == [True]


async def test_a_duel_that_was_deleted_while_it_was_shown_is_tied_to_no_message(app: App) -> None:
    kept, gone = await pairing(app), await app.duels.run(HERO, requester=2)
    assert isinstance(gone, Pairing)
    await app.privacy.delete(2)
    assert await app.duels.shown_as(kept.id, 7, 71)
    assert not await app.duels.shown_as(gone.id, 7, 72)
    assert ((await app.duels.get(kept.id)).message_id, (await app.duels.get(gone.id)).message_id) == (
        71,
        None,
    )


async def test_where_both_are_unknown_to_their_server_it_answers_as_hero_does(
    app: App, script: Script
) -> None:
    script.unknown_models = {"ft:tiny:1", "ft:tiny:2"}
    held = await app.duels.run(HERO, requester=1)
    assert isinstance(held, Description)
    assert not held.tuned
    assert await states(app) == ["live", "candidate"]  # the server may know them again later


async def test_where_both_fail_it_is_said(app: App, script: Script) -> None:
    script.failures = [503] * 20
    with pytest.raises(OutOfReach):
        await app.duels.run(HERO, requester=1)


async def test_a_share_of_calls_are_duels_while_a_candidate_is_on_trial(app: App) -> None:
    app.duels._share = 1
    assert await app.duels.should_duel()
    app.duels._share = 0
    assert not await app.duels.should_duel()
    app.duels._share = 1
    await app.registry.retire(2)
    assert not await app.duels.should_duel()


async def test_an_unknown_duel_is_said(app: App) -> None:
    with pytest.raises(UserError, match="not known any more"):
        await app.duels.vote(99, 1, "a")


def test_a_pairing_tells_no_names() -> None:
    assert set(Pairing.__slots__) == {"id", "a", "b", "channel_id", "message_id"}


async def test_both_texts_wait_in_the_line_of_all_who_ask(app: App, script: Script) -> None:
    app.describer._line._free = 1
    script.delay, script.most_answering = 0.05, 0
    await asyncio.gather(pairing(app), app.describer.describe(HERO, requester=2))
    assert script.most_answering == 1
