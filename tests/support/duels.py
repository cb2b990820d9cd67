"""Trials without Discord: a live model, a candidate, and voters who agree."""

from dataclasses import replace

from bot.app import App
from bot.heroes.hero import Hero
from bot.rating.duels import Choice, DuelVoteResult, Pairing
from bot.store import duels
from bot.store.duels import Result
from tests.support.workflows import build, finetune

HERO = Hero(40, "woman", "healing")


async def two_models(app: App) -> None:
    """Model 1 is live, model 2 a candidate."""
    await build(app)
    await finetune(app)
    await finetune(app)


def ruled(app: App, **rules: float | bool) -> None:
    """Change the rules of trials under way, as a restart with other settings would."""
    app.trials._rules = replace(app.trials._rules, **rules)  # type: ignore[arg-type]


async def pairing(app: App) -> Pairing:
    held = await app.duels.run(HERO, requester=1)
    assert isinstance(held, Pairing)
    return held


async def choice_for(app: App, duel_id: int, result: Result) -> Choice:
    """Which button says so: the sides are drawn."""
    async with app.db.read() as tx:
        duel = await duels.get(tx, duel_id)
    assert duel
    return "tie" if result == "tie" else "a" if duel.a == result else "b"


async def vote(app: App, user: int | str, result: Result, duel_id: int | None = None) -> DuelVoteResult:
    """One vote, in a duel of its own where none is named."""
    number = duel_id or (await pairing(app)).id
    return await app.duels.vote(number, user, await choice_for(app, number, result))


async def everyone(app: App, result: Result, number: int = 8) -> None:
    """So many people agree, in a duel each. Eight decide a trial."""
    trial = await app.trials.running()
    assert trial
    for at in range(number):
        await vote(app, f"voter {at} of trial {trial.id}", result)
