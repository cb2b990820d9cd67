"""The page's guide: the loop in ten steps, and which of them are done.

All but the last step is read from the database, and that one from a file beside it, so a reload, another tab
and a restart find the visitor where they were.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Self

from bot.app import App
from bot.i18n.commands import Command, discord_syntax
from bot.i18n.message import LocalizedMessage, Translator, mark
from bot.playground.simulated_discord import MEMBERS, OPERATOR, SimulatedDiscord
from bot.presentation.datasets import count_by_reason
from bot.registry import lifecycle
from bot.store import jobs, milestones
from bot.store.jobs import Job
from bot.store.milestones import Milestones, Shown
from bot.store.models import Model
from bot.store.trials import Trial

_BUILD = "/build-dataset source:shipped"
_BUILD_LARGER = "/build-dataset"
_TUNE = "/finetune"
_IN_DISCORD = "/README.md#run-it-in-discord"  # a page of the documentation, which the playground serves


@dataclass(frozen=True, slots=True)
class Step:
    """One step: why it is taken, what to do now, and whether this installation has done it.

    todo: of a step that is done, what was done. line: the command for it, by its English names; None if it
    is done by a click in the channel. person: who has to do it; None: anybody may. in_discord: the page that
    says how to run the bot in Discord, if that comes next. message: the id of the message in the channel on
    which it is done, which the page shows and marks; as text, for JavaScript has no such large numbers.
    """

    title: str
    why: str
    todo: str | LocalizedMessage
    line: str | None
    person: str | None
    done: bool
    in_discord: str | None = None
    message: str | None = None

    def translated(self, t: Translator) -> Self:
        """Return the step in a language, with the line as it is typed in it."""
        line = discord_syntax(Command(self.line), t.command_name) if self.line else None
        return replace(self, title=t(self.title), why=t(self.why), todo=t(self.todo), line=line)


@dataclass(frozen=True, slots=True)
class _Now:
    """What the next step depends on.

    example: the hero that the guide asks for. liked: texts that people liked and that may train. shown: the
    most liked description in the channel that may train; voters: people who may still like it, in order.
    unfit: descriptions that may not train, by reason: those that people liked, or else those in the channel.
    helped: whether the base model is given the beginning and the ending of a text. duel_message: the message
    that shows the newest duel.
    """

    example: str
    helped: bool
    duel_message: int | None
    challenger: Model | None  # the candidate that is in duels
    won: Trial | None  # the trial whose winner waits for an operator
    build: Job | None
    tuning: Job | None
    liked: int = 0
    shown: Shown | None = None
    voters: list[str] = field(default_factory=list)
    unfit: Counter[str] = field(default_factory=Counter)


async def steps(app: App, world: SimulatedDiscord, t: Translator) -> list[Step]:
    """Return the steps in order, in a language. The first that is not done is the visitor's next one."""
    example = app.heroes.vocabulary.example
    async with app.db.read() as tx:
        done = await milestones.get(tx)
        shown = await milestones.list_shown(tx)
        now = _Now(
            example=example if isinstance(example, str) else t(example),
            helped=not app.settings.hosted,
            duel_message=await milestones.newest_duel_message(tx),
            challenger=await lifecycle.challenger(tx),
            won=await lifecycle.winning_trial(tx),
            build=await jobs.newest(tx, "build"),
            tuning=await jobs.newest(tx, "finetune"),
        )
    if not done.rebuilt:  # else no step depends on it
        now = await _with_votes(app, world, now, {each.id: each for each in shown})
    loop = [
        replace(step, todo=result) if step.done else step
        for step, result in zip((*_first_round(done, now), *_second_round(done, now)), _RESULTS, strict=True)
    ]
    last = _last(seen=_has_seen_top(app, world), whole=all(step.done for step in loop))
    return [step.translated(t) for step in (*loop, last)]


async def _with_votes(app: App, world: SimulatedDiscord, now: _Now, shown: dict[int, Shown]) -> _Now:
    """Add what the votes admit, and what may still be voted on."""
    admission = app.admission
    admitted = await admission.admit()
    judged = await admission.judge(list(shown))
    fit = [shown[each.description.id] for each in judged if each.rejection_reason is None]
    unfit = Counter(each.rejection_reason for each in judged if each.rejection_reason)
    votable = max(fit, key=lambda each: len(each.liked_by - {each.requester}), default=None)
    return replace(
        now,
        liked=admitted.liked_count,
        shown=votable,
        voters=_voters(app, world, votable),
        unfit=admitted.unfit or unfit,
    )


def _has_seen_top(app: App, world: SimulatedDiscord) -> bool:
    """Return whether /top has shown anybody a text: an empty file keeps that for the next start."""
    kept = app.settings.data_dir / "top_seen"
    if any(embed.footer.text for embed in world.embeds_of("top")):  # an empty hall of fame has no footer
        kept.touch()
    return kept.exists()


def _voters(app: App, world: SimulatedDiscord, shown: Shown | None) -> list[str]:
    taken = {shown.requester} | shown.liked_by if shown else frozenset[str]()
    people = (world.people[name] for name in (*MEMBERS, OPERATOR))
    return [person.name for person in people if app.pseudonyms.of(person.id) not in taken]


def _first_round(done: Milestones, now: _Now) -> list[Step]:
    """Return the steps to the first tuned model."""
    return [
        Step(
            mark("Ask for a hero"),
            mark(
                "A small model, not trained yet, describes a superhero; everything here is to make such "
                "texts better."
            ),
            _HELPED if now.helped else mark("Any age, gender and power will do."),
            f"/hero hero:{now.example}",
            None,
            done.described,
        ),
        _job_step(
            mark("Gather examples"),
            mark("A model learns from examples; the first dataset takes the texts that come with the bot."),
            mark("It shows a plan first: press Confirm under it. This takes some seconds."),
            _BUILD,
            now.build,
            done=done.built,
        ),
        _training_step(
            mark("Train the model"),
            mark("Training adjusts the model until it writes the way the examples do."),
            mark("Confirm this plan, too: it says how long the training takes."),
            now,
            held_back=done.held_back,
            has_shipped=done.has_shipped,
            done=done.models > 0,
        ),
        Step(
            mark("Ask again"),
            mark("The same question shows what the model has learnt."),
            _UNHELPED if now.helped else mark("Compare the answer with the first one."),
            f"/hero hero:{now.example}",
            None,
            done.described_by_tuned,
        ),
    ]


def _second_round(done: Milestones, now: _Now) -> list[Step]:
    """Return the steps from the first votes to the model that replaces the first one."""
    return [
        _vote_step(now, done=done.rebuilt or now.liked > 0),
        _job_step(
            mark("Gather again"),
            mark("The next dataset has what people liked besides the examples."),
            _gather_again_text(done, now),
            _BUILD,
            now.build if done.built else None,  # else it is that of the first round
            done=done.rebuilt,
        ),
        _training_step(
            mark("Train again"),
            mark(
                "A second model learns from it: a candidate, which must win duels to replace the first one."
            ),
            mark("Confirm its plan."),
            now if done.models else replace(now, tuning=None),  # else it is that of the first round
            held_back=done.held_back and done.models > 0,
            has_shipped=done.has_shipped,
            done=done.models > 1,
        ),
        _duel_step(now, done=done.dueled, begun=done.models > 1),
        _promotion_step(now, done=done.replaced, begun=done.models > 1),
    ]


def _gather_again_text(done: Milestones, now: _Now) -> str | LocalizedMessage:
    """Return what to do, unless a build would take in nothing that people liked."""
    if not now.liked and now.unfit:
        return _unfit_text(now)
    if now.liked and now.build and now.build.state == "succeeded":
        voted_at, built_at = done.voted_at or 0.0, now.build.created_at or 0.0
        if built_at > voted_at:
            return mark(
                "The last build took in nothing that people liked, and its message says why. Ask for "
                "another hero, and vote on it first."
            )
    return mark("Confirm its plan.")


def _unfit_text(now: _Now) -> LocalizedMessage:
    return LocalizedMessage(
        "No text here may teach the next model ({reasons}): ask for another hero.",
        reasons=count_by_reason(now.unfit),
    )


def _last(*, seen: bool, whole: bool) -> Step:
    return Step(
        mark("See the best"),
        mark("The hall of fame has what people liked best; the next model learns from further votes."),
        _END if seen and whole else mark("The hall of fame was shown.") if seen else "",
        "/top",
        None,
        seen,
        in_discord=_IN_DISCORD if seen and whole else None,
    )


def _job_step(
    title: str, why: str, todo: str | LocalizedMessage, line: str, job: Job | None, *, done: bool
) -> Step:
    """Return a step that a job takes. While one waits or runs, it says so, and offers no other."""
    at_work = None if done or job is None else _at_work_text(job)
    if at_work:
        needs_operator = job is not None and job.state in ("planned", "paused")
        person, message = (OPERATOR, _id(job.message_id)) if needs_operator and job else (None, None)
        return Step(title, why, at_work, None, person, done, message=message)
    if job and job.state == "failed" and not done:
        todo = mark("The last try failed, and its message says why. Try once more.")
    return Step(title, why, todo, line, OPERATOR, done)


def _training_step(
    title: str, why: str, todo: str, now: _Now, *, held_back: bool, has_shipped: bool, done: bool
) -> Step:
    """Return a step that trains a model. After one that was held back, it asks for more examples."""
    if done or not held_back:
        return _job_step(title, why, todo, _TUNE, now.tuning, done=done)
    line = _BUILD_LARGER if has_shipped else _BUILD
    newest = max((job for job in (now.build, now.tuning) if job), key=lambda job: job.id, default=None)
    return _job_step(title, why, _HELD_BACK, line, newest, done=done)


def _at_work_text(job: Job) -> str | None:
    """Return what a job is doing or waiting for; None if it has ended, or its plan is shown nowhere."""
    if job.state == "planned":
        return mark("The plan is in the channel: press Confirm under it.") if job.message_id else None
    if job.state == "paused":
        return mark("It is paused: press Resume in its message, or Cancel.")
    if job.ended:
        return None
    if job.kind == "build":
        return mark("It runs: its message in the channel counts the examples.")
    if job.done == 0:
        return _BEGUN
    return mark("It runs: its message in the channel shows how far it is. Heroes are answered meanwhile.")


def _vote_step(now: _Now, *, done: bool) -> Step:
    title = mark("Vote")
    why = mark("What two people like, besides the one who asked for it, may teach the next model.")
    if done:
        return Step(title, why, "", None, None, done)
    if now.shown and now.voters:
        person = now.voters[0]
        todo = LocalizedMessage("As {person}, press 👍 under the hero.", person=person)
        return Step(title, why, todo, None, person, done, message=_id(now.shown.message_id))
    ask: str | LocalizedMessage = mark("No hero here can be voted on: ask for one first.")
    if now.shown:
        ask = mark("Everybody has voted: ask for another hero.")
    elif now.unfit:
        ask = _unfit_text(now)
    return Step(title, why, ask, f"/hero hero:{now.example}", None, done)


def _duel_step(now: _Now, *, done: bool, begun: bool) -> Step:
    title = mark("Let them duel")
    why = mark(
        "People decide which model is better: they choose between two texts, without knowing who wrote which."
    )
    if now.challenger is None and not done and not begun:
        return Step(title, why, _NO_SECOND_MODEL, None, None, done)
    if now.challenger is None and not done:
        return Step(title, why, _NO_CANDIDATE, "/models list", OPERATOR, done)
    todo = mark("Read both texts, and press the button of the better one.") if now.duel_message else ""
    message = None if done else _id(now.duel_message)
    return Step(title, why, todo, f"/duel hero:{now.example}", None, done, message=message)


def _promotion_step(now: _Now, *, done: bool, begun: bool) -> Step:
    title = mark("Promote the winner")
    why = mark("About twenty votes can show which model is better; among three people, an operator decides.")
    candidate = now.won.candidate_id if now.won else now.challenger.id if now.challenger else None
    if candidate is None and not done and not begun:
        return Step(title, why, _NO_SECOND_MODEL, None, None, done)
    if candidate is None or done:
        return Step(title, why, "" if done else _NO_CANDIDATE, "/models list", OPERATOR, done)
    todo = mark("If the candidate wrote better. {/models rollback} brings back the one before.")
    if now.won:
        todo = mark("The candidate has won its duels. {/models rollback} brings back the one before.")
    return Step(title, why, todo, f"/models promote model:{candidate}", OPERATOR, done)


def _id(message_id: int | None) -> str | None:
    return None if message_id is None else str(message_id)


# An untuned small model gets help that a tuned one does without: unsaid, their texts could not be compared.
_HELPED = mark(
    "Any age, gender and power will do. Untrained, the model gets help: the beginning and the ending of its "
    "text are put together from lists, and it writes only the sentence between them."
)
_UNHELPED = mark(
    "Now the model writes the whole text by itself. Of the first one it wrote only the sentence in the "
    "middle: compare that with this."
)
# What was done in each step of the loop.
_RESULTS = (
    mark("The model has described a hero."),
    mark("The first dataset is there."),
    mark("A model was trained, and has passed its check."),
    mark("The trained model has described a hero."),
    mark("Two people like a text, which may teach the next model."),
    mark("A dataset has texts that people liked."),
    mark("A second model was trained, and has passed its check."),
    mark("People have voted in a duel."),
    mark("Another model has replaced the first one."),
)
_END = mark(
    "That was the whole loop: close this guide with ✕. {/help} lists every command. It goes on in your own "
    "Discord, with the models that you have trained here:"
)
_HELD_BACK = mark(
    "The new model writes too badly to go on, and its message says why. More examples help most: gather "
    "them, then train once more."
)
_BEGUN = mark(
    "It has begun: the model is loaded and measured first, and only then its bar moves. "
    "Heroes are answered meanwhile."
)
_NO_SECOND_MODEL = mark("It takes a second model, which the steps before this one make.")
_NO_CANDIDATE = mark(
    "No new model is in duels with the live one now: the end of its training says why. "
    "More votes, another build and another training make the next one."
)
