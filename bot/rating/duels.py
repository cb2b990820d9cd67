"""Duels: two models describe one hero, and people say blind which text is better."""

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
from bot.llm.stream import Stream
from bot.rating.trial_status import TrialStatus
from bot.rating.trials import Trials
from bot.serving.describer import Describer
from bot.serving.generator import GeneratedText
from bot.store import descriptions, duels, trials
from bot.store.database import Database, Transaction
from bot.store.descriptions import Description
from bot.store.duels import Duel, DuelVote, Result, Side, other
from bot.store.models import Model
from bot.store.trials import Trial

log = logging.getLogger(__name__)

Position = Literal["a", "b"]
Choice = Literal["a", "b", "tie"]
Source = Literal["button", "simulated"]

_CHANCE = random.SystemRandom()
_SIDES: tuple[Side, Side] = ("live", "candidate")


@dataclass(frozen=True, slots=True)
class Pairing:
    """A duel as it is shown, and where: which text stands first tells nothing of who wrote it."""

    id: int
    a: Description
    b: Description
    channel_id: int | None
    message_id: int | None

    def text(self, position: Position) -> Description:
        return self.a if position == "a" else self.b

    @property
    def visible(self) -> bool:
        """Whether both texts may be seen, and so be voted on."""
        return self.a.removed_at is None and self.b.removed_at is None


@dataclass(frozen=True, slots=True)
class DuelVoteResult:
    """One person's vote in a duel, and who wrote which text. again: it was given before, and is final."""

    choice: Choice
    counts: bool
    repeated: bool
    a: Description
    b: Description
    live: Position


class Duels:
    """Pairs the live model with the candidate, and keeps what people pick."""

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
        self._voters = pseudonyms
        self._share = share
        self._account_days = account_days

    async def should_duel(self) -> bool:
        """Whether this /hero is to be a duel: a share of them is while a candidate is on trial."""
        return _CHANCE.random() < self._share and await self._trials.running() is not None

    async def run(
        self,
        hero: Hero,
        *,
        requester: int | str,
        guild_id: int | None = None,
        streams: tuple[Stream, Stream] | None = None,
    ) -> Pairing | Description | None:
        """Let both models describe a hero, and keep the texts.

        The streams are told the text that is to stand first, and the other. Where one model fails, the
        other's description alone is returned; where both do and the live one is lost, what /hero would
        answer. None where somebody stopped it amid the texts: there is nothing to compare where they are not
        whole, so nothing is kept. Raises UserError where no candidate is on trial, Unavailable where neither
        answers, Busy where too many wait, Stopped where nothing was written yet.
        """
        standing = await self._trials.status() if await self._trials.running() else None
        if standing is None:
            raise UserError(
                "There is no new model to try against the live one now. /hero describes a hero at any time."
            )
        first: Side = _CHANCE.choice(_SIDES)
        streams = streams or (Stream(), Stream())
        order = {first: streams[0], other(first): streams[1]}
        written, failed = await self._texts(hero, standing, order)
        if _stopped(written, failed):
            if any(stream.text for stream in streams):
                return None
            raise Stopped("Stopped before the first sentence was written.")
        if not written and isinstance(failed["live"], UnknownModel):
            return await self._describer.describe(
                hero, requester=requester, guild_id=guild_id, stream=streams[0]
            )
        if not written:
            raise failed["live"]
        keep = partial(self._describer.keep, hero=hero, requester=requester, guild_id=guild_id)
        async with self._db.write() as tx:
            kept = {side: await keep(tx, written=text) for side, text in written.items()}
            if len(kept) == 2:
                return await _pairing(tx, standing.trial, first, kept)
        return next(iter(kept.values()))

    async def shown_as(self, duel_id: int, channel_id: int, message_id: int) -> bool:
        """Note which message shows a duel. False where who asked for it has had it deleted meanwhile."""
        async with self._db.write() as tx:
            return await duels.shown_as(tx, duel_id, channel_id, message_id)

    async def get(self, duel_id: int) -> Pairing:
        """A duel as it is shown now. Raises UserError where there is no such duel."""
        async with self._db.read() as tx:
            return await _shown(tx, await _known(tx, duel_id))

    async def with_description(self, description_id: int) -> Pairing | None:
        """The duel in which a description is one of the texts, where there is one."""
        async with self._db.read() as tx:
            found = await duels.with_description(tx, description_id)
            return await _shown(tx, found) if found else None

    async def vote(
        self, duel_id: int, user: int | str, choice: Choice, *, source: Source = "button"
    ) -> DuelVoteResult:
        """Keep a person's vote, and decide the trial where it suffices, in one transaction.

        user is a Discord id, or a simulated voter's name. Raises UserError where there is no such duel, or
        one of its texts is out of sight.
        """
        voter, now = self._voters.of(user), time.time()
        days = account_days(user, now) if isinstance(user, int) else None
        async with self._db.write() as tx:
            duel = await _known(tx, duel_id)
            shown = await _shown(tx, duel)
            if not shown.visible:
                raise UserError("A text of this duel is out of sight now: there is nothing to compare.")
            trial = await trials.locked(tx, duel.trial_id)
            known = await duels.vote_of(tx, duel_id, voter)
            vote = known or DuelVote(
                duel_id,
                voter,
                trial.id,
                result := _result(duel, choice),
                counts=result != "tie"
                and trial.state == "running"
                and not self._too_young(days)
                and not await duels.is_spent(tx, duel, voter),
                source=source,
                account_days=days,
                at=now,
            )
            if known is None:
                await duels.add_vote(tx, vote)
            if known is None and vote.counts:
                await self._trials.evaluate(tx, trial)
            return _revealed(duel, shown, vote, again=known is not None)

    async def _texts(
        self, hero: Hero, standing: TrialStatus, streams: dict[Side, Stream]
    ) -> tuple[dict[Side, GeneratedText], dict[Side, HerosmithError]]:
        """What the sides write, and why others write nothing. The first given is first in the line."""
        models: dict[Side, Model] = {"live": standing.live, "candidate": standing.candidate}
        ends = await asyncio.gather(
            *(self._write(hero, models[side], stream) for side, stream in streams.items())
        )
        written: dict[Side, GeneratedText] = {}
        failed: dict[Side, HerosmithError] = {}
        for side, end in zip(streams, ends, strict=True):
            if isinstance(end, GeneratedText):
                written[side] = end
            else:
                failed[side] = end
        return written, failed

    async def _write(self, hero: Hero, model: Model, stream: Stream) -> GeneratedText | HerosmithError:
        try:
            return await self._describer.generate(hero, stream, model)
        except Stopped as error:
            return error
        except HerosmithError as error:
            if isinstance(error, UnknownModel):
                await self._describer.after(model)
            log.warning("model %d wrote nothing for a duel: %s", model.id, error, exc_info=error.__cause__)
            return error
        finally:
            stream.end()

    def _too_young(self, days: int | None) -> bool:
        return days is not None and days < self._account_days


def _stopped(written: dict[Side, GeneratedText], failed: dict[Side, HerosmithError]) -> bool:
    """Whether a person's Stop, and no trouble of a model's, left the texts no pair."""
    cut = any(text.answer.finish_reason == "stopped" for text in written.values())
    return (cut or bool(failed)) and all(isinstance(error, Stopped) for error in failed.values())


async def _pairing(tx: Transaction, trial: Trial, a: Side, kept: dict[Side, Description]) -> Pairing:
    duel = await duels.add(
        tx,
        trial_id=trial.id,
        live_description_id=kept["live"].id,
        candidate_description_id=kept["candidate"].id,
        a=a,
        at=time.time(),
    )
    return Pairing(duel.id, kept[a], kept[other(a)], duel.channel_id, duel.message_id)


async def _known(tx: Transaction, duel_id: int) -> Duel:
    duel = await duels.get(tx, duel_id)
    if duel is None:
        raise UserError("This duel is not known any more. /duel begins another one.")
    return duel


async def _shown(tx: Transaction, duel: Duel) -> Pairing:
    ids = [duel.live_description_id, duel.candidate_description_id]
    live, candidate = sorted(await descriptions.get_many(tx, ids), key=lambda each: ids.index(each.id))
    a, b = (live, candidate) if duel.a == "live" else (candidate, live)
    return Pairing(duel.id, a, b, duel.channel_id, duel.message_id)


def _result(duel: Duel, choice: Choice) -> Result:
    return "tie" if choice == "tie" else duel.a if choice == "a" else duel.b


def _revealed(duel: Duel, shown: Pairing, vote: DuelVote, *, again: bool) -> DuelVoteResult:
    choice: Choice = "tie" if vote.result == "tie" else "a" if vote.result == duel.a else "b"
    live: Position = "a" if duel.a == "live" else "b"
    return DuelVoteResult(choice, vote.counts, again, shown.a, shown.b, live)
