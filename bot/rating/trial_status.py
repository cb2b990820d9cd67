"""Standing: how a trial stands, in words that an operator understands."""

import math
from dataclasses import dataclass

from bot.i18n.message import Sentence, later
from bot.rating import sequential_test
from bot.store.duels import Tally
from bot.store.models import Model
from bot.store.trials import Trial

_ENDS = {
    "running": later("under way"),
    "won": later("won"),
    "lost": later("lost"),
    "undecided": later("ended undecided"),
    "stopped": later("stopped"),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A trial, the two models in it, and the votes so far."""

    trial: Trial
    live: Model
    candidate: Model
    tally: Tally

    @property
    def title(self) -> Sentence:
        """Who challenges whom, and how far that is."""
        return Sentence(
            "Trial {number}, model {candidate} against {live}: {state}",
            number=self.trial.id,
            candidate=self.candidate.id,
            live=self.live.id,
            state=self.state,
        )

    @property
    def state(self) -> Sentence:
        """How far it is, from the candidate's side."""
        return Sentence(_ENDS[self.trial.state])

    @property
    def figures(self) -> Sentence:
        """How many preferred the candidate, between which shares that may lie, and what is still needed."""
        wins, losses = self.tally.wins, self.tally.losses
        if not wins + losses:
            return Sentence("no vote counts yet{beside}", beside=self._beside)
        low, high = sequential_test.interval(wins, losses)
        return Sentence.counted(
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
    def _evidence(self) -> Sentence:
        wins, losses = self.tally.wins, self.tally.losses
        e = sequential_test.evidence(wins, losses)
        told = later("evidence {e:.2g} of the {needed:.0f} needed")
        if 10 <= e < 1e6:
            told = later("evidence {e:.0f} of the {needed:.0f} needed")
        evidence = Sentence(told, e=e, needed=sequential_test.NEEDED)
        if self.trial.state != "running":
            return evidence
        more = sequential_test.still_needed(wins, losses)
        if not more:
            return Sentence("{evidence}; no end in sight", evidence=evidence)
        return Sentence("{evidence}; about {more} more", evidence=evidence, more=more)

    @property
    def _beside(self) -> Sentence | str:
        """What was voted and does not count."""
        if not self.tally.votes:
            return ""
        rest = self.tally.votes - self.tally.wins - self.tally.losses - self.tally.ties
        return Sentence(
            " ({ties}, {others} besides)",
            ties=Sentence.counted("{number} tie", "{number} ties", self.tally.ties),
            others=Sentence.counted("{number} vote", "{number} votes", rest),
        )
