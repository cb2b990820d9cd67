"""Duels: two models describe one hero, and people say which text is better without knowing the models."""

import asyncio
import logging
import random
import time
from dataclasses import dataclass
from functools import partial
from typing import Literal

from bot.community.accounts import Pseudonyms, account_days
from bot.errors import HerosmithError, Stopped, UnknownModel, UserError
from bot.heroes.hero import Hero
from bot.i18n.message import LocalizedMessage
from bot.llm.stream import Stream
from bot.rating.trial_status import TrialStatus
from bot.rating.trials import Trials
from bot.serving.describer import Describer
from bot.serving.generator import GeneratedText
from bot.store import descriptions, duels, models, trials
from bot.store.database import Database, Transaction
from bot.store.descriptions import Description
from bot.store.duels import Duel, DuelVote, Result, Side, other_side
from bot.store.models import Model
from bot.store.trials import Trial

log = logging.getLogger(__name__)

Position = Literal["a", "b"]
Choice = Literal["a", "b", "tie"]
Source = Literal["button", "simulated"]

_RANDOM = random.SystemRandom()
_SIDES: tuple[Side, Side] = ("live", "candidate")


@dataclass(frozen=True, slots=True)
class Pairing:
    """A duel as it is shown, and where. The order of the texts is random, so it hides the models."""

    id: int
    a: Description
    b: Description
    channel_id: int | None
    message_id: int | None

    def text(self, position: Position) -> Description:
        return self.a if position == "a" else self.b

    @property
    def visible(self) -> bool:
        """Whether neither text is hidden, so that people can vote."""
        return self.a.removed_at is None and self.b.removed_at is None


@dataclass(frozen=True, slots=True)
class DuelVoteResult:
    """One person's vote in a duel, and the model of each text.

    not_counted: why a new vote does not count in the trial; repeated: this person voted before, and that vote
    stays; progress: how far the trial is, None if it is over;
    live: the position of the text by the model that was live in the trial; is_trial_over: whether the trial
    has ended, by this vote or before; serving: the number of the model that is live now, None for the base.
    """

    choice: Choice
    not_counted: LocalizedMessage | None
    repeated: bool
    progress: LocalizedMessage | None
    a: Description
    b: Description
    live: Position
    is_trial_over: bool
    serving: int | None


class Duels:
    """Pairs texts of the live model and the candidate, and records people's votes.

    share: of /hero requests that become duels during a trial; account_days: the minimum age of accounts.
    """

    def __init__(
        self,
        db: Database,
        trials: Trials,
        describer: Describer,
        pseudonyms: Pseudonyms,
        *,
        share: float,
        account_days: int,
    ) -> None:
        self._db = db
        self._trials = trials
        self._describer = describer
        self._pseudonyms = pseudonyms
        self._share = share
        self._account_days = account_days

    async def should_duel(self) -> bool:
        """Decide at random whether this /hero becomes a duel: a share of them do during a trial."""
        return _RANDOM.random() < self._share and await self._trials.running() is not None

    async def run(
        self,
        hero: Hero,
        *,
        requester: int | str,
        guild_id: int | None = None,
        streams: tuple[Stream, Stream] | None = None,
    ) -> Pairing | Description | None:
        """Generate a description by each model, and store both.

        streams: of the text that is shown first, and of the other. If one model fails, the other's text is
        returned alone; if the server knows neither model, the description that /hero would give. Returns
        None if somebody stopped the duel before both texts were complete: they cannot be compared, so nothing
        is stored.
        Raises UserError if no candidate is on trial, Unavailable if neither model answers, Busy if too many
        wait, Stopped if the duel was stopped before the first sentence.
        """
        status = await self._trials.status() if await self._trials.running() else None
        if status is None:
            raise UserError(
                "No new model is on trial right now, so there is nothing to compare. `/hero` describes a "
                "hero at any time."
            )
        first: Side = _RANDOM.choice(_SIDES)
        streams = streams or (Stream(), Stream())
        by_side = {first: streams[0], other_side(first): streams[1]}
        texts, errors = await self._generate_both(hero, status, by_side)
        if _was_stopped(texts, errors):
            if any(stream.text for stream in streams):
                return None
            raise Stopped("Stopped before the first sentence was written.")
        if not texts and isinstance(errors["live"], UnknownModel):
            return await self._describer.describe(
                hero, requester=requester, guild_id=guild_id, stream=streams[0]
            )
        if not texts:
            raise errors["live"]
        keep = partial(self._describer.keep, hero=hero, requester=requester, guild_id=guild_id)

        async def store(tx: Transaction) -> Pairing | Description:
            kept = {side: await keep(tx, written=text) for side, text in texts.items()}
            if len(kept) == 2:
                return await _add_duel(tx, status.trial, first, kept)
            return next(iter(kept.values()))

        return await self._db.write_when_free(store)

    async def set_message(self, duel_id: int, channel_id: int, message_id: int) -> bool:
        """Note which message shows a duel. Returns False if its requester has had it deleted."""
        return await self._db.write_when_free(
            lambda tx: duels.set_message(tx, duel_id, channel_id, message_id)
        )

    async def get(self, duel_id: int) -> Pairing:
        """Return a duel as it should be shown now. Raises UserError if there is no such duel."""
        async with self._db.read() as tx:
            return await _load_pairing(tx, await _get_duel(tx, duel_id))

    async def with_description(self, description_id: int) -> Pairing | None:
        """Return the duel of which a description is one of the texts; None if there is none."""
        async with self._db.read() as tx:
            duel = await duels.get_by_description(tx, description_id)
            return await _load_pairing(tx, duel) if duel else None

    async def vote(
        self, duel_id: int, user: int | str, choice: Choice, *, source: Source = "button"
    ) -> DuelVoteResult:
        """Record a person's vote, and decide the trial if the evidence suffices, in one transaction.

        The first vote of a person in a duel is final. user: a Discord id, or a simulated voter's name. Raises
        UserError if there is no such duel, or one of its texts is hidden.
        """
        voter, now = self._pseudonyms.of(user), time.time()
        days = account_days(user, now) if isinstance(user, int) else None

        async def record(tx: Transaction) -> DuelVoteResult:
            duel = await _get_duel(tx, duel_id)
            pairing = await _load_pairing(tx, duel)
            if not pairing.visible:
                raise UserError("A text of this duel is hidden now, so there is nothing to compare.")
            trial = await trials.get_known(tx, duel.trial_id)
            previous = await duels.get_vote(tx, duel_id, voter)
            result = _result(duel, choice)
            not_counted = None
            if previous is None:
                not_counted = await self._not_counted(tx, duel, trial, voter, result, days)
            vote = previous or DuelVote(
                duel_id,
                voter,
                trial.id,
                result,
                counts=not_counted is None,
                source=source,
                account_days=days,
                at=now,
            )
            if previous is None:
                await duels.add_vote(tx, vote)
            if previous is None and vote.counts:
                await self._trials.evaluate(tx, trial)
            status = await self._trials.load_status(tx, trial)
            serving = await models.get_live(tx)
            return DuelVoteResult(
                _choice(duel, vote.result),
                not_counted=not_counted,
                repeated=previous is not None,
                progress=status.progress,
                a=pairing.a,
                b=pairing.b,
                live="a" if duel.a == "live" else "b",
                is_trial_over=status.trial.state != "running",
                serving=serving.id if serving else None,
            )

        return await self._db.write_when_free(record)

    async def _generate_both(
        self, hero: Hero, status: TrialStatus, streams: dict[Side, Stream]
    ) -> tuple[dict[Side, GeneratedText], dict[Side, HerosmithError]]:
        """Return the texts of the sides, and the errors of those that failed. The first side queues first."""
        writers: dict[Side, Model] = {"live": status.live, "candidate": status.candidate}
        results = await asyncio.gather(
            *(self._generate(hero, writers[side], stream) for side, stream in streams.items())
        )
        texts: dict[Side, GeneratedText] = {}
        errors: dict[Side, HerosmithError] = {}
        for side, result in zip(streams, results, strict=True):
            if isinstance(result, GeneratedText):
                texts[side] = result
            else:
                errors[side] = result
        return texts, errors

    async def _generate(self, hero: Hero, model: Model, stream: Stream) -> GeneratedText | HerosmithError:
        try:
            return await self._describer.generate(hero, stream, model)
        except Stopped as error:
            return error
        except HerosmithError as error:
            if isinstance(error, UnknownModel):
                await self._describer.fallback(model)
            log.warning("model %d wrote nothing for a duel: %s", model.id, error, exc_info=error.__cause__)
            return error
        finally:
            stream.end()

    async def _not_counted(
        self, tx: Transaction, duel: Duel, trial: Trial, voter: str, result: Result, days: int | None
    ) -> LocalizedMessage | None:
        """Return why a new vote does not count in the trial, for the voter; None if it does."""
        if trial.state != "running":
            return LocalizedMessage("It comes too late to count.")
        if result == "tie":
            return LocalizedMessage("A tie counts for neither of them.")
        if days is not None and days < self._account_days:
            return LocalizedMessage(
                "It does not count, because your Discord account is younger than {days} days.",
                days=self._account_days,
            )
        counted = await duels.find_counted_vote(tx, duel, voter)
        if counted == "voter":
            return LocalizedMessage(
                "It does not count, because an earlier vote of yours does: one of each person in a trial."
            )
        if counted == "duel":
            return LocalizedMessage(
                "It does not count, because somebody was faster: one vote counts in each duel. `/duel` "
                "starts another one."
            )
        return None


def _was_stopped(texts: dict[Side, GeneratedText], errors: dict[Side, HerosmithError]) -> bool:
    """Return whether a text is missing or cut because of a Stop, not because a model failed."""
    cut = any(text.answer.finish_reason == "stopped" for text in texts.values())
    return (cut or bool(errors)) and all(isinstance(error, Stopped) for error in errors.values())


async def _add_duel(tx: Transaction, trial: Trial, a: Side, kept: dict[Side, Description]) -> Pairing:
    duel = await duels.add(
        tx,
        trial_id=trial.id,
        live_description_id=kept["live"].id,
        candidate_description_id=kept["candidate"].id,
        a=a,
        at=time.time(),
    )
    return Pairing(duel.id, kept[a], kept[other_side(a)], duel.channel_id, duel.message_id)


async def _get_duel(tx: Transaction, duel_id: int) -> Duel:
    duel = await duels.get(tx, duel_id)
    if duel is None:
        raise UserError("This duel is over. `/duel` starts another one.")
    return duel


async def _load_pairing(tx: Transaction, duel: Duel) -> Pairing:
    ids = [duel.live_description_id, duel.candidate_description_id]
    found = await descriptions.get_many(tx, ids)
    live, candidate = sorted(found, key=lambda description: ids.index(description.id))
    a, b = (live, candidate) if duel.a == "live" else (candidate, live)
    return Pairing(duel.id, a, b, duel.channel_id, duel.message_id)


def _result(duel: Duel, choice: Choice) -> Result:
    return "tie" if choice == "tie" else duel.a if choice == "a" else duel.b


def _choice(duel: Duel, result: Result) -> Choice:
    return "tie" if result == "tie" else "a" if result == duel.a else "b"
