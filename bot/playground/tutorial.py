"""The page's guide: the loop in ten steps, and which of them are done.

Everything but the last step is read from the database, so a reload, another tab and a restart find the
visitor where they were.
"""

from dataclasses import dataclass

from bot.app import App
from bot.playground.simulated_discord import MEMBERS, OPERATOR, SimulatedDiscord
from bot.registry import lifecycle
from bot.store import jobs, milestones
from bot.store.jobs import Job
from bot.store.milestones import Milestones, Shown
from bot.store.models import Model

_HERO = "/hero 40 woman healing"
_DUEL = "/duel 40 woman healing"
_BUILD = "/build-dataset source:shipped"
_TUNE = "/finetune"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: why it is taken, what to do now, and whether this installation has done it.

    line: what to type for it; None if it is done by a click in the channel. person: who has to do it; None:
    anybody may.
    """

    title: str
    why: str
    todo: str
    line: str | None
    person: str | None
    done: bool


@dataclass(frozen=True, slots=True)
class _Now:
    """What the next step depends on.

    shown: the most liked description in the channel; voters: people who may still like it, in order.
    """

    shown: Shown | None
    voters: list[str]
    duel_shown: bool
    challenger: Model | None
    build: Job | None
    tuning: Job | None


async def steps(app: App, world: SimulatedDiscord) -> list[Step]:
    """Return the steps in order. The first that is not done is the visitor's next one."""
    async with app.db.read() as tx:
        done = await milestones.get(tx)
        shown = await milestones.get_most_liked_shown(tx)
        now = _Now(
            shown=shown,
            voters=_voters(app, world, shown),
            duel_shown=await milestones.has_open_duel(tx),
            challenger=await lifecycle.challenger(tx),
            build=await jobs.newest(tx, "build"),
            tuning=await jobs.newest(tx, "finetune"),
        )
    return [*_first_round(done, now), *_second_round(done, now), _last(done=world.was_used("top"))]


def _voters(app: App, world: SimulatedDiscord, shown: Shown | None) -> list[str]:
    taken = {shown.requester} | shown.liked_by if shown else frozenset[str]()
    people = (world.people[name] for name in (*MEMBERS, OPERATOR))
    return [person.name for person in people if app.pseudonyms.of(person.id) not in taken]


def _first_round(done: Milestones, now: _Now) -> list[Step]:
    """Return the steps to the first tuned model."""
    return [
        Step(
            "Ask for a hero",
            "Everything here is about such texts: a small model, still untuned, describes a superhero.",
            "Any age, gender and power will do.",
            _HERO,
            None,
            done.described,
        ),
        _job_step(
            "Gather examples",
            "A model learns from examples; the first dataset takes the texts that come with the bot.",
            "It shows a plan first: press Confirm under it. This takes some seconds.",
            _BUILD,
            now.build,
            done=done.built,
        ),
        _job_step(
            "Tune the model",
            "Tuning adjusts the model until it writes the way the examples do.",
            _HELD_BACK
            if done.held_back
            else "Confirm this plan, too. This takes ten to fifteen minutes on two cores.",
            _TUNE,
            now.tuning,
            done=done.models > 0,
        ),
        Step(
            "Ask again",
            "The same question shows what the model has learnt.",
            "Compare the answer with the first one.",
            _HERO,
            None,
            done.described_by_tuned,
        ),
    ]


def _second_round(done: Milestones, now: _Now) -> list[Step]:
    """Return the steps from the first votes to the model that replaces the first one."""
    return [
        _vote_step(now, done=done.liked),
        _job_step(
            "Gather again",
            "The next dataset has what people liked besides the examples.",
            "Confirm its plan.",
            _BUILD,
            now.build,
            done=done.rebuilt,
        ),
        _job_step(
            "Tune again",
            "A second model learns from it, and has to challenge the first one before it may replace it.",
            _HELD_BACK if done.held_back else "Confirm its plan.",
            _TUNE,
            now.tuning,
            done=done.models > 1,
        ),
        _duel_step(now, done=done.dueled),
        _promotion_step(now.challenger, done=done.replaced),
    ]


def _last(*, done: bool) -> Step:
    return Step(
        "See the best",
        "The hall of fame has what people liked best; each further round of votes teaches a further model.",
        "That was the whole loop: close this guide with ✕. /help lists every command." if done else "",
        "/top",
        None,
        done,
    )


def _job_step(title: str, why: str, todo: str, line: str, job: Job | None, *, done: bool) -> Step:
    """Return a step that a job takes. While one waits or runs, it says so, and offers no other."""
    at_work = None if done or job is None else _at_work_text(job)
    if at_work:
        return Step(title, why, at_work, None, OPERATOR, done)
    if job and job.state == "failed" and not done:
        todo = "The last try failed, and its message says why. Try once more."
    return Step(title, why, todo, line, OPERATOR, done)


def _at_work_text(job: Job) -> str | None:
    """Return what a job is doing or waiting for; None if it has ended, or its plan is shown nowhere."""
    if job.state == "planned":
        return "The plan is in the channel: press Confirm under it." if job.message_id else None
    if job.state == "paused":
        return "It is paused: press Resume in its message, or Cancel."
    if job.ended:
        return None
    if job.kind == "build":
        return "It runs: its message in the channel counts the examples."
    if job.done == 0:
        return (
            "It has begun: the model is loaded and measured first, which takes up to a minute before "
            "its bar moves. Heroes are answered meanwhile."
        )
    return "It runs: its message in the channel shows how far it is. Heroes are answered meanwhile."


def _vote_step(now: _Now, *, done: bool) -> Step:
    title = "Vote"
    why = "What two people like, besides the one who asked for it, may teach the next model."
    if done or now.shown is None:
        todo = "" if done else "The channel is empty: ask for a hero first."
        return Step(title, why, todo, None if done else _HERO, None, done)
    person = now.voters[0] if now.voters else None
    return Step(title, why, f"As {person}, press 👍 under the hero.", None, person, done)


def _duel_step(now: _Now, *, done: bool) -> Step:
    title = "Let them duel"
    why = "Nobody has to believe in a training: people choose between two texts, blind."
    if now.challenger is None and not done:
        return Step(title, why, _NO_CHALLENGER, "/models list", OPERATOR, done)
    todo = "Read both texts, and press the button of the better one." if now.duel_shown else ""
    return Step(title, why, todo, _DUEL, None, done)


def _promotion_step(challenger: Model | None, *, done: bool) -> Step:
    title = "Promote the winner"
    why = "Some twenty people's choices replace the live model; among three people, an operator decides."
    if challenger is None or done:
        return Step(title, why, "" if done else _NO_CHALLENGER, "/models list", OPERATOR, done)
    todo = "If the challenger read better. /models rollback brings back the one before."
    return Step(title, why, todo, f"/models promote model:{challenger.id}", OPERATOR, done)


_HELD_BACK = "The new model writes too badly to go on: its message says why, and what to do."
_NO_CHALLENGER = (
    "No model challenges the live one now: the end of its training says why. "
    "More votes, another build and another tuning make the next one."
)
