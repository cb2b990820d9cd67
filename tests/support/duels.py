"""Trials without Discord: a live model, a candidate, and voters who agree."""

from bot.app import App
from bot.heroes.hero import Hero
from bot.rating.duels import Choice, DuelVoteResult, Pairing
from bot.store import duels
from bot.store.duels import Result
from tests.support.workflows import build, finetune

HERO = Hero(40, "woman", "healing")


async def two_models(app: App) -> None:
    """Make model 1 live and model 2 a candidate."""
    await build(app)
    await finetune(app)
    await finetune(app)


async def run_duel(app: App) -> Pairing:
    pairing = await app.duels.run(HERO, requester=1)
    assert isinstance(pairing, Pairing)
    return pairing


async def choice_for(app: App, duel_id: int, result: Result) -> Choice:
    """Return the choice that means a result, as the order of the texts is random."""
    async with app.db.read() as tx:
        duel = await duels.get(tx, duel_id)
    assert duel
    return "tie" if result == "tie" else "a" if duel.a == result else "b"


async def vote(app: App, user: int | str, result: Result, duel_id: int | None = None) -> DuelVoteResult:
    """Vote in a duel, by default in a new one."""
    duel_id = duel_id or (await run_duel(app)).id
    return await app.duels.vote(duel_id, user, await choice_for(app, duel_id, result))


async def vote_unanimously(app: App, result: Result, voters: int = 12) -> None:
    """Let some people vote for the same result, in a duel each. Twelve decide a trial."""
    trial = await app.trials.running()
    assert trial
    for number in range(voters):
        await vote(app, f"voter {number} of trial {trial.id}", result)
