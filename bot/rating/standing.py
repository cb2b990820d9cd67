"""Standing: how a trial stands, in words that an operator understands."""

import math
from dataclasses import dataclass

from bot.rating import sequential
from bot.store.duels import Tally
from bot.store.models import Model
from bot.store.trials import Trial

_ENDS = {
    "running": "under way",
    "won": "won",
    "lost": "lost",
    "undecided": "ended undecided",
    "stopped": "stopped",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A trial, the two models in it, and the votes so far."""

    trial: Trial
    live: Model
    candidate: Model
    tally: Tally

    @property
    def title(self) -> str:
        """Who challenges whom, and how far that is."""
        return f"Trial {self.trial.id}, model {self.candidate.id} against {self.live.id}: {self.state}"

    @property
    def state(self) -> str:
        """How far it is, from the candidate's side."""
        return _ENDS[self.trial.state]

    @property
    def figures(self) -> str:
        """How many preferred the candidate, between which shares that may lie, and what is still needed."""
        wins, losses = self.tally.wins, self.tally.losses
        if not wins + losses:
            return f"no vote counts yet{self._beside}"
        low, high = sequential.interval(wins, losses)
        share = wins / (wins + losses)
        return (
            f"{wins} of {_people(wins + losses)} preferred the candidate ({100 * share:.0f} %, "
            f"surely between {math.floor(100 * low)} % and {math.ceil(100 * high)} %); "
            f"{self._evidence}{self._beside}"
        )

    @property
    def _evidence(self) -> str:
        wins, losses = self.tally.wins, self.tally.losses
        e = sequential.evidence(wins, losses)
        told = f"evidence {e:.0f}" if 10 <= e < 1e6 else f"evidence {e:.2g}"
        needed = f"{told} of the {sequential.NEEDED:.0f} needed"
        if self.trial.state != "running":
            return needed
        more = sequential.still_needed(wins, losses)
        return f"{needed}; " + (f"about {more} more" if more else "no end in sight")

    @property
    def _beside(self) -> str:
        """What was voted and does not count."""
        rest = self.tally.votes - self.tally.wins - self.tally.losses - self.tally.ties
        ties = "1 tie" if self.tally.ties == 1 else f"{self.tally.ties} ties"
        return f" ({ties}, {rest} {'vote' if rest == 1 else 'votes'} besides)" if self.tally.votes else ""


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"
