"""Standing: how a trial stands, in words that an operator understands."""

import math
from dataclasses import dataclass

from bot.i18n.message import LocalizedMessage, mark
from bot.rating import sequential_test
from bot.store.duels import DuelTally
from bot.store.models import Model
from bot.store.trials import Trial

_ENDS = {
    "running": mark("under way"),
    "won": mark("won"),
    "lost": mark("lost"),
    "undecided": mark("ended undecided"),
    "stopped": mark("stopped"),
}


@dataclass(frozen=True, slots=True)
class TrialStatus:
    """A trial, the two models in it, and the votes so far."""

    trial: Trial
    live: Model
    candidate: Model
    tally: DuelTally

    @property
    def title(self) -> LocalizedMessage:
        """Who challenges whom, and how far that is."""
        return LocalizedMessage(
            "Trial {number}, model {candidate} against {live}: {state}",
            number=self.trial.id,
            candidate=self.candidate.id,
            live=self.live.id,
            state=self.state,
        )

    @property
    def state(self) -> LocalizedMessage:
        """How far it is, from the candidate's side."""
        return LocalizedMessage(_ENDS[self.trial.state])

    @property
    def figures(self) -> LocalizedMessage:
        """How many preferred the candidate, between which shares that may lie, and what is still needed."""
        wins, losses = self.tally.wins, self.tally.losses
        if not wins + losses:
            return LocalizedMessage("no vote counts yet{beside}", beside=self._beside)
        low, high = sequential_test.interval(wins, losses)
        return LocalizedMessage.counted(
            "{wins} of {number} person preferred the candidate ({share:.0f} %, surely between {low} % and "
            "{high} %); {evidence}{beside}",
            "{wins} of {number} people preferred the candidate ({share:.0f} %, surely between {low} % and "
            "{high} %); {evidence}{beside}",
            wins + losses,
            wins=wins,
            share=100 * wins / (wins + losses),
            low=math.floor(100 * low),
            high=math.ceil(100 * high),
            evidence=self._evidence,
            beside=self._beside,
        )

    @property
    def _evidence(self) -> LocalizedMessage:
        wins, losses = self.tally.wins, self.tally.losses
        e = sequential_test.evidence(wins, losses)
        told = mark("evidence {e:.2g} of the {needed:.0f} needed")
        if 10 <= e < 1e6:
            told = mark("evidence {e:.0f} of the {needed:.0f} needed")
        evidence = LocalizedMessage(told, e=e, needed=sequential_test.EVIDENCE_THRESHOLD)
        if self.trial.state != "running":
            return evidence
        more = sequential_test.still_needed(wins, losses)
        if not more:
            return LocalizedMessage("{evidence}; no end in sight", evidence=evidence)
        return LocalizedMessage("{evidence}; about {more} more", evidence=evidence, more=more)

    @property
    def _beside(self) -> LocalizedMessage | str:
        """What was voted and does not count."""
        if not self.tally.votes:
            return ""
        rest = self.tally.votes - self.tally.wins - self.tally.losses - self.tally.ties
        return LocalizedMessage(
            " ({ties}, {others} besides)",
            ties=LocalizedMessage.counted("{number} tie", "{number} ties", self.tally.ties),
            others=LocalizedMessage.counted("{number} vote", "{number} votes", rest),
        )
