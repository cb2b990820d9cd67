"""Trial status: a trial's votes and evidence, in words for operators."""

import math
from dataclasses import dataclass

from bot.i18n.message import LocalizedMessage, mark
from bot.rating import sequential_test
from bot.store.duels import DuelTally
from bot.store.models import Model
from bot.store.trials import Trial

_STATES = {
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
        """Which model challenges which, and the state of the trial."""
        return LocalizedMessage(
            "Trial {number}, model {candidate} against {live}: {state}",
            number=self.trial.id,
            candidate=self.candidate.id,
            live=self.live.id,
            state=self.state,
        )

    @property
    def state(self) -> LocalizedMessage:
        """The state, from the candidate's side."""
        return LocalizedMessage(_STATES[self.trial.state])

    @property
    def figures(self) -> LocalizedMessage:
        """The share that preferred the candidate with its 95 % interval, and the evidence."""
        wins, losses = self.tally.wins, self.tally.losses
        if not wins + losses:
            return LocalizedMessage("no vote counts yet{beside}", beside=self._not_counted)
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
            beside=self._not_counted,
        )

    @property
    def _evidence(self) -> LocalizedMessage:
        wins, losses = self.tally.wins, self.tally.losses
        e = sequential_test.evidence(wins, losses)
        template = mark("evidence {e:.2g} of the {needed:.0f} needed")
        if 10 <= e < 1e6:
            template = mark("evidence {e:.0f} of the {needed:.0f} needed")
        evidence = LocalizedMessage(template, e=e, needed=sequential_test.EVIDENCE_THRESHOLD)
        if self.trial.state != "running":
            return evidence
        more = sequential_test.still_needed(wins, losses)
        if not more:
            return LocalizedMessage("{evidence}; no end in sight", evidence=evidence)
        return LocalizedMessage("{evidence}; about {more} more", evidence=evidence, more=more)

    @property
    def _not_counted(self) -> LocalizedMessage | str:
        """The votes that do not count."""
        if not self.tally.votes:
            return ""
        others = self.tally.votes - self.tally.wins - self.tally.losses - self.tally.ties
        return LocalizedMessage(
            " ({ties}, {others} besides)",
            ties=LocalizedMessage.counted("{number} tie", "{number} ties", self.tally.ties),
            others=LocalizedMessage.counted("{number} vote", "{number} votes", others),
        )
